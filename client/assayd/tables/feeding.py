"""Which columns of a table feed which input of the model, and in which shape."""

import math
from collections.abc import Sequence

import numpy as np

from assayd.arrays import Array
from assayd.results import TensorSpec
from assayd.tables.table import Column, Table, wrong


def inputs_of(table: Table, specs: Sequence[TensorSpec]) -> dict[str, Array]:
    """The arrays that a table holds for the inputs of a model.

    Columns feed the inputs of their names; where the only input has the name of no column, the one column of
    lists feeds it, or else all columns side by side.

    Args:
        table: with any number of rows.
        specs: the model's inputs.

    Raises:
        InvalidArgumentError: a column is missing, or does not fit its input.
    """
    if len(specs) > 1 or specs[0].name in {column.name for column in table.columns}:
        return {spec.name: _fed([table.column(spec.name)], spec) for spec in specs}
    lists = [column for column in table.columns if column.holds_lists()]
    if len(lists) > 1:
        names = ", ".join(repr(column.name) for column in lists)
        raise wrong(f"the columns {names} hold lists, and the model has one input: select one of them")
    return {specs[0].name: _fed(lists or table.columns, specs[0])}


def matrix(table: Table) -> Array:
    """(n, d): the d columns of a table side by side; or (n, ...) where its only one holds lists."""
    (arrays,) = [[column.values() for column in table.columns]]
    if len(arrays) == 1 and arrays[0].ndim > 1:
        return arrays[0]
    return _side_by_side(table.columns, arrays, _common(table.columns, arrays))


def _fed(columns: Sequence[Column], spec: TensorSpec) -> Array:
    arrays = [column.values() for column in columns]
    common = _common(columns, arrays)
    texts = common.kind == "O"
    if texts and spec.data_type != "string":
        raise _unfit(columns[0], "text", spec)
    if not texts and spec.data_type == "string":
        if not len(arrays[0]):  # nobody knows of what type no values are
            common = np.dtype(object)
        else:
            raise _unfit(columns[0], columns[0].type, spec)
    dtype = _sent(common, spec)
    if len(columns) == 1:
        with np.errstate(over="ignore"):
            array = arrays[0].astype(dtype, copy=False)
        return _shaped(array, spec, columns)
    return _shaped(_side_by_side(columns, arrays, dtype), spec, columns)


def _common(columns: Sequence[Column], arrays: Sequence[Array]) -> np.dtype[np.generic]:
    """The type that all have room in."""
    texts = [array.dtype.kind == "O" for array in arrays]
    if any(texts) and not all(texts):
        text, number = columns[texts.index(True)], columns[texts.index(False)]
        raise wrong(
            f"column {text.name!r} holds text and column {number.name!r} {number.type}, which cannot stand side "
            "by side: select the columns"
        )
    return np.result_type(*{array.dtype for array in arrays})


def _sent(common: np.dtype[np.generic], spec: TensorSpec) -> np.dtype[np.generic]:
    """The model's own floats where these are narrower: the server would make them so, of twice the bytes."""
    if common.kind == "O" or not spec.data_type.startswith("float"):
        return common
    wanted = np.dtype(spec.data_type)
    return wanted if wanted.itemsize < common.itemsize else common


def _side_by_side(columns: Sequence[Column], arrays: Sequence[Array], dtype: np.dtype[np.generic]) -> Array:
    wide = [column for column, array in zip(columns, arrays, strict=True) if array.ndim > 1]
    if wide:
        raise wrong(f"column {wide[0].name!r} holds lists, which cannot stand side by side with other columns")
    block = np.empty((len(columns), len(arrays[0])), dtype)  # transposed, so that each is written in one go
    with np.errstate(over="ignore"):  # beyond float32 lies an infinity, on the server too
        for place, array in zip(block, arrays, strict=True):
            place[:] = array
    return block.T


def _shaped(array: Array, spec: TensorSpec, columns: Sequence[Column]) -> Array:
    wanted, have = spec.shape[1:], array.shape[1:]
    if len(wanted) == len(have) and all(w in (None, h) for w, h in zip(wanted, have, strict=True)):
        return array
    width, known = math.prod(have), math.prod(length for length in wanted if length is not None)
    free = wanted.count(None)
    if free > 1 or (width % max(known, 1) if free else width != known):
        raise _wrong_width(width, spec, columns)
    filled = (width // max(known, 1) if length is None else length for length in wanted)
    return array.reshape(len(array), *filled)


def _wrong_width(width: int, spec: TensorSpec, columns: Sequence[Column]) -> Exception:
    lengths = ", ".join("any" if length is None else str(length) for length in ("n", *spec.shape[1:]))
    takes = f"the model's input {spec.name!r} takes ({lengths})"
    if len(columns) > 1:
        return wrong(f"the table has {width} columns, {takes}: select the columns")
    return wrong(f"column {columns[0].name!r} holds {width} values a row, {takes}")


def _unfit(column: Column, holds: str, spec: TensorSpec) -> Exception:
    takes = "text" if spec.data_type == "string" else spec.data_type
    return wrong(f"column {column.name!r} holds {holds}, the model's input {spec.name!r} takes {takes}")
