"""Clusters at next to no cost: rows on the same side of some random planes.

The planes pass through the mean of the rows, because embeddings often lie all on one side of zero. Two rows at an
angle theta, as seen from there, are on the same side of a plane with probability 1 - theta / pi.

Source: Charikar 2002, Similarity Estimation Techniques from Rounding Algorithms.
"""

import numpy as np
from scipy.special import ndtri

from assayd_server.core.arrays import Floats, Integers
from assayd_server.core.distances import squares
from assayd_server.core.draws import uniforms

BITS_MAX = 62
"""So that a bucket's number fits 64 bits with a sign."""

_ROUNDING = 32
"""A row that is no more rounding errors than this above a plane is below it: or chance would part equal rows."""


def sign_clusters(embeddings: Floats, bits: int, seed: int) -> Integers:
    """The bucket of each row: one bit for each plane.

    Args:
        embeddings: (n, d).
        bits: how many planes, 0 to BITS_MAX; 2^bits buckets.
        seed: any integer; the same seed gives the same planes on every machine.

    Returns:
        (n,) int64, from 0 to 2^bits - 1; -1 for a row with NaN or an infinity, or whose squared length overflows.
    """
    rows = embeddings.astype(np.result_type(embeddings.dtype, np.float32), copy=False)
    lengths = np.sqrt(squares(rows))
    known = np.isfinite(lengths)
    normals = _normals(rows.shape[1], bits, seed=seed).astype(rows.dtype)
    with np.errstate(over="ignore", invalid="ignore"):
        sides = (rows @ normals).astype(np.float64)
    sides -= sides[known][:1].sum(axis=0)  # of rows that are alike the mean is then exact, however many they are
    sides -= sides[known].sum(axis=0) / max(1, known.sum())
    rounding = _ROUNDING * np.finfo(rows.dtype).eps * np.outer(lengths, np.linalg.norm(normals, axis=0))
    buckets = (sides > rounding) @ (1 << np.arange(bits, dtype=np.int64))
    return np.where(known, buckets, -1)


def _normals(dimension: int, count: int, *, seed: int) -> Floats:
    """Normal vectors, (d, count): draws from the normal distribution, which prefers no direction."""
    numbers = np.arange(dimension * count, dtype=np.uint64)
    return ndtri(uniforms(numbers, seed=seed)).reshape(dimension, count)
