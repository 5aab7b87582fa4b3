"""Hotelling's test that two samples of vectors have the same mean."""

import numpy as np
from scipy.special import fdtrc

from assayd_server.core.drift.moments import Moments

_ROUNDING_VARIANCE = 1 / 12
"""Of what has been rounded to whole numbers; it keeps constant coordinates from dividing by 0."""


def hotelling(reference: Moments, window: Moments) -> tuple[float, float, float] | None:
    """How far apart the means are, in standard deviations, and how probable that is by chance.

    Args:
        reference: (width,) coordinates of n rows.
        window: the same of m rows.

    Returns:
        The Mahalanobis distance between the means; T^2 = n m / (n + m) times its square; and the p-value, by which
        T^2 (n + m - width - 1) / ((n + m - 2) width) follows F with width and n + m - width - 1 degrees of freedom
        where vectors are normal with the same covariance. None where there are no coordinates, a sample is empty,
        or there are too few rows for the degrees of freedom.

    Source: Hotelling 1931, The Generalization of Student's Ratio.
    """
    width, total = len(reference.sums), reference.rows + window.rows
    if not (width and reference.rows and window.rows and total > width + 1):
        return None
    covariance = (_scatter(reference) + _scatter(window)) / (total - 2) + _ROUNDING_VARIANCE * np.eye(width)
    gap = reference.sums / reference.rows - window.sums / window.rows
    squared = float(gap @ np.linalg.solve(covariance, gap))
    statistic = squared * reference.rows * window.rows / total
    degrees = total - width - 1
    p_value = fdtrc(width, degrees, statistic * degrees / ((total - 2) * width))
    return squared**0.5, statistic, float(p_value)


def _scatter(moments: Moments) -> np.ndarray:
    """Squares and products of deviations from the mean."""
    return moments.products - np.outer(moments.sums, moments.sums / moments.rows)
