"""Which rows can be scored at all."""

import numpy as np

from assayd_server.core.arrays import Booleans, Floats


def scorable_logits(logits: Floats) -> Booleans:
    """Rows whose softmax is defined: no NaN, no +inf, and at least one score above -inf.

    Args:
        logits: (n, c), float.

    Returns:
        (n,).
    """
    return np.isfinite(logits.max(axis=1, initial=-np.inf))  # max propagates NaN; it is -inf for all -inf


def finite(values: Floats) -> Booleans:
    """Rows of (n, d) without NaN or an infinity: (n,)."""
    return np.logical_and.reduce(np.isfinite(values), axis=1)
