"""Which columns of a table feed which input of the model, and in which shape."""

import math
from collections.abc import Sequence

import numpy as np

from assayd.arrays import DTYPES, Array, name_of
from assayd.results import TensorSpec
from assayd.tables.table import Column, Table, TableError
from assayd.wire import DType

_ROWS_AT_ONCE = 4096
"""Copied while they are in the processor's cache: 5 times as fast as whole columns of a row-major matrix are."""
_DTYPES = {name_of(number): dtype for number, dtype in DTYPES.items()}


def inputs_of(table: Table, specs: Sequence[TensorSpec]) -> dict[str, Array]:
    """The arrays that a table holds for the inputs of a model.

    Columns feed the inputs of their names. Where the only input has the name of no column, the one column of
    lists feeds it, or else all columns side by side.

    Args:
        table: with any number of rows; none at all fit every input, of whatever type and length they are.
        specs: the model's inputs.

    Raises:
        TableError: a column is missing, or does not fit its input.
    """
    by_name = len(specs) > 1 or specs[0].name in {column.name for column in table.columns}
    columns = {spec.name: [table.column(spec.name)] if by_name else _meant(table) for spec in specs}
    if not table.row_count:
        return {spec.name: _nothing(spec) for spec in specs}
    return {spec.name: _fed(columns[spec.name], spec) for spec in specs}


def matrix(table: Table) -> Array:
    """(n, d): the d columns of a table side by side, or its one column of lists of length d.

    Raises:
        TableError: they do not stand side by side, or there are several columns of lists.
    """
    columns = _meant(table)
    arrays = [column.values() for column in columns]
    if len(arrays) == 1 and arrays[0].ndim > 1:
        return arrays[0]
    return _side_by_side(arrays, _common(columns, arrays))


def _meant(table: Table) -> Sequence[Column]:
    """The columns for the only input."""
    lists = [column for column in table.columns if column.holds_lists()]
    if len(lists) > 1:
        names = ", ".join(repr(column.name) for column in lists)
        raise TableError(f"the columns {names} hold lists, of which only one can be the rows: select it")
    return lists or table.columns


def _nothing(spec: TensorSpec) -> Array:
    return np.empty((0, *(length or 1 for length in spec.shape[1:])), _DTYPES.get(spec.data_type, np.float32))


def _fed(columns: Sequence[Column], spec: TensorSpec) -> Array:
    arrays = [column.values() for column in columns]
    dtype = _sent(_common(columns, arrays), spec)
    if (dtype.kind == "O") != (spec.data_type == "string"):
        raise _wrong_type(columns[0], spec)
    with np.errstate(over="ignore"):  # beyond float32 lies an infinity, on the server too
        array = _side_by_side(arrays, dtype) if len(columns) > 1 else arrays[0].astype(dtype, copy=False)
    lengths = _lengths(array.shape[1:], spec.shape[1:])
    if lengths is None:
        raise _wrong_length(math.prod(array.shape[1:]), columns, spec)
    return array.reshape(len(array), *lengths)


def _common(columns: Sequence[Column], arrays: Sequence[Array]) -> DType:
    """The type that has room for all of them."""
    texts = [array.dtype.kind == "O" for array in arrays]
    if any(texts) and not all(texts):
        text, number = columns[texts.index(True)], columns[texts.index(False)]
        raise TableError(
            f"column {text.name!r} holds text and column {number.name!r} {number.type}, which cannot stand side "
            "by side: select the columns"
        )
    return np.result_type(*{array.dtype for array in arrays})


def _sent(common: DType, spec: TensorSpec) -> DType:
    """The model's own floats where these are narrower: the server would make them so, of twice the bytes."""
    if common.kind == "O" or not spec.data_type.startswith("float"):
        return common
    wanted = np.dtype(spec.data_type)
    return wanted if wanted.itemsize < common.itemsize else common


def _side_by_side(arrays: Sequence[Array], dtype: DType) -> Array:
    table = np.empty((len(arrays[0]), len(arrays)), dtype)
    for start in range(0, len(table), _ROWS_AT_ONCE):
        rows = slice(start, start + _ROWS_AT_ONCE)
        for column, array in enumerate(arrays):
            table[rows, column] = array[rows]
    return table


def _lengths(have: tuple[int, ...], wanted: tuple[int | None, ...]) -> Sequence[int] | None:
    """The lengths of a row's axes in the model, None where a row has another number of values."""
    if len(wanted) == len(have) and all(w in (None, h) for w, h in zip(wanted, have, strict=True)):
        return have
    width, known = math.prod(have), math.prod(length for length in wanted if length is not None)
    free = width // known if wanted.count(None) == 1 and known else 1
    filled = [free if length is None else length for length in wanted]
    return filled if wanted.count(None) <= 1 and math.prod(filled) == width else None


def _wrong_length(width: int, columns: Sequence[Column], spec: TensorSpec) -> TableError:
    lengths = ", ".join("any" if length is None else str(length) for length in ("n", *spec.shape[1:]))
    takes = f"the model's input {spec.name!r} takes ({lengths})"
    if len(columns) > 1:
        return TableError(f"the table has {width} columns, {takes}: select the columns")
    holds = f"column {columns[0].name!r} holds {width} value{'s' * (width != 1)} a row"
    alone = ", and the column of an input's name feeds it alone" * (columns[0].name == spec.name)
    return TableError(f"{holds}, {takes}{alone}")


def _wrong_type(column: Column, spec: TensorSpec) -> TableError:
    takes = "text" if spec.data_type == "string" else spec.data_type
    return TableError(f"column {column.name!r} holds {column.type}, the model's input {spec.name!r} takes {takes}")
