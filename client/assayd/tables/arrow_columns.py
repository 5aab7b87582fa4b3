"""Columns of Arrow as arrays; a pyarrow Array or ChunkedArray knows all that is needed itself."""

from typing import Any

import numpy as np

from assayd.arrays import Array
from assayd.tables.table import Column, Reading, Table, nothing

_NUMBERS = frozenset({"halffloat", "float", "double"}) | {
    f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)
}
_TEXTS = frozenset({"string", "large_string", "string_view"})
_LISTS = ("list<", "large_list<", "fixed_size_list<")


def arrow_table(table: Any) -> Table:
    """A table of a pyarrow.Table or RecordBatch."""
    return Table(tuple(map(_column, table.schema.names, table.columns)))


def holds_lists(kind: Any) -> bool:
    """Whether an Arrow type is one of lists."""
    return str(kind).startswith(_LISTS)


def read(column: Any, reading: Reading) -> Array:
    """The values of an Arrow array, in one chunk or in many."""
    kind = str(column.type)
    if kind == "bool":
        return _numbers(column.cast("uint8")) if column.null_count else _numbers(column)
    if kind in _NUMBERS:
        return _numbers(column)
    if kind in _TEXTS:
        reading.check_there(_numbers(column.is_null()), "text")
        return _numbers(column).astype(object, copy=False)
    if kind.startswith("dictionary<"):
        return read(column.cast(column.type.value_type), reading)
    if holds_lists(kind):
        return _lists(column, reading)
    if kind == "null":
        return nothing(len(column))
    raise reading.unknown()


def _column(name: str, column: Any) -> Column:
    kind = column.type
    return Column(name, str(kind), lambda: holds_lists(kind), lambda: read(column, Reading(name, str(kind))))


def _numbers(column: Any) -> Array:
    return column.to_numpy(zero_copy_only=False)


def _lists(column: Any, reading: Reading) -> Array:
    reading.check_there(_numbers(column.is_null()), "list")
    array = column.combine_chunks() if hasattr(column, "combine_chunks") else column
    fixed = getattr(array.type, "list_size", None)
    lengths = np.broadcast_to(fixed, len(array)) if fixed is not None else _numbers(array.value_lengths())
    length = fixed if fixed is not None else reading.length(lengths)
    values = read(array.flatten(), reading.inside(length))
    return values.reshape(len(array), length, *values.shape[1:])
