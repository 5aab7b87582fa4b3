"""Rows and ids in Parquet and CSV, by assayctl's own reader: what both read of a file is the same."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from assayd import results
from assayd.cli.columns import choose, types
from assayd.cli.exits import CommandError
from assayd.cli.sources import open_source
from assayd.cli.sources.reading import Reading, Source
from assayd.tables.arrow_columns import arrow_table
from assayd.tables.feeding import inputs_of
from assayd.tables.table import TableError
from assayd_server.contract import TensorSpec
from assayd_server.errors import ArtefactError
from assayd_server.given_ids import GivenIds, as_ids
from assayd_server.given_rows import Arrays, GivenRows

_IDS_AT_ONCE = 1 << 16
_NUMBER_BYTES = 4
_INT64 = np.iinfo(np.int64)


def rows_in_table(
    path: Path, inputs: Sequence[TensorSpec], *, columns: str | None, id_column: str | None
) -> GivenRows:
    """The rows of a table, as a model takes them.

    Args:
        path: a .parquet or .csv file.
        inputs: of the model.
        columns: names between commas; None for all but that of the ids.
        id_column: the column of the ids; None where the rows have none.

    Raises:
        ArtefactError: it cannot be read, or has no such column.
    """
    specs = [results.TensorSpec(spec.name, spec.data_type, spec.shape) for spec in inputs]
    with _as_ours():
        source = open_source(path)
        chosen = choose(source, columns, id_column)
        kinds = types(chosen, specs)

    def batches(start: int, batch_rows: int) -> Iterator[Arrays]:
        reading = Reading(columns=chosen.features, batch_rows=batch_rows, start=start, types=kinds)
        for begin, batch in _read(source, reading):
            with _as_ours(f"{path}: the rows from {begin:,} on: "):
                yield inputs_of(arrow_table(batch), specs)

    return GivenRows(
        path=path,
        layout=f"{source.layout} {','.join(chosen.features)}",
        row_count=source.row_count,
        row_elements=source.row_bytes(chosen.features) // _NUMBER_BYTES,
        columns=tuple(chosen.features),
        batches=batches,
        ids=None if id_column is None else _ids(source, id_column),
    )


def _read(source: Source, reading: Reading) -> Iterator[tuple[int, Any]]:
    """Batches, and the row that each begins at."""
    begin = reading.start
    batches = source.batches(reading)
    while True:
        with _as_ours():
            batch = next(batches, None)
        if batch is None:
            return
        yield begin, batch
        begin += len(batch)


def _ids(source: Source, name: str) -> GivenIds:
    """Of a file without types: whole numbers where all are spelled as such, else text."""
    where = f"{source.path}: column {name!r}"
    reading = Reading(columns=(name,), batch_rows=_IDS_AT_ONCE, types={name: pa.string()})

    def as_they_are() -> Iterator[NDArray[Any]]:
        for begin, batch in _read(source, reading):
            with _as_ours(f"{source.path}: the rows from {begin:,} on: "):
                values = arrow_table(batch).columns[0].values()
            yield as_ids(values, source=where, start=begin)

    def as_numbers() -> Iterator[NDArray[Any]]:
        return (block.astype("<i8") for block in as_they_are())

    untyped = source.path.suffix.lower() == ".csv"
    return GivenIds(where, as_numbers if untyped and all(map(_are_numbers, as_they_are())) else as_they_are)


def _are_numbers(ids: NDArray[Any]) -> bool:
    return all(map(_is_number, ids.tolist()))


def _is_number(text: bytes) -> bool:
    """Spelled as a program would spell it: 007 is text, or it would come back as 7."""
    if not text.removeprefix(b"-").isdigit() or len(text) > 20:
        return False
    return str(int(text)).encode() == text and _INT64.min <= int(text) <= _INT64.max


@contextmanager
def _as_ours(where: str = "") -> Iterator[None]:
    """What the client says about a file, as an error of ours."""
    try:
        yield
    except (CommandError, TableError) as error:
        raise ArtefactError(f"{where}{error}") from None
    except OSError as error:
        raise ArtefactError(f"{error.filename}: cannot be read: {error.strerror}") from None
