"""Columns of Arrow as arrays; a pyarrow Array or ChunkedArray knows all that is needed itself."""

from typing import Any

from assayd.arrays import Array
from assayd.tables.table import Column, Reading, Table, nothing

_NUMBERS = frozenset({"halffloat", "float", "double"}) | {
    f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)
}
_TEXTS = frozenset({"string", "large_string", "string_view"})
_LISTS = ("list<", "large_list<", "fixed_size_list<")


def arrow_table(table: Any) -> Table:
    """A table of a pyarrow.Table or RecordBatch."""
    return Table(tuple(map(_column, table.schema.names, table.columns)), table.num_rows)


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


def _whole(column: Any) -> Any:
    """In one chunk; combine_chunks would copy even where there is but one."""
    chunks = getattr(column, "chunks", [column])
    return chunks[0] if len(chunks) == 1 else column.combine_chunks()


def _lists(column: Any, reading: Reading) -> Array:
    reading.check_there(_numbers(column.is_null()), "list")
    array = _whole(column)
    fixed = str(array.type).startswith("fixed_size_list<")
    length = array.type.list_size if fixed else reading.length(_numbers(array.value_lengths()))
    values = read(array.flatten(), reading.inside(length))
    return values.reshape(len(array), length, *values.shape[1:])
