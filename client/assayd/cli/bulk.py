"""Scores a file of rows into another, and goes on where an earlier run of the same job ended."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from assayd import Client, ModelInfo, ScoreOptions
from assayd.cli import job, progress
from assayd.cli.columns import Columns, types
from assayd.cli.connecting import connected
from assayd.cli.discovering import discovered, limit_of
from assayd.cli.exits import UsageError
from assayd.cli.feeding import Origin, scored
from assayd.cli.locking import held
from assayd.cli.parts import Parts
from assayd.cli.sinks import check_holds, write_table
from assayd.cli.sources.reading import Readable, Reading, Source

BATCH_ROWS_MAX = 8192
_BATCH_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class Bulk:
    """Rows from a file, scores to a file."""

    source: Source
    columns: Columns
    batch_rows: int
    output: Path
    wanted: ScoreOptions
    """Without the model."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Where:
    """Which server and which model, as the flags have it."""

    address: str
    deadline_seconds: float
    model: str
    version: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What was done."""

    rows: int
    """Of the whole job."""
    invalid_rows: int
    seconds: float
    """Of this run."""
    model: ModelInfo


def batch_rows(source: Readable, columns: Columns) -> int:
    """How many rows to send at a time: as many as make a message of some megabytes."""
    return max(1, min(BATCH_ROWS_MAX, _BATCH_BYTES // source.row_bytes(columns.all)))


def run(bulk: Bulk, where: Where, *, restart: bool, quiet: bool) -> Outcome:
    """Do the job, or what is left of it; the output appears at its end, all at once.

    Raises:
        CommandError: it cannot be done, or not go on; what was finished is kept.
        AssaydError: a call failed; as before.
    """
    began = time.monotonic()
    folder = bulk.output.with_name(f"{bulk.output.name}.parts")
    with held(folder):
        parts = Parts(folder, restart=restart)
        with _kept(parts):
            model = _score(bulk, where, parts, quiet=quiet)
            invalid_rows = _assemble(bulk, parts)
        rows = parts.rows_done
        parts.remove()
    return Outcome(rows=rows, invalid_rows=invalid_rows, seconds=time.monotonic() - began, model=model)


@contextmanager
def _kept(parts: Parts) -> Iterator[None]:
    """Where the job ends early: say what is kept, or leave nothing behind where that is nothing."""
    try:
        yield
    except UsageError:  # says itself what to do
        raise
    except BaseException as error:
        if not parts.empty:
            error.add_note(f"{parts.rows_done:,} finished rows are kept, the same command goes on from there")
        raise
    finally:
        if parts.empty:
            parts.remove()


def _score(bulk: Bulk, where: Where, parts: Parts, *, quiet: bool) -> ModelInfo:
    """Score what is left; the model that did it."""
    begun = parts.job()
    with connected(where.address, where.deadline_seconds) as client:
        model = job.contract(client, model=where.model, version=where.version, begun=begun)
        reference = _reference(client, bulk, model)
        now = _described(bulk, model, reference)
        if begun is None:
            parts.begin(now)
        else:
            job.check_same(begun, now, parts.folder)
        if begun is not None and not quiet:
            print(f"assayctl: going on after {parts.rows_done:,} rows", file=sys.stderr)
        _score_rest(client, bulk, Origin(model, reference), parts, quiet=quiet)
    job.check_same(now, _described(bulk, model, reference), parts.folder)  # the input may have changed meanwhile
    return model


def _reference(client: Client, bulk: Bulk, model: ModelInfo) -> str:
    """The digest of what novelty is told by; empty where nobody asks for it."""
    return client.reference(model.name, version=model.version).digest if bulk.wanted.get("novelty") else ""


def _score_rest(client: Client, bulk: Bulk, origin: Origin, parts: Parts, *, quiet: bool) -> None:
    reading = Reading(
        columns=bulk.columns.all,
        batch_rows=bulk.batch_rows,
        start=parts.rows_done,
        types=types(bulk.columns, origin.model.inputs),
    )
    batches = scored(client, bulk.source, bulk.columns, reading, origin=origin, wanted=bulk.wanted)
    with progress.shown(total=bulk.source.row_count, done=parts.rows_done, quiet=quiet) as shown:
        try:
            for place, batch in enumerate(batches):
                if place == 0:
                    check_holds(bulk.output, batch.schema)
                parts.add(batch)
                shown.advance(batch.num_rows)
        finally:  # what came by then is kept, whatever ended it
            parts.flush()


def _described(bulk: Bulk, model: ModelInfo, reference: str) -> dict[str, object]:
    flags = {"columns": bulk.columns.features, "id_column": bulk.columns.id_column, "batch_rows": bulk.batch_rows}
    description = job.described(bulk.source, model, {**flags, **bulk.wanted})
    return {**description, "the reference's digest": reference} if reference else description


def _assemble(bulk: Bulk, parts: Parts) -> int:
    """Write the output; how many of its rows are invalid."""
    invalid_rows = 0

    def counted() -> Iterator[pa.RecordBatch]:
        nonlocal invalid_rows
        for batch in _finished(bulk, parts):
            invalid_rows += batch.num_rows - batch.column("valid").true_count
            yield batch

    write_table(bulk.output, counted(), folder=parts.folder)
    return invalid_rows


def _finished(bulk: Bulk, parts: Parts) -> Iterator[pa.RecordBatch]:
    """All rows; whether one is a discovery depends on all the others, and is told now that they are there."""
    if "combined" not in bulk.wanted.get("novelty", ()):
        return parts.batches()
    alpha = bulk.wanted["novelty_alpha"]
    assert alpha is not None  # the command line sets it where it asks for novelty
    return discovered(parts.batches(), limit_of(parts.batches(), alpha))
