"""Squared Euclidean distances by matrix products, and by differences where those lose their digits."""

import numpy as np

from assayd_server.core.arrays import Floats
from assayd_server.core.blocks import blocks

LOST_DIGITS = 1e4
"""A distance below this many rounding errors of the squares it is the difference of is computed once more."""


def squares(rows: Floats) -> Floats:
    """|x|^2 of each row: (n,) float64, NaN or inf where a value or the sum is."""
    with np.errstate(over="ignore", invalid="ignore"):
        return np.einsum("nd,nd->n", rows, rows).astype(np.float64)


def squared_distances(rows: Floats, points: Floats, *, row_squares: Floats, point_squares: Floats) -> Floats:
    """|x - y|^2 = |x|^2 + |y|^2 - 2 x.y, to four digits at least, and exactly 0 between equal rows.

    Args:
        rows: (n, d), float32 or float64. A row whose square is not finite gives NaN.
        points: (q, d), the dtype of rows, finite.
        row_squares: (n,), of squares().
        point_squares: (q,), of squares().

    Returns:
        (q, n) float64: the rows last, so that the arithmetic runs along them.
    """
    sums = point_squares[:, None] + row_squares
    with np.errstate(over="ignore", invalid="ignore"):
        distances = (points @ rows.T).astype(np.float64)
        distances *= -2
        distances += sums
        sums *= LOST_DIGITS * np.finfo(rows.dtype).eps
        point, row = np.divmod(np.flatnonzero(distances < sums), len(rows))
    for part in blocks(len(row), rows.shape[1]):
        distances[point[part], row[part]] = squares(rows[row[part]].astype(np.float64) - points[point[part]])
    return distances
