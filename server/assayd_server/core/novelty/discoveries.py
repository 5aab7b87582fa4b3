"""Which rows of a batch are novel, when no more than a share of those that are called so may be others."""

import math

import numpy as np

from assayd_server.core.arrays import Booleans, Floats


def discoveries(p_values: Floats, rate: float) -> Booleans:
    """The rows that may be called novel if, on average, at most the given share of them is not: by the step-up of
    Benjamini and Hochberg.

    Conformal p-values of one calibration depend on each other, and in the way that leaves the rate as it is.

    Args:
        p_values: (n,), in [0, 1]; NaN is no discovery.
        rate: above 0, below 1. With a calibration of n rows, a batch of m must hold m / (rate (n + 1)) rows with
            the smallest p-value there is before any is a discovery.

    Source: Benjamini and Hochberg 1995, Controlling the False Discovery Rate; Bates et al. 2023, Testing for
    Outliers with Conformal p-values, theorem 2.
    """
    ascending = p_values[p_values <= rate]
    limit = -1.0
    if ascending.size:
        ascending.sort()
        per_rank = _valid_count(p_values) / np.arange(1, ascending.size + 1)
        below = (ascending * per_rank <= rate).nonzero()[0]
        if below.size:
            limit = ascending[below[-1]]
    return p_values <= limit


def _valid_count(p_values: Floats) -> int:
    """How many are not NaN."""
    if math.isnan(p_values.max()):  # which one NaN makes NaN
        return len(p_values) - int(np.count_nonzero(np.isnan(p_values)))
    return len(p_values)
