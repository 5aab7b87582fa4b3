"""How far a row's direction is from those of the rows of a reference: the distance to the k-th nearest."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assayd_server.core.arrays import Booleans, Floats, Integers
from assayd_server.core.novelty.usable import usable

NEIGHBORS = 50
"""k, as the paper has it for CIFAR, where a class has 5,000 rows in the reference."""
ROWS_MAX = 10_000
"""Of a reference: a search looks at every one, and a file holds them all."""
_BLOCK_ELEMENTS = 1 << 20
"""Of cosines at a time: four megabytes."""


@dataclass(frozen=True, slots=True)
class Neighbors:
    """The directions of m rows."""

    directions: Floats
    """(m, d) float32, of length 1, m from 1 to 10,000."""
    k: Integers
    """() int64, from 1 to 50: the distance is that to the k-th nearest."""

    def arrays(self) -> dict[str, NDArray[Any]]:
        """By name, for a file."""
        return {"directions": self.directions, "k": self.k}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> "Neighbors":
        """What arrays() gave.

        Raises:
            KeyError: an array is missing.
        """
        return cls(arrays["directions"], arrays["k"])


def fit_neighbors(embeddings: Floats, class_count: int = 1) -> Neighbors:
    """The directions of rows, of ROWS_MAX that are evenly spread over them where there are more.

    The k-th nearest should be of the same class: k is 50, or half of the mean count of rows in a class if that is
    less.

    Args:
        embeddings: (n, d). A row of zeros, or one that is not finite as float32, has no direction and is left out.
        class_count: of the classes that the rows are of, from 1.

    Raises:
        ValueError: no row is left.
    """
    rows = embeddings[usable(embeddings)]
    rows = rows[rows.any(axis=1)]
    if not len(rows):
        raise ValueError("embeddings have no row that is finite and other than 0")
    kept = np.linspace(0, len(rows) - 1, min(len(rows), ROWS_MAX)).astype(np.int64)
    k = min(NEIGHBORS, max(1, len(kept) // (2 * class_count)))
    return Neighbors(_directions(rows[kept]), np.array(k))


def knn_distance(neighbors: Neighbors, embeddings: Floats) -> Floats:
    """The Euclidean distance between unit vectors, of a row and of the k-th nearest in the reference.

    Args:
        neighbors: of d dimensions, none of which is the row itself.
        embeddings: (n, d).

    Returns:
        (n,) float32, in [0, 2]; 1 for a row of zeros, NaN for one that is not finite as float32.

    Source: Sun, Ming, Zhu and Li 2022, Out-of-Distribution Detection with Deep Nearest Neighbors.
    """
    reference = neighbors.directions
    distances = np.full(len(embeddings), np.nan, np.float32)
    positions = np.flatnonzero(usable(embeddings))
    size = max(1, _BLOCK_ELEMENTS // len(reference))
    for start in range(0, len(positions), size):
        part = positions[start : start + size]
        rows = _directions(embeddings[part])
        differences = rows - reference[_kth_largest(rows @ reference.T, int(neighbors.k))]
        distances[part] = np.sqrt(np.einsum("nd,nd->n", differences, differences))
    return distances


def _kth_largest(values: Floats, k: int) -> Integers:
    """The position of each row's k-th largest value: (n, m) to (n,).

    Where there are many, only those are partitioned that reach the k-th of the largest of some groups, which at
    least k do: about as many, so that nearly all time goes into one pass of comparisons.
    """
    row_count, width = values.shape
    group_count = 4 * k
    if width < 4 * group_count:
        return np.argpartition(values, -k, axis=1)[:, -k]
    whole = values[:, : width - width % group_count].reshape(row_count, -1, group_count)
    bounds = np.partition(whole.max(axis=1), -k, axis=1)[:, -k]
    reached: Booleans = values >= bounds[:, None]
    rows, columns = np.nonzero(reached)
    counts = np.bincount(rows, minlength=row_count)
    places = np.arange(len(rows)) - (np.cumsum(counts) - counts)[rows]
    kept = np.full((row_count, counts.max()), -np.inf, values.dtype)
    origins = np.zeros(kept.shape, np.int64)
    kept[rows, places], origins[rows, places] = values[rows, columns], columns
    chosen = np.argpartition(kept, -k, axis=1)[:, -k]
    return origins[np.arange(row_count), chosen]


def _directions(rows: Floats) -> Floats:
    """Unit vectors, (n, d) float32, zeros for zeros; scaled first, so that no square overflows or vanishes."""
    largest = np.abs(rows).max(axis=1, keepdims=True)
    scaled = rows / np.where(largest > 0, largest, 1)
    lengths = np.sqrt(np.einsum("nd,nd->n", scaled, scaled))
    return (scaled / np.where(lengths > 0, lengths, 1)[:, None]).astype(np.float32, copy=False)
