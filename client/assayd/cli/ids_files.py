"""Ids of rows of a pool, and candidates, from files."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa

from assayd import Candidates, InvalidArgumentError, PoolInfo
from assayd.arrays import Array
from assayd.cli import sources
from assayd.cli.exits import CommandError, UsageError
from assayd.cli.sources.reading import Reading, Source
from assayd.ids import id_array

_ROWS_AT_ONCE = 65_536
_TYPES = {"int64": pa.int64(), "string": pa.string()}


def read_ids(path: Path, pool: PoolInfo, *, flag: str, id_column: str | None) -> Array:
    """The ids in one column of a file, or in an array.

    Args:
        path: of the file.
        pool: whose ids they are; what has no types is read as what it has.
        flag: that names the file.
        id_column: the name of the column; by default `id`, or the only one there is.

    Raises:
        UsageError: there is no such file or column.
        CommandError: the file holds something else.
    """
    source = sources.open_source(path, flag)
    if source.columns:
        name = _column(source, id_column)
        return _ids(source, _read(source, {name: _TYPES[pool.id_type]})[name])
    if id_column is not None:
        raise UsageError(f"--id-column: the rows of {path} have no named columns")
    reading = Reading(columns=(), batch_rows=_ROWS_AT_ONCE)
    return _ids(source, np.concatenate([source.no_rows(reading), *source.batches(reading)]))


def read_candidates(path: Path, pool: PoolInfo) -> Candidates:
    """Candidates as an earlier run wrote them.

    Raises:
        UsageError: there is no such file, or it lacks a column.
        CommandError: the file holds something else.
    """
    source = sources.open_source(path, "--candidates")
    kind = _TYPES[pool.id_type]
    types = {"id": kind, "source": kind, "similarity": pa.float32()}
    missing = next((name for name in types if name not in source.columns), None)
    if missing is not None:
        raise UsageError(f"--candidates: {path} has no column {missing!r}: it is not of assayctl candidates")
    columns = _read(source, types)
    similarities = columns["similarity"]
    if similarities.dtype.kind != "f":
        raise CommandError(f"{path}: the column 'similarity' holds no numbers")
    return Candidates(
        ids=_ids(source, columns["id"]),
        sources=_ids(source, columns["source"]),
        similarities=similarities.astype(np.float32),
    )


def _read(source: Source, types: Mapping[str, pa.DataType]) -> dict[str, Array]:
    """Columns by name; the types are for what has none."""
    reading = Reading(columns=tuple(types), batch_rows=_ROWS_AT_ONCE, types=types)
    table = pa.Table.from_batches([source.no_rows(reading), *source.batches(reading)])
    return {name: table.column(name).to_numpy() for name in types}


def _column(source: Source, id_column: str | None) -> str:
    if id_column is None and len(source.columns) == 1:
        return source.columns[0]
    name = id_column or "id"
    if source.columns.count(name) != 1:
        there = "no column" if name not in source.columns else "more than one column"
        raise UsageError(f"--id-column: {source.path} has {there} {name!r}, it has {', '.join(source.columns)}")
    return name


def _ids(source: Source, values: Array) -> Array:
    try:
        return id_array(values, "ids")
    except InvalidArgumentError as error:
        raise CommandError(f"{source.path}: {error.message}") from None
