"""Columns of Python objects as arrays: their types are known once all of them were looked at."""

import math
from itertools import chain

import numpy as np

from assayd.arrays import Array
from assayd.tables.table import Reading, nothing

LISTS = (list, tuple, np.ndarray)
_NUMBERS = (bool, int, float, np.bool_, np.integer, np.floating)


def read_objects(values: Array, missing: Array, reading: Reading) -> Array:
    """The array that Python objects make.

    Args:
        values: (n,) objects.
        missing: (n,) whether each of them stands for a missing value.
        reading: whose they are.
    """
    kinds = set(map(type, values[~missing]))
    if not kinds:
        return nothing(len(values))
    if _all(kinds, str):
        reading.check_there(missing, "text")
        return values
    if _all(kinds, LISTS):
        reading.check_there(missing, "list")
        return _lists(values, reading)
    if _all(kinds, _NUMBERS):
        numbers = np.array((np.where(missing, np.nan, values) if missing.any() else values).tolist())
        if numbers.dtype.kind == "O":
            raise reading.unknown("whole numbers beyond 64 bits")
        return numbers
    raise reading.unknown(" and ".join(sorted(kind.__name__ for kind in kinds)))


def _all(kinds: set[type], allowed: type | tuple[type, ...]) -> bool:
    return all(issubclass(kind, allowed) for kind in kinds)


def _lists(values: Array, reading: Reading) -> Array:
    shapes = set(map(_shape, values))
    if len(shapes) == 1 and None not in shapes:
        return np.stack(values.tolist())
    length = reading.length(np.fromiter(map(len, values), np.int64, len(values)))
    elements = np.fromiter(chain.from_iterable(values), object, len(values) * length)
    missing = np.fromiter(map(_is_missing, elements), np.bool_, len(elements))
    inner = read_objects(elements, missing, reading.inside(length))
    return inner.reshape(len(values), length, *inner.shape[1:])


def _shape(value: object) -> tuple[int, ...] | None:
    """Of an array of numbers."""
    return value.shape if isinstance(value, np.ndarray) and value.dtype.kind in "biuf" else None


def _is_missing(value: object) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value)) or type(value).__name__ == "NAType"
