"""How much of what exact search finds an index finds too, and how much faster it is."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from assayd_server.core.arrays import Floats, Integers
from assayd_server.nearest import Nearest, NearestSearch
from assayd_server.stored_vectors import StoredVectors

BATCH_QUERIES = 64
"""As many are searched for at once."""
SECONDS_MAX = 20.0
"""Of exact search: what has been searched for by then is all of the sample."""


@dataclass(frozen=True, slots=True)
class Measured:
    """Of a sample of rows of the pool."""

    recall: float
    """The share of the k nearest that was found, the mean over the sample, in [0, 1]."""
    k: int
    queries_per_second: float
    """Of the index, in batches of 64, with the threads that the search has."""
    exact_queries_per_second: float
    """Of exact search, in turn with it."""


def exactly(measured: Measured) -> Measured:
    """What exact search does, measured along with an index."""
    return replace(measured, recall=1.0, queries_per_second=measured.exact_queries_per_second)


def recall_of(found: Nearest, exact: Nearest) -> Floats:
    """(n,) the share of the exact neighbours of each query that was found; one that is as similar does as well.

    Args:
        found: of an index.
        exact: of exact search, for the same queries and k; 1 where it found none.
    """
    least = np.where(np.isnan(exact.similarities), np.inf, exact.similarities).min(axis=1, keepdims=True)
    hits = (found.similarities >= least).sum(axis=1)  # False for NaN
    return np.where(exact.counts, hits / np.maximum(exact.counts, 1), 1.0)


def measure(search: NearestSearch, *, seed: int = 0, sample_rows: int = 1000, k: int = 100) -> Measured:
    """Search for rows of the pool, themselves left out.

    Args:
        search: with an index, or without: then the recall is 1 and both rates are the same.
        seed: of the sample.
        sample_rows: how many rows, at least 1; fewer where there are fewer, or exact search takes too long.
        k: how many neighbours; all others where there are fewer, and 1 in a pool of one row, which has none.
    """
    stored = search.stored
    rng = np.random.default_rng(seed)
    own = rng.choice(len(stored), min(sample_rows, len(stored)), replace=False)
    k = max(1, min(k, len(stored) - 1))
    batches = [own[start : start + BATCH_QUERIES] for start in range(0, len(own), BATCH_QUERIES)]
    _timed(search.nearest, stored, batches[0], k)  # the first one would wait for the disk
    recalls, seconds, exact_seconds, done = [], 0.0, 0.0, 0
    for batch in batches:
        exact, exactly_took = _timed(search.exact, stored, batch, k)
        found, took = (exact, exactly_took) if search.is_exact else _timed(search.nearest, stored, batch, k)
        recalls.append(recall_of(found, exact))
        seconds, exact_seconds, done = seconds + took, exact_seconds + exactly_took, done + len(batch)
        if exact_seconds > SECONDS_MAX:
            break
    return Measured(float(np.concatenate(recalls).mean()), k, done / seconds, done / exact_seconds)


def _timed(find: Callable[..., Nearest], stored: StoredVectors, own: Integers, k: int) -> tuple[Nearest, float]:
    queries = np.asarray(stored.searched[own])
    began = time.perf_counter()
    return find(queries, k, own=own), max(time.perf_counter() - began, 1e-9)
