"""Kolmogorov and Smirnov's test: the largest gap between two distribution functions."""

import math

import numpy as np
from scipy.special import kolmogorov

from assayd_server.core.arrays import Floats, Integers


def grid_distance(reference: Integers, window: Integers) -> Floats:
    """The largest gap between the distribution functions at the ends of frozen intervals.

    Args:
        reference: (..., b) int64 counts of intervals in their order, without the missing; b at least 1.
        window: (..., b) int64 counts.

    Returns:
        (...), in [0, 1], at most the gap between the rows themselves, which lies between two ends; 0 where the
        reference or the window has no row.
    """
    below, of_window = reference.cumsum(axis=-1), window.cumsum(axis=-1)
    rows, window_rows = below[..., -1:], of_window[..., -1:]
    gaps = np.abs(below / np.maximum(rows, 1) - of_window / np.maximum(window_rows, 1))
    return (gaps * ((rows > 0) & (window_rows > 0))).max(axis=-1)


def kolmogorov_p_value(distance: Floats, reference_rows: Integers, window_rows: Integers) -> Floats:
    """Q_KS(sqrt(n m / (n + m)) D): how probable such a gap is where both are samples of the same rows.

    The law for large samples of a continuous column; elsewhere, and for a gap on a grid, the p-value is too large.

    Args:
        distance: D, of any shape.
        reference_rows: n, of its shape; those without a value do not count.
        window_rows: m.

    Returns:
        The same shape, in [0, 1]; 1 where there are no rows.

    Source: Smirnov 1939; Press et al. 2007, Numerical Recipes, section 14.3.
    """
    total = np.maximum(np.asarray(reference_rows, np.float64) + window_rows, 1)
    return kolmogorov(np.sqrt(np.asarray(reference_rows, np.float64) * window_rows / total) * distance)


def sorted_columns(reference: Floats) -> Floats:
    """The reference as ks_distances takes it: (n, k) to (k, n), each column sorted, NaN last."""
    return np.sort(reference.T, axis=1)


def ks_distances(sorted_reference: Floats, window: Floats) -> Floats:
    """The largest gap between the distribution functions of the rows themselves, for each column.

    Args:
        sorted_reference: (k, n), as sorted_columns gives it.
        window: (m, k). NaN is missing, in either.

    Returns:
        (k,) float64, in [0, 1]; 0 for a column that is all missing in either.
    """
    columns = np.sort(window.T, axis=1)
    return np.array([_distance(one, other) for one, other in zip(sorted_reference, columns, strict=True)])


def _distance(reference: Floats, window: Floats) -> float:
    """Between two sorted columns: the gap is largest just before or just after a row of the window."""
    reference, window = _known(reference), _known(window)
    if not (len(reference) and len(window)):
        return 0.0
    after = np.searchsorted(reference, window, "right")
    before = after.copy()
    tied = reference[after - 1] == window  # few as a rule; a second search of all would take as long as the first
    before[tied] = np.searchsorted(reference, window[tied], "left")
    steps = np.arange(len(window) + 1) / len(window)
    above, below = steps[1:] - after / len(reference), before / len(reference) - steps[:-1]
    return float(max(above.max(), below.max(), 0.0))


def _known(column: Floats) -> Floats:
    return column[: np.searchsorted(column, math.nan)]
