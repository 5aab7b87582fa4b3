"""Pearson's chi-squared test that two rows of counts come from the same proportions, and Cramér's V."""

import math

import numpy as np
from scipy.special import chdtrc

from assayd_server.core.arrays import Integers
from assayd_server.core.drift.psi import smoothed


def cramers_v(reference: Integers, window: Integers) -> float:
    """How far the proportions of two rows of counts lie apart: 0 where they agree, nearly 1 where none is shared.

    Cramér's V of the two as if both had the same number of rows: the root of sum (a - e)^2 / (2 (a + e)), over
    smoothed proportions. V of the raw counts would shrink as the reference grows: the same shift would be large
    against a small reference and trifling against a large one.

    Args:
        reference: (B,) int64 counts.
        window: (B,) int64 counts.

    Source: Cramér 1946, Mathematical Methods of Statistics; its square here is half Le Cam's distance.
    """
    actual, expected = smoothed(window), smoothed(reference)
    return math.sqrt(float(((actual - expected) ** 2 / (actual + expected)).sum()) / 2)


def chi_squared(reference: Integers, window: Integers) -> tuple[float, int]:
    """Pearson's statistic of the 2 x B table, without a correction, and its degrees of freedom.

    Args:
        reference: (B,) int64 counts.
        window: (B,) int64 counts. What is in no row of either has no say.

    Returns:
        At least 0, and finite; (0, 0) where either is empty, or all rows are in one bin.
    """
    table = np.stack([reference, window]).astype(np.float64)
    table = table[:, table.any(axis=0)]
    rows = table.sum(axis=1, keepdims=True)
    if table.shape[1] < 2 or not rows.all():
        return 0.0, 0
    expected = rows * table.sum(axis=0) / rows.sum()
    return float(((table - expected) ** 2 / expected).sum()), table.shape[1] - 1


def chi_squared_p_value(statistic: float, degrees: int) -> float:
    """How probable so large a statistic is where both are samples of the same rows; 1 where nothing can differ."""
    return float(chdtrc(degrees, statistic)) if degrees else 1.0
