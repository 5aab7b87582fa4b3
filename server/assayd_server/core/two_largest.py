"""The largest two values of each row, by whichever way is fastest for the shape."""

from typing import Any, TypeVar

import numpy as np

from assayd_server.core.arrays import Floats, Integers

Values = TypeVar("Values", Floats, Integers)

NARROW_COLUMNS_MAX = 50
"""Up to here it is fastest to take whole columns at a time; NumPy's reductions of short rows take ten times."""
FEW_ROWS_MAX = 500
"""Up to here a partition of short rows costs less than the calls for each column."""


def two_largest(values: Values) -> tuple[Values, Values]:
    """The largest and the second largest value of each row.

    Args:
        values: (n, c), c >= 2, floats or unsigned integers.

    Returns:
        (n,) each, the dtype of values; the same twice where the largest occurs twice. In a row with NaN the first
        is NaN, and the second anything.
    """
    if values.shape[1] > NARROW_COLUMNS_MAX:
        return _of_long_rows(values)
    if len(values) > FEW_ROWS_MAX:
        return _by_columns(values)
    two = np.partition(values, -2, axis=1)
    return two[:, -1], two[:, -2]


def largest_by_bits(probabilities: Floats, count: int) -> tuple[Floats, ...]:
    """The largest of each row, or the two largest, or nothing at all where any value has a sign or is NaN.

    The bits of numbers from 0 up are in the order of the numbers, and those of all others are above them: so no
    further pass is needed to see that no value is negative.

    Args:
        probabilities: (n, c), n >= 1, c >= 2, float.
        count: 1 or 2.

    Returns:
        count arrays of (n,), the dtype of probabilities; or none.
    """
    bits = probabilities.view(f"u{probabilities.itemsize}")
    largest = (bits.max(axis=1),) if count == 1 else two_largest(bits)
    if largest[0].max() > np.array(np.inf, probabilities.dtype).view(bits.dtype):
        return ()
    return tuple(values.view(probabilities.dtype) for values in largest)


def _by_columns(values: Values) -> tuple[Values, Values]:
    """Each further column is the new largest, the new second, or neither."""
    first, *others = values.T
    largest, second = first.copy(), np.full_like(first, _lowest(values.dtype))
    smaller = np.empty_like(largest)
    for column in others:
        np.minimum(largest, column, out=smaller)
        np.maximum(second, smaller, out=second)
        np.maximum(largest, column, out=largest)
    return largest, second


def _of_long_rows(values: Values) -> tuple[Values, Values]:
    """Take the largest out, and look for the largest again: three plain passes, where a partition shuffles."""
    rows, places = np.arange(len(values)), values.argmax(axis=1)
    others = values.copy()
    others[rows, places] = _lowest(values.dtype)
    return values[rows, places], others.max(axis=1)


def _lowest(dtype: np.dtype[Any]) -> float:
    return 0 if dtype.kind == "u" else -np.inf
