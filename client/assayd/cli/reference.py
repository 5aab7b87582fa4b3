"""`assayctl reference`."""

from collections.abc import Iterator
from dataclasses import asdict

from assayd import ReferenceInfo
from assayd.cli import flags
from assayd.cli.connecting import connected
from assayd.cli.exits import one_sentence
from assayd.cli.printing import print_columns, print_json
from assayd.connection import DEADLINE_SECONDS


def reference(
    *,
    model: flags.Model = "",
    version: flags.Version = 0,
    address: flags.Address = flags.ADDRESS,
    deadline_seconds: flags.DeadlineSeconds = DEADLINE_SECONDS,
    as_json: flags.Json = False,
) -> None:
    """Print what the reference beside a served model holds: what score and drift compare rows with.

    \b
    Examples:
      assayctl reference
      assayctl reference --model digits --json
    """
    with one_sentence(as_json=as_json):
        with connected(address, deadline_seconds) as client:
            info = client.reference(model, version=version)
        if as_json:
            print_json(asdict(info))
        else:
            print_columns(described(info))


def described(info: ReferenceInfo) -> Iterator[tuple[str, str]]:
    """What a reference is, in words and for people."""
    yield "model", f"{info.model.name} version {info.model.version}"
    yield "digest", info.digest
    yield "made with", info.model_digest
    yield (
        "rows",
        f"{info.row_count:,}; of novelty {info.fitted_rows:,} fitted, {info.calibration_rows:,} calibrated",
    )
    yield "novelty", ", ".join(info.novelty_measures) or "none"
    for column in info.columns:
        bins = f", {len(column.bins)} bins, {sum(column.counts):,} rows" if column.bins else ""
        yield "column", f"{column.name}: {column.kind}{bins}"
    yield from (("warning", warning) for warning in info.warnings)
