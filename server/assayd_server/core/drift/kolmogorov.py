"""Kolmogorov and Smirnov's test: the largest gap between two distribution functions."""

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
