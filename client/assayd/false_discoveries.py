"""Which rows of a batch are strange, when at most a share of those that are called so may be healthy."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def discoveries(p_values: Floats, alpha: float) -> NDArray[np.bool_]:
    """The rows that are called strange, by the step-up procedure.

    Args:
        p_values: (n,), in [0, 1]; a NaN is no discovery and does not count.
        alpha: above 0, below 1.

    Source: Benjamini and Hochberg 1995, Controlling the False Discovery Rate.
    """
    values, counts = np.unique(p_values[~np.isnan(p_values)], return_counts=True)
    return p_values <= threshold(values, counts, alpha)


def threshold(values: Floats, counts: NDArray[np.int64], alpha: float) -> float:
    """The largest p-value that is still a discovery, -1 where none is.

    P-values of a reference repeat, so that those of any number of rows are as few as its own rows are.

    Args:
        values: (k,), ascending and distinct.
        counts: (k,), how many rows have each.
        alpha: above 0, below 1.
    """
    ranks = np.cumsum(counts)
    passing = np.flatnonzero(values * (counts.sum() / ranks) <= alpha)
    return float(values[passing[-1]]) if passing.size else -1.0
