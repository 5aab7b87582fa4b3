"""What it means that two vectors are alike."""

from enum import StrEnum

import numpy as np

from assayd_server.core.arrays import Floats, Integers
from assayd_server.core.blocks import blocks

FLOAT32_MAX = float(np.finfo(np.float32).max)


class Metric(StrEnum):
    """A similarity; larger is more alike."""

    COSINE = "cosine"
    """The cosine of the angle between two vectors, in [-1, 1]."""
    INNER_PRODUCT = "inner_product"
    L2 = "l2"
    """The Euclidean distance, negated."""


def unit_vectors(vectors: Floats) -> Floats:
    """The directions of vectors.

    Args:
        vectors: (n, d) finite, none of them zero; any float type, any length.

    Returns:
        (n, d) float32, new, each of length 1 but for rounding.
    """
    wide = vectors.astype(np.float64)
    wide /= np.abs(wide).max(axis=1, keepdims=True)  # so that no square overflows or vanishes
    wide /= np.sqrt(np.einsum("nd,nd->n", wide, wide))[:, None]
    return wide.astype(np.float32)


def pair_similarities(queries: Floats, vectors: Floats, rows: Integers, *, metric: Metric) -> Floats:
    """How similar queries are to some rows each: summed up in float64, pair by pair, and rounded once.

    What comes out for a pair depends on its two vectors alone, not on what else is asked for.

    Args:
        queries: (n, d) float32; unit vectors under cosine, as the rows are.
        vectors: (N, d) float32, perhaps mapped from a file; only the rows that are asked for are read.
        rows: (n, c) rows of vectors, each in [0, N).
        metric: the similarity.

    Returns:
        (n, c) float32; what is larger than float32 can say is the largest that it can say.
    """
    similarities = np.empty(rows.shape, np.float32)
    row_count, dimension = queries.shape
    for columns in blocks(rows.shape[1], dimension):
        asked = rows[:, columns]
        for part in blocks(row_count, max(1, asked[:1].size * dimension)):
            pairs = np.asarray(vectors).take(asked[part], axis=0).astype(np.float64)  # faster than [] by half
            exact = _similarities(queries[part].astype(np.float64), pairs, metric)
            similarities[part, columns] = exact.clip(-FLOAT32_MAX, FLOAT32_MAX)
    return similarities


def _similarities(queries: Floats, pairs: Floats, metric: Metric) -> Floats:
    if metric is not Metric.L2:
        return _dots(pairs, queries[:, None])
    pairs -= queries[:, None]
    return 0.0 - np.sqrt(_dots(pairs, pairs))  # 0.0 - x, as -x would be -0.0


def _dots(left: Floats, right: Floats) -> Floats:
    """Each pair by itself: in larger products, and in einsum, the order of a sum depends on its place."""
    return np.matmul(left[..., None, :], right[..., None])[..., 0, 0]
