"""Information density: how uncertain a row is, times how many rows of the pool lie in its direction.

The mean cosine between a row and a pool is exactly u . m, where u is the row's unit vector and m the mean of the
pool's: one stored vector and d multiplications a row, where the direct sum needs every row of the pool.
"""

from collections.abc import Iterator

import numpy as np

from assayd_server.core.arrays import Floats
from assayd_server.core.blocks import blocks

SAFE_LENGTHS = (1e-150, 1e150)
"""Between these no square of a float64 overflows, and none that counts is lost."""


def information_density(base: Floats, embeddings: Floats, direction: Floats, beta: float = 1.0) -> Floats:
    """H (u . m)^beta: an outlier is uncertain too, but teaches little about other rows.

    Args:
        base: (n,), the uncertainty of each row, at least 0.
        embeddings: (n, d), float.
        direction: (d,), the mean of the pool's unit vectors, as mean_direction gives it.
        beta: how much the density counts, at least 0; 0 leaves the uncertainty as it is.

    Returns:
        (n,), the dtype of base, at most base. A mean cosine below 0 counts as 0, an embedding of zeros has none;
        one that is not finite gives NaN.

    Source: Settles and Craven 2008, An Analysis of Active Learning Strategies for Sequence Labeling Tasks.
    """
    cosines = np.empty(len(embeddings))
    for place, rows in _blocks(embeddings):
        lengths = _lengths(rows)
        lengths[lengths == 0] = 1
        cosines[place] = np.einsum("ij,j->i", rows, direction) / lengths
    densities = np.where(np.isnan(cosines), np.nan, np.clip(cosines, 0, 1) ** beta)  # NaN to the power of 0 is 1
    return (base * densities).astype(base.dtype, copy=False)


def mean_direction(embeddings: Floats) -> Floats:
    """The mean of the unit vectors of a pool: short where the pool points everywhere.

    Args:
        embeddings: (n, d), float; rows that are zero or not finite are left out.

    Returns:
        (d,) float64, of a length from 0 to 1; zeros where no row is left.
    """
    total, count = np.zeros(embeddings.shape[1]), 0
    for _, rows in _blocks(embeddings):
        lengths = _lengths(rows)
        directed = lengths > 0
        total += (rows[directed] / lengths[directed, None]).sum(axis=0)
        count += int(directed.sum())
    return total / max(count, 1)


def mean_direction_of_rest(mean: Floats, count: int, labelled_sum: Floats, labelled_count: int) -> Floats:
    """The mean direction of a pool without the rows that have labels by now, from sums alone.

    Args:
        mean: (d,), of the whole pool.
        count: of the rows that it is the mean of.
        labelled_sum: (d,), the sum of the labelled rows' unit vectors.
        labelled_count: of the rows in that sum, at most count.

    Returns:
        (d,) float64; zeros where every row is labelled.
    """
    rest_count = count - labelled_count
    return (
        (count * np.asarray(mean, np.float64) - labelled_sum) / rest_count if rest_count else np.zeros(len(mean))
    )


def _blocks(embeddings: Floats) -> Iterator[tuple[slice, Floats]]:
    """Copies of some rows after others, in double precision, and where they come from."""
    row_count, width = embeddings.shape
    for place in blocks(row_count, max(width, 1)):
        yield place, embeddings[place].astype(np.float64)


def _lengths(rows: Floats) -> Floats:
    """The length of each row, NaN where it is not finite; rows of extreme values are scaled first, in place."""
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        lengths = _root_of_squares(rows)
        extreme = np.flatnonzero(~((lengths > SAFE_LENGTHS[0]) & (lengths < SAFE_LENGTHS[1])))
        if extreme.size:
            largest = np.abs(rows[extreme]).max(axis=1, initial=0, keepdims=True)
            rows[extreme] /= np.where(largest == 0, 1, largest)
            lengths[extreme] = _root_of_squares(rows[extreme])
    return lengths


def _root_of_squares(rows: Floats) -> Floats:
    return np.sqrt(np.einsum("ij,ij->i", rows, rows))
