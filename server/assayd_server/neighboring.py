"""The rows of a pool that are most like rows of a request, of which some may not be searchable."""

from dataclasses import dataclass

import numpy as np

from assayd_server.core.arrays import Floats, Integers
from assayd_server.loaded_pool import LoadedPool
from assayd_server.nearest import Nearest, searchable


@dataclass(frozen=True, slots=True)
class Neighbors:
    """Of n rows."""

    pool: LoadedPool
    nearest: Nearest
    unsearchable: Integers
    """Positions of the rows that have no neighbours, because they are not finite or, under cosine, zero."""


def neighbors(
    pool: LoadedPool,
    embeddings: Floats,
    k: int,
    *,
    excluded: Integers | None = None,
    own: Integers | None = None,
    similarity_min: float | None = None,
) -> Neighbors:
    """Find them.

    Args:
        pool: where to search.
        embeddings: (n, d) float, with d the pool's.
        k: from 1 to N.
        excluded: rows that are not to be found, ascending, each once.
        own: (n,) rows of the pool that the embeddings are of, and that are not their own neighbours.
        similarity_min: what is less similar is not found.
    """
    able = searchable(embeddings, pool.stored.metric)
    where: Integers | slice = slice(None) if able.all() else np.flatnonzero(able)
    found = pool.search.nearest(
        embeddings[where],
        k,
        excluded=excluded,
        own=None if own is None else own[where],
        similarity_min=similarity_min,
    )
    if isinstance(where, slice):
        return Neighbors(pool, found, np.empty(0, np.int64))
    return Neighbors(pool, _spread(found, where, len(embeddings)), np.flatnonzero(~able))


def _spread(found: Nearest, where: Integers, count: int) -> Nearest:
    """With rows that have no neighbours in between."""
    k = found.rows.shape[1]
    spread = Nearest(
        np.zeros((count, k), np.int64), np.full((count, k), np.nan, np.float32), np.zeros(count, np.int64)
    )
    spread.rows[where], spread.similarities[where], spread.counts[where] = (
        found.rows,
        found.similarities,
        found.counts,
    )
    return spread
