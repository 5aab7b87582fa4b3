"""Sums and largest values of each row, by whichever way is fastest for the shape.

NumPy reduces short rows one after the other, at several nanoseconds a value. By whole columns it is ten times as fast,
so that is how narrow matrices are taken; best of all where their columns lie together ("F" order).
"""

import numpy as np

from assayd_server.core.arrays import Floats

NARROW_COLUMNS_MAX = 50
"""Up to here columns are faster (measured with NumPy 2.4: equal at about 50)."""
FEW_ROWS_MAX = 500
"""Up to here np.partition of short rows costs less than the calls for each column."""


def row_sums(values: Floats) -> Floats:
    """The sum of each row.

    The terms are added in the same order however many rows there are, so a row has the same sum in every batch; and
    in pairs, so that rounding grows with log c.

    Args:
        values: (n, c), c >= 1.

    Returns:
        (n,), the dtype of values.
    """
    if values.shape[1] > NARROW_COLUMNS_MAX:
        return values.sum(axis=1)
    while (count := values.shape[1]) > 1:
        halved = values[:, : count // 2] + values[:, count // 2 : count // 2 * 2]
        if count % 2:
            halved[:, 0] += values[:, -1]
        values = halved
    return values[:, 0]


def two_largest(values: Floats) -> tuple[Floats, Floats]:
    """The largest and the second largest value of each row.

    Args:
        values: (n, c), c >= 2. In a row with NaN the largest is NaN, and the second anything.

    Returns:
        (n,) each, the dtype of values; the same twice where the largest occurs twice.
    """
    if values.shape[1] > NARROW_COLUMNS_MAX:
        return _two_of_long_rows(values)
    if len(values) <= FEW_ROWS_MAX:
        two = np.partition(values, -2, axis=1)
        return two[:, -1], two[:, -2]
    return _two_by_columns(values)


def _two_by_columns(values: Floats) -> tuple[Floats, Floats]:
    """Each further column is the new largest, the new second, or neither."""
    first, *others = values.T
    largest, second = first.copy(), np.full_like(first, -np.inf)
    smaller = np.empty_like(largest)
    for column in others:
        np.minimum(largest, column, out=smaller)
        np.maximum(second, smaller, out=second)
        np.maximum(largest, column, out=largest)
    return largest, second


def _two_of_long_rows(values: Floats) -> tuple[Floats, Floats]:
    """Take the largest out, and look for the largest again: three plain passes, where a partition shuffles."""
    rows, places = np.arange(len(values)), values.argmax(axis=1)
    others = values.copy()
    others[rows, places] = -np.inf
    return values[rows, places], others.max(axis=1)
