"""Covariance that can be inverted, from fewer rows than there are dimensions too."""

from dataclasses import dataclass

import numpy as np

from assayd_server.core.arrays import Floats
from assayd_server.core.blocks import blocks


@dataclass(frozen=True, slots=True)
class Moments:
    """Sums over n rows with mean 0."""

    row_count: int
    products: Floats
    """(d, d), the sum of x x^T."""
    fourth_powers: float
    """The sum of |x|^4."""


def moments(rows: Floats) -> Moments:
    """Of (n, d) rows of float64 with mean 0."""
    row_count, width = rows.shape
    fourth_powers = 0.0
    for part in blocks(row_count, max(width, 1)):
        squares = np.einsum("nd,nd->n", rows[part], rows[part])
        fourth_powers += float(squares @ squares)
    return Moments(row_count, rows.T @ rows, fourth_powers)


def shrunk_covariance(sums: Moments) -> tuple[Floats, float]:
    """(1 - gamma) S + gamma (tr S / d) I, with the gamma whose expected squared error is least.

    gamma tends to 0 as n grows beyond d, so that many rows have their own covariance.

    Args:
        sums: of at least one row.

    Returns:
        (d, d) float64 and gamma, in [0, 1].

    Source: Ledoit and Wolf 2004, A Well-Conditioned Estimator for Large-Dimensional Covariance Matrices.
    """
    covariance = sums.products / sums.row_count
    width = len(covariance)
    mean_variance = float(np.trace(covariance)) / max(width, 1)
    square = float(np.vdot(covariance, covariance))
    distance = square - width * mean_variance**2
    error = (sums.fourth_powers / sums.row_count - square) / sums.row_count
    shrinkage = min(1.0, error / distance) if error > 0 and distance > 0 else 0.0
    covariance *= 1 - shrinkage
    covariance[np.diag_indices(width)] += shrinkage * mean_variance
    return covariance, shrinkage
