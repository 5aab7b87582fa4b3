"""The positions of the largest scores."""

import numpy as np

from assayd_server.core.arrays import Floats, Integers


def top_rows(scores: Floats, count: int, *, descending: bool = True) -> Integers:
    """The positions that a full stable sort would put first, in linear time and without sorting all.

    Args:
        scores: (n,), float; a NaN is never selected, an infinity is a score like any other.
        count: how many are wanted, at least 0.
        descending: whether the largest come first, or the smallest.

    Returns:
        (k,) int64, best first, ties by lower position; k is count, or as many scores as there are.
    """
    scored_count = len(scores) - int(np.isnan(scores).sum())
    count = min(count, scored_count)
    if count == 0:
        return np.empty(0, np.int64)
    place = scored_count - count if descending else count - 1  # in ascending order, where NaN comes last
    cut = np.partition(scores, place)[place]
    better = np.flatnonzero(scores > cut if descending else scores < cut)
    tied = np.flatnonzero(scores == cut)[: count - len(better)]
    chosen = np.concatenate([better, tied])  # among equals by position, so that a stable sort leaves them so
    keys = -scores[chosen] if descending else scores[chosen]
    return chosen[np.argsort(keys, kind="stable")].astype(np.int64, copy=False)
