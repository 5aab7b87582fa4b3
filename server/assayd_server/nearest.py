"""The most similar rows of a pool: an index, or float32 arithmetic, proposes, and what is returned is exact."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from assayd_server.core.arrays import Booleans, Floats, Integers
from assayd_server.core.full_scan import LeftOut, full_scan
from assayd_server.core.similarity import Metric, unit_vectors
from assayd_server.pool import Index, flat_proposals
from assayd_server.reranking import Reranking
from assayd_server.stored_vectors import StoredVectors

BLOCK_QUERIES = 256
REPEATS_MAX = 3
"""How often a query that was left short is proposed twice as many; then every row is looked at."""
Propose = Callable[[Floats, int], tuple[Integers, Floats]]
"""Rows for queries, (n, c) with c at least a count and -1 for none; and (n,) float32 that no other row reaches, of
those that are to be considered.
"""


@dataclass(frozen=True, slots=True)
class Nearest:
    """What was found."""

    rows: Integers
    """(n, k) int64: pool rows, most similar first, ties by lower row; 0 where filled up."""
    similarities: Floats
    """(n, k) float32; NaN where filled up."""
    counts: Integers
    """(n,) int64: how many were found."""


def searchable(queries: Floats, metric: Metric) -> Booleans:
    """(n,): which queries can be searched for: finite in float32, and under cosine not zero."""
    with np.errstate(over="ignore"):
        fits = np.asarray(np.isfinite(queries.astype(np.float32)).all(axis=1))
    return fits & (queries != 0).any(axis=1) if metric is Metric.COSINE else fits


class NearestSearch:
    """Searches a pool; may be used by several threads at once.

    Args:
        stored: what is searched.
        index: proposes rows; None has every row compared.
        threads: for each search.
    """

    def __init__(self, stored: StoredVectors, index: Index | None, *, threads: int) -> None:
        self._stored, self._index, self._threads = stored, index, threads
        self._reranking = Reranking(stored, threads=threads)

    @property
    def stored(self) -> StoredVectors:
        """What is searched."""
        return self._stored

    @property
    def is_exact(self) -> bool:
        """Whether nearest() compares every row."""
        return self._index is None

    def nearest(
        self,
        queries: Floats,
        k: int,
        *,
        excluded: Integers | None = None,
        own: Integers | None = None,
        similarity_min: float | None = None,
    ) -> Nearest:
        """The k most similar of the rows that the index proposes; k of them whenever there are k.

        Args:
            queries: (n, d), all searchable().
            k: 1 to N.
            excluded: sorted unique rows that are not to be found.
            own: (n,) for each query one more row that is not to be found; -1 for none.
            similarity_min: less similar rows are not found; rounded to float32, as similarities are.
        """
        propose = self._of_all_rows if self._index is None else self._by_index
        rows, similarities = self._in_blocks(propose, queries, k, _left_out(queries, excluded, own))
        return _nearest(rows, similarities, similarity_min)

    def exact(
        self,
        queries: Floats,
        k: int,
        *,
        excluded: Integers | None = None,
        own: Integers | None = None,
        similarity_min: float | None = None,
    ) -> Nearest:
        """As nearest(), of all rows, whatever the index is."""
        left_out = _left_out(queries, excluded, own)
        rows, similarities = self._in_blocks(self._of_all_rows, queries, k, left_out)
        return _nearest(rows, similarities, similarity_min)

    def _in_blocks(self, propose: Propose, queries: Floats, k: int, left_out: LeftOut) -> tuple[Integers, Floats]:
        rows = np.empty((len(queries), k), np.int64)
        similarities = np.empty((len(queries), k), np.float32)
        for start in range(0, len(queries), BLOCK_QUERIES):
            part = slice(start, start + BLOCK_QUERIES)
            prepared = _prepared(queries[part], self._stored.metric)
            rows[part], similarities[part] = self._refilled(propose, prepared, k, left_out.part(part))
        return rows, similarities

    def _refilled(self, propose: Propose, queries: Floats, k: int, left_out: LeftOut) -> tuple[Integers, Floats]:
        """Proposes more where what is left out has left too few, and looks at every row at last."""
        rows = np.empty((len(queries), k), np.int64)
        similarities = np.empty((len(queries), k), np.float32)
        pending = np.arange(len(queries))
        count = k + bool((left_out.own >= 0).any()) + min(k, len(left_out.excluded))
        for _ in range(REPEATS_MAX):
            proposed, bounds = propose(queries[pending], min(count, len(self._stored)))
            dropped = left_out.part(pending).marks(proposed)
            found, exact = self._reranking.best(queries[pending], np.where(dropped, -1, proposed), k)
            rows[pending], similarities[pending] = found, exact
            # what was left out is not missed where so many more were asked for, or all others are known to be less
            missed = (dropped.sum(axis=1) > count - k) & (bounds == -np.inf)
            done = (exact[:, -1] > bounds) & ~missed
            pending = pending[~done]
            count *= 2
            if not len(pending):
                return rows, similarities
        rows[pending], similarities[pending] = full_scan(
            queries[pending],
            self._stored.searched,
            k,
            metric=self._stored.metric,
            left_out=left_out.part(pending),
            at_least=similarities[pending, -1],
        )
        return rows, similarities

    def _of_all_rows(self, queries: Floats, count: int) -> tuple[Integers, Floats]:
        count = min(count + 16 + count // 8, len(self._stored))  # rounding may have put them in the wrong order
        rows, scores = flat_proposals(queries, self._stored, count, threads=self._threads)
        if count == len(self._stored) and (rows >= 0).all():
            return rows, np.full(len(rows), -np.inf, np.float32)
        return rows, self._reranking.highest(queries, scores[:, -1])

    def _by_index(self, queries: Floats, count: int) -> tuple[Integers, Floats]:
        assert self._index is not None
        rows = self._index.candidates(queries, count, threads=self._threads)
        return rows, np.full(len(rows), -np.inf, np.float32)


def _prepared(queries: Floats, metric: Metric) -> Floats:
    if metric is Metric.COSINE:
        return unit_vectors(queries)
    return np.ascontiguousarray(queries, np.float32)


def _left_out(queries: Floats, excluded: Integers | None, own: Integers | None) -> LeftOut:
    return LeftOut(
        np.empty(0, np.int64) if excluded is None else excluded,
        np.full(len(queries), -1, np.int64) if own is None else own,
    )


def _nearest(rows: Integers, similarities: Floats, similarity_min: float | None) -> Nearest:
    with np.errstate(over="ignore"):
        lowest = np.float32(-np.inf if similarity_min is None else similarity_min)
    found = (rows >= 0) & (similarities >= lowest)
    return Nearest(np.where(found, rows, 0), np.where(found, similarities, np.float32(np.nan)), found.sum(axis=1))
