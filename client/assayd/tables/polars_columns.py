"""Columns of polars as arrays, without pyarrow."""

from typing import Any

import numpy as np

from assayd.arrays import Array
from assayd.tables.table import Column, Reading, Table, nothing

_NUMBERS = frozenset({"Float16", "Float32", "Float64"}) | {
    f"{sign}{bits}" for sign in ("Int", "UInt") for bits in (8, 16, 32, 64)
}
_TEXTS = frozenset({"String", "Categorical", "Enum"})
_LISTS = frozenset({"List", "Array"})


def polars_table(frame: Any) -> Table:
    """A table of a polars.DataFrame."""
    return Table(tuple(map(_column, frame.get_columns())), frame.height)


def _column(series: Any) -> Column:
    reading = Reading(series.name, str(series.dtype))
    return Column(series.name, reading.type, lambda: _kind(series) in _LISTS, lambda: _read(series, reading))


def _kind(series: Any) -> str:
    return str(series.dtype.base_type().__name__)


def _read(series: Any, reading: Reading) -> Array:
    kind = _kind(series)
    if kind == "Boolean":
        return (series.cast(int) if series.null_count() else series).to_numpy()
    if kind in _NUMBERS:
        return series.to_numpy()
    if kind in _TEXTS:
        reading.check_there(series.is_null().to_numpy(), "text")
        return np.fromiter(series, object, len(series))
    if kind in _LISTS:
        return _lists(series, reading)
    if kind == "Null":
        return nothing(len(series))
    raise reading.unknown()


def _lists(series: Any, reading: Reading) -> Array:
    reading.check_there(series.is_null().to_numpy(), "list")
    fixed = _kind(series) == "Array"
    length = series.dtype.shape[0] if fixed else reading.length(series.list.len().to_numpy())
    values = _read(series.explode() if length else series.explode().head(0), reading.inside(length))
    return values.reshape(len(series), length, *values.shape[1:])
