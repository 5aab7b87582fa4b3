"""`assayctl drift`."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import pyarrow as pa
import typer

from assayd import Client, DriftOptions, DriftReport, InvalidArgumentError
from assayd.cli import flags, progress, sources
from assayd.cli.bulk import batch_rows
from assayd.cli.columns import Columns, choose
from assayd.cli.connecting import connected
from assayd.cli.drift_document import document
from assayd.cli.drift_page import write_page
from assayd.cli.exits import CommandError, ExitCode, UsageError, one_sentence
from assayd.cli.monitored_rows import KINDS, As, Compare, Delta, IdColumn, compared, row_types
from assayd.cli.printing import print_json, print_text
from assayd.cli.sinks import check_output
from assayd.cli.sources.reading import Reading, Source
from assayd.cli.window import default_sample_rows, read_window
from assayd.drift_options import Sample
from assayd.drift_table import text_of
from assayd.requests import LEVEL_MAX

_DEADLINE_SECONDS = 60.0
_ROWS_MAX = 2**31 - 1

_Input = Annotated[Path, typer.Option("--input", help="The rows: .parquet, .csv or .npy.")]
_Alpha = Annotated[
    float | None,
    typer.Option(callback=flags.above_0(LEVEL_MAX), help="The level of the whole test; default 0.01."),
]
_SampleRows = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=_ROWS_MAX,
        metavar="N",
        help="Test a random sample of so many; default a 20th of the reference's, from 1,000 to 10,000.",
    ),
]
_Seed = Annotated[int, typer.Option(min=0, max=2**64 - 1, metavar="N", help="Of the sample.")]
_Html = Annotated[Path | None, typer.Option(metavar="PATH", help="Write a page with plots too: .html.")]
_Quiet = Annotated[bool, typer.Option("--quiet", help="Print nothing: the exit code tells.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Window:
    source: Source
    columns: Columns
    """Those of the rows alone."""
    kind: str
    types: Mapping[str, pa.DataType]
    """How to read the columns of a format that has no types."""
    sample: Sample


def drift(
    *,
    rows: _Input,
    kind: As = "inputs",
    alpha: _Alpha = None,
    delta: Delta = None,
    compare: Compare = None,
    sample_rows: _SampleRows = None,
    seed: _Seed = 0,
    html: _Html = None,
    overwrite: flags.Overwrite = False,
    columns: flags.Columns = None,
    id_column: IdColumn = None,
    wire_type: flags.WireType = None,
    quiet: _Quiet = False,
    model: flags.Model = "",
    version: flags.Version = 0,
    address: flags.Address = flags.ADDRESS,
    deadline_seconds: flags.DeadlineSeconds = _DEADLINE_SECONDS,
    as_json: flags.Json = False,
) -> None:
    """Test whether a file of rows still looks like the reference: exit code 0 if so, 4 if it has drifted.

    A column has drifted where there is both an effect of at least delta and evidence at the level alpha, corrected
    for the number of columns. Of a long file a random sample is tested, the same one each time.

    \b
    Examples:
      assayctl drift --input today.parquet
      assayctl drift --input today.csv --id-column id --html report.html --overwrite
      assayctl drift --input logits.npy --as logits --compare entropy,class --json
    """
    with one_sentence(as_json=as_json):
        if html is not None:
            check_output(html, rows=rows, overwrite=overwrite, flag="--html", extensions=(".html",))
        source = sources.open_source(rows)
        features = Columns(choose(source, columns, id_column).features, None)
        wanted = DriftOptions(
            alpha=alpha,
            delta=delta,
            columns=compared(compare),
            wire_type=wire_type,
            model=model,
            version=version,
        )
        with connected(address, deadline_seconds) as client:
            info, reference = client.model(model, version=version), client.reference(model, version=version)
            borne = default_sample_rows(reference.row_count, source.row_bytes(features.all))
            window = _Window(
                source=source,
                columns=features,
                kind=kind,
                types=row_types(kind, features, info),
                sample=Sample(sample_rows or borne, seed),
            )
            report = _tested(client, window, wanted, quiet=quiet)
        if html is not None:
            write_page(html, report, title=rows.name)
        _print(report, as_json=as_json, quiet=quiet)
    if report.drifted:
        raise typer.Exit(ExitCode.DRIFTED)


def _tested(client: Client, window: _Window, wanted: DriftOptions, *, quiet: bool) -> DriftReport:
    source, columns = window.source, window.columns
    reading = Reading(columns=columns.all, batch_rows=batch_rows(source, columns), types=window.types)
    with progress.shown(total=source.row_count, done=0, quiet=quiet) as shown:
        read = read_window(source, reading, window.sample, shown)
    given: dict[str, Any] = {KINDS[window.kind]: read.rows}
    try:
        report = client.test_drift(**given, **wanted)
    except InvalidArgumentError as error:
        raise _told(error, source) from None
    return replace(report, sampled_from=read.row_count) if len(read.rows) < read.row_count else report


def _told(error: InvalidArgumentError, source: Source) -> Exception:
    """In the words of the command line."""
    if error.reason == "TOO_MANY_ROWS":
        fitting = error.details["rows_max"]
        return UsageError(f"--sample-rows: a window goes in one call, which takes {fitting} of these rows")
    return error if error.reason else CommandError(f"{source.path}: {error.message}")  # else the server's


def _print(report: DriftReport, *, as_json: bool, quiet: bool) -> None:
    if as_json:
        print_json(document(report))
    elif not quiet:
        print_text(text_of(report))
