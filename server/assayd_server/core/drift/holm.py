"""Many tests at once, with a bound on the probability of any false alarm."""

import numpy as np

from assayd_server.core.arrays import Floats


def holm(p_values: Floats) -> Floats:
    """Adjusted p-values: if those at most alpha are alarms, any is false with probability alpha at most.

    Args:
        p_values: (k,), in [0, 1], of tests that may depend on each other in any way.

    Returns:
        (k,) float64, in [0, 1], each at least its p-value, in the same order.

    Source: Holm 1979, A simple sequentially rejective multiple test procedure.
    """
    count = len(p_values)
    order = np.argsort(p_values, kind="stable")
    adjusted = np.empty(count)
    adjusted[order] = np.maximum.accumulate(np.asarray(p_values, np.float64)[order] * np.arange(count, 0, -1))
    return np.minimum(adjusted, 1)
