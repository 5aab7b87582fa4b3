"""`assayctl rank`."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import pyarrow as pa
import typer

from assayd import Client, InvalidArgumentError, ModelInfo, Ranking, RankOptions
from assayd.cli import flags, progress, sources
from assayd.cli.bulk import batch_rows as fitting_rows
from assayd.cli.columns import Columns, choose, types
from assayd.cli.connecting import connected
from assayd.cli.exits import CommandError, UsageError, one_sentence
from assayd.cli.printing import print_json
from assayd.cli.sinks import check_output, write_table
from assayd.cli.sources.reading import Reading, Source
from assayd.rank_options import DIVERSITIES, MEASURES, ORDERS

_DEADLINE_SECONDS = 60.0
_COUNT_MAX = 1_000_000
"""What is chosen is held in memory."""
_MEASURES = {name: number for name, number in MEASURES.items() if name != "information_density"}
"""That one needs the mean direction of the pool, which no flag can give."""

_Input = Annotated[Path, typer.Option("--input", help="The pool: .parquet, .csv or .npy.")]
_Output = Annotated[Path, typer.Option(help="The chosen rows: .parquet or .csv. It appears when all is done.")]
_Measure = Annotated[
    str, typer.Option(metavar="NAME", callback=flags.one_of(_MEASURES), help=f"One of {', '.join(_MEASURES)}.")
]
_Count = Annotated[int, typer.Option(min=1, max=_COUNT_MAX, metavar="N", help="How many rows to choose.")]
_Order = Annotated[
    str, typer.Option(metavar="NAME", callback=flags.one_of(ORDERS), help=f"One of {', '.join(ORDERS)}.")
]
_Diversity = Annotated[
    str | None,
    typer.Option(
        metavar="NAME", callback=flags.one_of(DIVERSITIES), help=f"One of {', '.join(DIVERSITIES)}; default none."
    ),
]
_Candidates = Annotated[
    int, typer.Option(min=0, metavar="N", help="From how many rows a diverse batch is chosen; default 10 x count.")
]
_Seed = Annotated[int, typer.Option(min=0, max=2**64 - 1, metavar="N", help="Of all randomness.")]
_Committee = Annotated[
    str | None, typer.Option(metavar="A,B,C", help="Models that give an opinion each, for measures of committees.")
]
_Dropout = Annotated[
    int, typer.Option(min=0, max=1000, metavar="N", help="In place of that: samples of the last layer, 2 or more.")
]


def rank(
    *,
    rows: _Input,
    output: _Output,
    measure: _Measure,
    count: _Count,
    order: _Order = "descending",
    diversity: _Diversity = None,
    candidates: _Candidates = 0,
    seed: _Seed = 0,
    committee: _Committee = None,
    dropout: _Dropout = 0,
    columns: flags.Columns = None,
    id_column: flags.IdColumn = None,
    temperature: flags.Temperature = None,
    wire_type: flags.WireType = None,
    batch_rows: flags.BatchRows = None,
    overwrite: flags.Overwrite = False,
    quiet: flags.Quiet = False,
    model: flags.Model = "",
    version: flags.Version = 0,
    address: flags.Address = flags.ADDRESS,
    deadline_seconds: flags.DeadlineSeconds = _DEADLINE_SECONDS,
    as_json: flags.Json = False,
) -> None:
    """Choose the rows of a file that are most worth a label.

    The output has a row for each that was chosen, best first: its position in the file, its id, and its score.
    Memory holds the rows that are chosen from, however long the file is.

    \b
    Examples:
      assayctl rank --input pool.parquet --measure margin --count 1000 --output to_label.parquet
      assayctl rank --input pool.parquet --measure entropy --count 100 --diversity badge --output to_label.csv
      assayctl rank --input pool.npy --measure mean_kl --dropout 20 --count 50 --output to_label.csv
    """
    with one_sentence(as_json=as_json):
        check_output(output, rows=rows, overwrite=overwrite)
        source = sources.open_source(rows)
        chosen = choose(source, columns, id_column)
        if id_column in ("position", "score"):
            raise UsageError(f"--id-column: the output has a column {id_column!r} of its own")
        wanted = RankOptions(
            measure=measure,
            count=count,
            order=order,
            diversity=diversity,
            candidates=candidates,
            seed=seed,
            committee=committee.split(",") if committee else None,
            dropout=dropout,
            temperature=temperature,
            wire_type=wire_type,
        )
        with connected(address, deadline_seconds) as client:
            info = client.model(committee.split(",")[0] if committee else model, version=version)
            reading = Reading(
                columns=chosen.all,
                batch_rows=batch_rows or fitting_rows(source, chosen),
                types=types(chosen, info.inputs),
            )
            if not committee:
                wanted["model"], wanted["version"] = info.name, info.version
            ranking = _ranked(client, source, chosen, reading, wanted=wanted, quiet=quiet)
        write_table(output, iter([_table(ranking, id_column)]), folder=output.parent)
        _report(ranking, info, output, as_json=as_json, quiet=quiet)


def _ranked(
    client: Client, source: Source, columns: Columns, reading: Reading, *, wanted: RankOptions, quiet: bool
) -> Ranking:
    with progress.shown(total=source.row_count, done=0, quiet=quiet) as shown:

        def batches() -> Iterator[dict[str, Any]]:
            for batch in source.batches(reading):
                yield _batch(batch, columns)
                shown.advance(len(batch))

        try:
            return client.rank_stream(batches(), **wanted)
        except InvalidArgumentError as error:
            if error.reason:  # the server's
                raise
            raise CommandError(f"{source.path}: {error.message}") from None


def _batch(batch: Any, columns: Columns) -> dict[str, Any]:
    if not columns.features:
        return {"x": batch}
    ids = {}
    if columns.id_column is not None:
        ids = {"ids": batch.column(columns.id_column).to_numpy(zero_copy_only=False)}
    return {"x": batch.select(list(columns.features)), **ids}


def _table(ranking: Ranking, id_column: str | None) -> pa.RecordBatch:
    columns = ranking.columns()
    arrays = {
        id_column if name == "id" and id_column else name: pa.array(
            values, pa.string() if values.dtype.kind == "O" else None
        )
        for name, values in columns.items()
    }
    return pa.RecordBatch.from_pydict(arrays)


def _report(ranking: Ranking, model: ModelInfo, output: Path, *, as_json: bool, quiet: bool) -> None:
    if as_json:
        print_json(_document(ranking, model, output))
        return
    for warning in ranking.warnings:
        print(f"assayctl: warning: {warning}", file=sys.stderr)
    if not quiet:
        invalid = f", {ranking.invalid_count:,} of them invalid" if ranking.invalid_count else ""
        alike = (
            "" if ranking.effective_size is None else f", which amount to {ranking.effective_size:.3g} different"
        )
        print(f"{output}: {len(ranking):,} rows of {ranking.row_count:,}{invalid}{alike}, by {model.name}")


def _document(ranking: Ranking, model: ModelInfo, output: Path) -> dict[str, Any]:
    return {
        "rows": ranking.row_count,
        "invalid_rows": ranking.invalid_count,
        "chosen": len(ranking),
        "mean_cosine": ranking.mean_cosine,
        "effective_size": ranking.effective_size,
        "warnings": list(ranking.warnings),
        "output": str(output),
        "model": {"name": model.name, "version": model.version, "digest": model.digest},
    }
