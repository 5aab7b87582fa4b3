"""How well an index does: the share of the true neighbours that it finds, and how fast, beside exact search."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from assayd_server.core.arrays import Integers
from assayd_server.nearest import Nearest, NearestSearch

_BATCH_ROWS = 64
_SECONDS_MAX = 20.0
"""An exact search of a very large pool is measured on as many rows as this allows."""


@dataclass(frozen=True, slots=True)
class Measured:
    """On rows of the pool, each without itself."""

    recall: float
    """The share of the k nearest rows that were found; 1 of an exact search."""
    k: int
    queries_per_second: float
    """In batches of 64."""
    exact_queries_per_second: float


def measure(search: NearestSearch, *, seed: int = 0, sample_rows: int = 1000, k: int = 100) -> Measured:
    """Search for some rows of the pool, both ways.

    Args:
        search: that is measured.
        seed: of what rows are searched for.
        sample_rows: how many, at most; fewer where the pool is large and searched exactly.
        k: how many neighbours of each, or as many as there are.
    """
    stored = search.stored
    k = min(k, len(stored) - 1)
    if k < 1:
        return Measured(1.0, 0, 0.0, 0.0)
    random = np.random.default_rng(seed)
    own = np.sort(random.choice(len(stored), min(sample_rows, len(stored)), replace=False))
    queries = np.asarray(stored.searched[own])
    exact, exact_rate = _timed(lambda part: search.exact(queries[part], k, own=own[part]), len(own))
    if search.is_exact:
        return Measured(1.0, k, exact_rate, exact_rate)
    found, rate = _timed(lambda part: search.nearest(queries[part], k, own=own[part]), len(exact))
    return Measured(_recall(found, exact), k, rate, exact_rate)


def _timed(find: Callable[[slice], Nearest], count: int) -> tuple[list[Nearest], float]:
    """The answers to batches, as many as the time allows, and rows per second. The first batch warms up."""
    find(slice(0, min(count, _BATCH_ROWS)))
    began, answers, done = time.perf_counter(), list[Nearest](), 0
    while done < count and (not answers or time.perf_counter() - began < _SECONDS_MAX):
        answers.append(find(slice(done, done + _BATCH_ROWS)))
        done += len(answers[-1].rows)
    return answers, done / (time.perf_counter() - began)


def _recall(found: list[Nearest], exact: list[Nearest]) -> float:
    shares = [
        _share(of_found, of_exact)
        for one, other in zip(found, exact, strict=False)
        for of_found, of_exact in zip(one.rows, other.rows, strict=True)
    ]
    return float(np.mean(shares))


def _share(found: Integers, exact: Integers) -> float:
    return float(np.isin(exact, found, assume_unique=True).mean())
