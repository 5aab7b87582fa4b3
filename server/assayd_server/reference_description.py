"""What a reference holds, as text for people."""

from collections.abc import Iterator

from assayd_server.core.drift.layout import Role
from assayd_server.reference_file import Reference


def described_reference(reference: Reference) -> str:
    """Line by line."""
    return "\n".join(_lines(reference))


def _lines(reference: Reference) -> Iterator[str]:
    manifest, layout = reference.manifest, reference.drift.layout
    yield f"reference {reference.digest}"
    yield f"of model {manifest.model_digest}, embedding: {manifest.embedding or 'none'}"
    yield (
        f"rows: {reference.drift.state.rows:,} for drift; {manifest.fitted_rows:,} fit novelty, "
        f"{manifest.calibration_rows:,} others calibrate it"
    )
    deciding = [column.name for column in layout.columns if column.role is Role.DECIDES]
    yield f"columns: {', '.join([*deciding, *(['embedding'] if layout.embedding else [])])}"
    informing = len(layout.columns) - len(deciding)
    if informing:
        yield f"and {informing} of single classes, which inform"
    measures = ", ".join(reference.novelty.measures)
    yield f"novelty: {measures or 'none, the model has neither classes nor an embedding'}"
    yield from (f"warning: {warning}" for warning in manifest.warnings)
