"""How much of what exact search finds an index finds too, and how much faster it is."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from assayd_server.core.arrays import Floats, Integers
from assayd_server.nearest import Nearest, NearestSearch

BATCH_QUERIES = 64
"""As many are searched for at once."""


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
        search: with an index, or without: then the recall is 1 and both rates are that of exact search.
        seed: of the sample.
        sample_rows: how many rows, at least 1; all where there are fewer.
        k: how many neighbours; all others where there are fewer, and 1 in a pool of one row, which has none.
    """
    stored = search.stored
    random = np.random.default_rng(seed)
    own = np.sort(random.choice(len(stored), min(sample_rows, len(stored)), replace=False))
    k = max(1, min(k, len(stored) - 1))
    recalls, seconds, exact_seconds = [], 0.0, 0.0
    for start in range(0, len(own), BATCH_QUERIES):
        batch = own[start : start + BATCH_QUERIES]
        queries = np.asarray(stored.searched[batch])
        found, took = _timed(search.nearest, queries, k, batch)
        exact, exactly_took = (found, took) if search.is_exact else _timed(search.exact, queries, k, batch)
        recalls.append(recall_of(found, exact))
        seconds, exact_seconds = seconds + took, exact_seconds + exactly_took
    recall = float(np.concatenate(recalls).mean()) if len(stored) > 1 else 1.0
    return Measured(recall, k, len(own) / seconds, len(own) / exact_seconds)


def _timed(search: Callable[..., Nearest], queries: Floats, k: int, own: Integers) -> tuple[Nearest, float]:
    began = time.perf_counter()
    return search(queries, k, own=own), max(time.perf_counter() - began, 1e-9)
