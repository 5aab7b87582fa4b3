"""Which rows of a batch are novel, when no more than a share of those that are called so may be others."""

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
    found = p_values <= rate
    candidates = np.flatnonzero(found)
    if candidates.size:
        valid_count = len(p_values) - int(np.count_nonzero(np.isnan(p_values)))
        ascending = np.sort(p_values[candidates])
        below = np.flatnonzero(ascending * (valid_count / np.arange(1, len(ascending) + 1)) <= rate)
        found[candidates] = p_values[candidates] <= (ascending[below[-1]] if below.size else -1.0)
    return found
