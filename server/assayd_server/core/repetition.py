"""How much the rows of a batch repeat each other, by the directions of their embeddings."""

import math

import numpy as np

from assayd_server.core.arrays import Floats
from assayd_server.core.validity import finite


def mean_cosine(embeddings: Floats) -> float:
    """The mean cosine over the pairs of rows: 1 where all point the same way.

    From the sum of unit vectors, |sum u|^2 = k + 2 sum over pairs of u.v: in O(k d), not O(k^2 d).

    Args:
        embeddings: (k, d). A row of zeros, or with NaN or an infinity, has no direction and does not count.

    Returns:
        In [-1 / (k - 1), 1]; NaN where fewer than two rows have a direction.
    """
    units = _directions(embeddings)
    count = len(units)
    if count < 2:
        return math.nan
    total = units.sum(axis=0)
    return float(np.clip((total @ total - count) / (count * (count - 1)), -1 / (count - 1), 1))


def effective_size(embeddings: Floats) -> float:
    """How many rows that have nothing in common would be as varied: the Vendi score with the cosine as the kernel.

    exp of the entropy of the eigenvalues of the cosine Gram matrix U U^T / k; these are those of U^T U / k too, so
    the smaller of the two is taken: O(min(k, d)^3) time and O(min(k, d)^2) memory.

    Args:
        embeddings: (k, d). A row of zeros, or with NaN or an infinity, has no direction and does not count.

    Returns:
        From 1, where all rows point the same way or against it, to min(k, d), where they are orthogonal; NaN where
        no row has a direction.

    Source: Friedman and Dieng 2023, The Vendi Score: A Diversity Evaluation Metric for Machine Learning.
    """
    units = _directions(embeddings)
    count, dimension = units.shape
    if count == 0:
        return math.nan
    gram = units @ units.T if count <= dimension else units.T @ units
    shares = np.clip(np.linalg.eigvalsh(gram / count), np.finfo(np.float64).tiny, 1)
    return float(np.clip(np.exp(-(shares * np.log(shares)).sum()), 1, len(gram)))


def _directions(embeddings: Floats) -> Floats:
    """Unit vectors of the rows that have a direction; scaled first, so that no square overflows or vanishes."""
    rows = embeddings[finite(embeddings)].astype(np.float64)
    scales = np.abs(rows).max(axis=1, initial=0)
    rows = rows[scales > 0] / scales[scales > 0, None]
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)
