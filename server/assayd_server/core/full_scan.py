"""The most similar rows of a pool by looking at every row in float64: no tie is lost to rounding."""

from dataclasses import dataclass

import numpy as np

from assayd_server.core.arrays import Booleans, Floats, Integers
from assayd_server.core.blocks import blocks
from assayd_server.core.similarity import FLOAT32_MAX, Metric, pair_similarities

BLOCK_ELEMENTS = 1 << 20
"""Eight megabytes of double precision."""
BLOCK_ROWS_MAX = 8192


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Rows that are not to be found."""

    excluded: Integers
    """Sorted and unique: for every query."""
    own: Integers
    """(n,): for each query one more; -1 for none."""

    def part(self, queries: slice | Integers) -> "LeftOut":
        """For some of the queries."""
        return LeftOut(self.excluded, self.own[queries])

    def marks(self, rows: Integers) -> Booleans:
        """(n, c): which of the rows found for each query are left out."""
        marks: Booleans = (rows == self.own[:, None]) & (rows >= 0)
        if len(self.excluded):
            positions = np.searchsorted(self.excluded, rows).clip(max=len(self.excluded) - 1)
            marks |= self.excluded[positions] == rows
        return marks


def full_scan(
    queries: Floats, vectors: Floats, k: int, *, metric: Metric, left_out: LeftOut, at_least: Floats
) -> tuple[Integers, Floats]:
    """The k most similar rows of each query, ties by lower row.

    Args:
        queries: (n, d) float32 finite; unit vectors under cosine, as the rows are.
        vectors: (N, d) float32, perhaps mapped from a file.
        k: how many.
        metric: the similarity.
        left_out: rows that are not to be found.
        at_least: (n,) float32: a similarity that k rows are known to reach; -inf where none is known.

    Returns:
        (n, k) int64 rows, -1 where there are no more, and (n, k) float32 similarities, -inf there. Held in
        memory are a block of rows in float64, and the k best of each query.
    """
    found = _Found(queries, vectors, k, metric=metric, at_least=at_least)
    block_rows = max(1, min(BLOCK_ROWS_MAX, BLOCK_ELEMENTS // max(queries.shape)))
    for start in range(0, len(vectors), block_rows):
        block = np.arange(start, min(start + block_rows, len(vectors)))
        promising = _highest(queries, vectors[start : start + block_rows], metric) > found.below[:, None]
        query, position = np.nonzero(promising)
        row = block[position]
        wanted = ~left_out.part(query).marks(row[:, None])[:, 0]
        found.take(query[wanted], row[wanted])
    return found.best()


class _Found:
    """The k best rows so far of each query."""

    def __init__(self, queries: Floats, vectors: Floats, k: int, *, metric: Metric, at_least: Floats) -> None:
        self._queries, self._vectors, self._k, self._metric = queries, vectors, k, metric
        self.below = np.nextafter(at_least, np.float32(-np.inf))
        """(n,): only what is more similar can be among the k best, as rows come in their order."""
        self._query: Integers = np.empty(0, np.int64)
        self._row: Integers = self._query
        self._similarity = np.empty(0, np.float32)

    def take(self, query: Integers, row: Integers) -> None:
        """Look at some pairs: (p,) and (p,)."""
        if not len(query):
            return
        similarity = self._similarities(query, row)
        query = np.concatenate([self._query, query])
        row = np.concatenate([self._row, row])
        similarity = np.concatenate([self._similarity, similarity])
        order = np.lexsort((row, -similarity, query))
        order = order[_places(query[order]) < self._k]
        self._query, self._row, self._similarity = query[order], row[order], similarity[order]
        last = _places(self._query) == self._k - 1
        self.below[self._query[last]] = self._similarity[last]

    def _similarities(self, query: Integers, row: Integers) -> Floats:
        parts = blocks(len(query), self._queries.shape[1])  # or all queries, once for each pair, would be copied
        similarities = (
            pair_similarities(self._queries[query[part]], self._vectors, row[part, None], metric=self._metric)
            for part in parts
        )
        return np.concatenate(list(similarities))[:, 0]

    def best(self) -> tuple[Integers, Floats]:
        """(n, k) each."""
        shape = len(self._queries), self._k
        rows, similarities = np.full(shape, -1, np.int64), np.full(shape, -np.inf, np.float32)
        places = _places(self._query)
        rows[self._query, places], similarities[self._query, places] = self._row, self._similarity
        return rows, similarities


def _places(query: Integers) -> Integers:
    """The place of each entry among those of its query, of entries that are sorted by query."""
    return np.arange(len(query)) - np.searchsorted(query, query)


def _highest(queries: Floats, block: Floats, metric: Metric) -> Floats:
    """(n, b) float32: no similarity is above it, and few are far below."""
    left, right = queries.astype(np.float64), np.asarray(block).astype(np.float64)
    products = left @ right.T
    left_squares, right_squares = np.einsum("nd,nd->n", left, left), np.einsum("nd,nd->n", right, right)
    error = (queries.shape[1] + 4) * np.finfo(np.float64).eps
    if metric is Metric.L2:
        sums = left_squares[:, None] + right_squares
        lowest = np.maximum((1 - 2 * error) * sums - 2 * products, 0)
        return -np.sqrt(lowest).clip(max=FLOAT32_MAX).astype(np.float32)
    products += error * np.sqrt(left_squares[:, None] * right_squares)
    return products.clip(-FLOAT32_MAX, FLOAT32_MAX).astype(np.float32)
