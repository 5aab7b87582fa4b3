"""Rows of a pool that are drawn by chance, at a cost that does not grow with the pool."""

import numpy as np

from assayd_server.core.arrays import Hashes, Integers
from assayd_server.core.hashing import Use, id_hash, uniform

_FREE_SHARE_MIN = 0.1
"""Where fewer of the rows than this are left, they are counted out rather than met by chance."""


def drawn_rows(pool_rows: int, count: int, *, taken: Integers, seed: int) -> Integers:
    """Rows that each had the same chance, one after the other.

    The draws of a seed are one sequence, of which rows that are taken are passed over: the next round of a
    labelling goes on where the last one stopped.

    Args:
        pool_rows: N, 1 or more.
        count: how many are wanted, 0 or more.
        taken: rows that are not to be drawn, ascending, each once.
        seed: from 0 to 2^64 - 1.

    Returns:
        (m,) int64, each once; m = count, or as many as are not taken.
    """
    free = pool_rows - len(taken)
    count = min(count, free)
    if count == 0:
        return np.empty(0, np.int64)
    if free - count < _FREE_SHARE_MIN * pool_rows:
        return _shuffled(np.setdiff1d(np.arange(pool_rows), taken, assume_unique=True), seed)[:count]
    return _met(pool_rows, count, taken, seed)


def _met(pool_rows: int, count: int, taken: Integers, seed: int) -> Integers:
    """The first rows of the sequence that are not taken and did not come before."""
    step, drawn = 0, np.empty(0, np.int64)
    while True:
        steps = np.arange(step, step + 2 * count, dtype=np.int64)
        chances = uniform(steps, seed=seed, stream=Use.EXPLORE)
        drawn = np.concatenate([drawn, (chances * pool_rows).astype(np.int64)])
        _, first = np.unique(drawn, return_index=True)
        drawn = drawn[np.sort(first)]
        free = drawn[~np.isin(drawn, taken)]
        if len(free) >= count:
            return free[:count]
        step += len(steps)


def _shuffled(rows: Integers, seed: int) -> Integers:
    keys: Hashes = id_hash(rows)
    return rows[np.argsort(uniform(keys.astype(np.int64), seed=seed, stream=Use.EXPLORE), kind="stable")]
