"""What a server knows about the reference beside a model."""

from dataclasses import dataclass

from assayd.identity import ModelIdentity, identity_of
from assayd.v1 import monitoring_pb2

_KINDS: dict[int, str] = {
    monitoring_pb2.COLUMN_KIND_NUMERIC: "numeric",
    monitoring_pb2.COLUMN_KIND_CATEGORICAL: "categorical",
    monitoring_pb2.COLUMN_KIND_EMBEDDING: "embedding",
}


@dataclass(frozen=True, slots=True)
class ReferenceColumn:
    """A column of the reference."""

    name: str
    kind: str
    """numeric, categorical or embedding."""
    bins: tuple[str, ...]
    """The names of its b bins; the last one is for missing values. None of the embedding."""
    counts: tuple[int, ...]
    """(b,): how many rows of the reference are in each bin."""


@dataclass(frozen=True, slots=True)
class ReferenceInfo:
    """What the server knows about the reference of one model."""

    digest: str
    """"sha256:" and 64 hexadecimal digits, of the file."""
    row_count: int
    """Rows that windows are compared with."""
    fitted_rows: int
    """Rows that novelty was fitted to."""
    calibration_rows: int
    """Other rows, that it was calibrated with."""
    columns: tuple[ReferenceColumn, ...]
    novelty_measures: tuple[str, ...]
    """The measures that score can be asked for."""
    model_digest: str
    """Of the ONNX file that it was made with."""
    warnings: tuple[str, ...]
    """What was to be said when it was built."""
    model: ModelIdentity
    """The model whose reference it is."""


def kind_of(number: monitoring_pb2.ColumnKind) -> str:
    """What a column is, in words."""
    return _KINDS.get(number, "unknown")  # of a server that is newer


def reference_info(response: monitoring_pb2.GetReferenceResponse) -> ReferenceInfo:
    """What a response holds."""
    reference = response.reference
    return ReferenceInfo(
        digest=reference.digest,
        row_count=reference.row_count,
        fitted_rows=reference.fitted_rows,
        calibration_rows=reference.calibration_rows,
        columns=tuple(
            ReferenceColumn(column.name, kind_of(column.kind), tuple(column.bins), tuple(column.counts))
            for column in reference.columns
        ),
        novelty_measures=tuple(reference.novelty_measures),
        model_digest=reference.model_digest,
        warnings=tuple(reference.warnings),
        model=identity_of(response.model),
    )
