"""`assayctl drift`."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pyarrow as pa
import typer
from numpy.typing import NDArray

from assayd import Client, DriftOptions, DriftReport, InvalidArgumentError, ModelInfo
from assayd.cli import flags, progress
from assayd.cli.bulk import batch_rows
from assayd.cli.columns import Columns
from assayd.cli.connecting import connected
from assayd.cli.drift_document import document
from assayd.cli.drift_page import write_page
from assayd.cli.exits import CommandError, ExitCode, UsageError, one_sentence
from assayd.cli.labels.names import ClassNames
from assayd.cli.labels.rows import Asked, RowFile, open_rows
from assayd.cli.monitored_rows import KINDS, As, Compare, Delta, IdColumn, compared, row_types
from assayd.cli.printing import print_json, print_text
from assayd.cli.progress import Silence
from assayd.cli.sinks import check_output
from assayd.cli.sources.reading import Reading, Source
from assayd.cli.window import Rows, Window, default_sample_rows, read_window
from assayd.drift_options import Sample
from assayd.drift_table import text_of
from assayd.requests import LEVEL_MAX

_DEADLINE_SECONDS = 60.0
_ROWS_MAX = 2**31 - 1
_LABELS_AT_ONCE = 65_536

_Input = Annotated[Path, typer.Option("--input", help="The rows: .parquet, .csv or .npy.")]
_Labels = Annotated[
    str | None,
    typer.Option(
        metavar="COLUMN|FILE",
        help="Compare labels too: the column with them, or a .npy file. The reference needs labels as well.",
    ),
]
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
class _Wanted:
    file: RowFile
    names: ClassNames
    """By which labels are known."""
    types: Mapping[str, pa.DataType]
    """How to read the columns of a format that has no types."""
    sample: Sample


def drift(
    *,
    rows: _Input,
    kind: As = "inputs",
    labels: _Labels = None,
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
      assayctl drift --input verified.parquet --id-column id --labels label
      assayctl drift --input logits.npy --as logits --compare entropy,class --json
    """
    with one_sentence(as_json=as_json):
        if html is not None:
            check_output(html, rows=rows, overwrite=overwrite, flag="--html", extensions=(".html",))
        asked = Asked(
            path=rows,
            kind=kind,
            columns=columns,
            id_column=id_column,
            labels=labels,
            batch_rows=None,
            model=model,
            version=version,
        )
        file = _opened(asked)
        options = DriftOptions(
            alpha=alpha,
            delta=delta,
            columns=compared(compare),
            wire_type=wire_type,
            model=model,
            version=version,
        )
        with connected(address, deadline_seconds) as client:
            info, reference = client.model(model, version=version), client.reference(model, version=version)
            borne = default_sample_rows(reference.row_count, file.source.row_bytes(file.columns.all))
            wanted = _wanted(file, info, Sample(sample_rows or borne, seed))
            report = _tested(client, wanted, options, quiet=quiet)
        if html is not None:
            write_page(html, report, title=rows.name)
        _print(report, as_json=as_json, quiet=quiet)
    if report.drifted:
        raise typer.Exit(ExitCode.DRIFTED)


def _opened(asked: Asked) -> RowFile:
    """The file without its ids, which no test looks at.

    Raises:
        UsageError: there is no such file or column, or the rows have no predictions that labels go with.
        CommandError: a file is not what its extension says.
    """
    if asked.labels is not None and asked.kind == "embeddings":
        raise UsageError("--labels: are compared with predictions, which embeddings alone do not have")
    file = open_rows(asked)
    return replace(file, columns=Columns(file.columns.features, None))


def _wanted(file: RowFile, model: ModelInfo, sample: Sample) -> _Wanted:
    types = dict(row_types(file.asked.kind, file.columns, model))
    if file.label_column is not None:
        types[file.label_column] = pa.string()
    return _Wanted(file=file, names=ClassNames(model.labels, count=model.class_count), types=types, sample=sample)


def _tested(client: Client, wanted: _Wanted, options: DriftOptions, *, quiet: bool) -> DriftReport:
    file, source = wanted.file, wanted.file.source
    reading = Reading(columns=file.all_columns, batch_rows=batch_rows(source, file.columns), types=wanted.types)
    with progress.shown(total=source.row_count, done=0, quiet=quiet) as shown:
        read = read_window(source, reading, wanted.sample, shown)
    given: dict[str, Any] = {KINDS[file.asked.kind]: _unlabeled(read, file), "labels": _labels(read, wanted)}
    try:
        report = client.test_drift(**given, **options)
    except InvalidArgumentError as error:
        raise _told(error, source) from None
    return replace(report, sampled_from=read.row_count) if len(read.rows) < read.row_count else report


def _unlabeled(read: Window, file: RowFile) -> Rows:
    """The rows alone."""
    return read.rows if isinstance(read.rows, np.ndarray) else read.rows.select(list(file.columns.features))


def _labels(read: Window, wanted: _Wanted) -> NDArray[np.int64] | None:
    """Those of the rows that were read; None where nobody asked.

    Raises:
        CommandError: there are more or fewer of them than rows, or one is no class.
    """
    file, beside = wanted.file, wanted.file.label_file
    if file.label_column is not None:
        assert isinstance(read.rows, pa.Table)  # what has no columns was refused
        column = read.rows.column(file.label_column)
        if pa.types.is_dictionary(column.type):  # each batch may have one of its own
            column = column.cast(column.type.value_type)
        return wanted.names.positions(column.combine_chunks(), f"{file.source.path}: {file.label_column}")
    if beside is None:
        return None
    if beside.row_count != read.row_count:
        raise file.labels_differ()
    # the sample goes by the count of rows and the seed alone, so this one is of the same rows
    found = read_window(beside, Reading(columns=(), batch_rows=_LABELS_AT_ONCE), wanted.sample, Silence())
    return wanted.names.positions(found.rows, str(file.asked.labels))


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
