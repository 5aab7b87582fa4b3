"""The positions of the largest scores."""

import math

import numpy as np

from assayd_server.core.arrays import Floats, Integers

GROUP_ROWS_MAX = 64
"""More would save nothing: the groups' largest scores are few by then."""


def top_rows(scores: Floats, count: int, *, descending: bool = True) -> Integers:
    """The positions that a full stable sort would put first, in linear time.

    Args:
        scores: (n,), float; a NaN is never selected, an infinity is a score like any other.
        count: how many are wanted, at least 0.
        descending: whether the largest come first, or the smallest.

    Returns:
        (k,) int64, best first, ties by lower position; k is count, or as many as are not NaN.
    """
    keys = scores if descending else -scores
    candidates = np.flatnonzero(keys >= _bound(keys, max(count, 1)))
    values = keys[candidates]
    count = min(count, len(values))
    if count == 0:
        return np.empty(0, np.int64)
    cut = np.partition(values, -count)[-count]
    better, tied = np.flatnonzero(values > cut), np.flatnonzero(values == cut)
    chosen = np.concatenate(
        [better, tied[: count - len(better)]]
    )  # equals by position, and a stable sort keeps them
    ranked = chosen[np.argsort(-values[chosen], kind="stable")]
    return candidates[ranked].astype(np.int64, copy=False)


def _bound(keys: Floats, count: int) -> float:
    """A key that at least count keys reach, so that none below it is selected: the count-th of the groups' best.

    Groups are spread over the whole; finding their best costs a tenth of partitioning all keys.
    """
    group_rows = min(GROUP_ROWS_MAX, len(keys) // (4 * count))
    if group_rows < 4:
        return -math.inf
    group_count = len(keys) // group_rows
    grouped = keys[: group_rows * group_count].reshape(group_rows, group_count)
    bests = np.fmax.reduce(grouped, axis=0, initial=-math.inf)  # -inf for a group of nothing but NaN
    return float(np.partition(bests, -count)[-count])
