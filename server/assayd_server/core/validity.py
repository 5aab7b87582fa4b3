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


def defined(softmaxes: Floats) -> Booleans:
    """Rows that a softmax gave values for; where it is not defined, every value of a row is NaN.

    Args:
        softmaxes: (n, c), of softmax.

    Returns:
        (n,), the same as scorable_logits of what it was given.
    """
    return ~np.isnan(softmaxes[:, 0])


SUM_TOLERANCE = 0.01
"""How far from 1 the sum of a row may be: half precision over thousands of classes stays within it."""


def scorable_probabilities(probabilities: Floats) -> Booleans:
    """Rows that are probabilities: no value is NaN or below 0, and the sum is 1.

    Args:
        probabilities: (n, c), float.

    Returns:
        (n,).
    """
    valid = adding_up(probabilities)
    if not probabilities.min(initial=0) >= 0:
        valid &= (probabilities >= 0).all(axis=1)
    return valid


def adding_up(probabilities: Floats) -> Booleans:
    """Rows without NaN whose sum is 1: (n, c) to (n,)."""
    with np.errstate(invalid="ignore", over="ignore"):
        sums = np.einsum("ij->i", probabilities)  # faster than sum, and exact enough for this
        return np.abs(sums - 1) <= SUM_TOLERANCE


def scorable_members(probabilities: Floats) -> Booleans:
    """Rows of a committee of which every member's is one of probabilities.

    Args:
        probabilities: (m, n, c), float.

    Returns:
        (n,).
    """
    member_count, row_count, class_count = probabilities.shape
    with np.errstate(invalid="ignore", over="ignore"):  # where there is no doubt at all, two fast passes show it
        row_sums = probabilities @ np.ones(class_count, probabilities.dtype)
        if np.abs(row_sums - 1).max(initial=0) <= SUM_TOLERANCE / 2 and probabilities.min(initial=0) >= 0:
            return np.ones(row_count, np.bool_)
    each = scorable_probabilities(probabilities.reshape(-1, class_count))
    return np.logical_and.reduce(each.reshape(member_count, row_count), axis=0)


def scorable_label_logits(logits: Floats) -> Booleans:
    """Rows whose sigmoids are defined: no NaN and no +inf; -inf stands for a label that is impossible.

    Args:
        logits: (n, c), float.

    Returns:
        (n,).
    """
    return np.isfinite(logits.max(axis=1, initial=0))  # max propagates NaN; -inf is below 0


def scorable_label_probabilities(probabilities: Floats) -> Booleans:
    """Rows of which every value is a probability by itself: in [0, 1], and not NaN.

    Args:
        probabilities: (n, c), float.

    Returns:
        (n,).
    """
    return np.logical_and.reduce((probabilities >= 0) & (probabilities <= 1), axis=1)


def finite(values: Floats) -> Booleans:
    """Rows of (n, d) without NaN or an infinity: (n,).

    The sum of a row that has either is neither a number nor finite; where only a sum overflows, a second look at
    that row decides. One sum is three times as fast as a look at each value.
    """
    with np.errstate(invalid="ignore", over="ignore"):
        valid = np.isfinite(np.einsum("nd->n", values))
    if not valid.all():
        doubtful = np.flatnonzero(~valid)
        valid[doubtful] = np.isfinite(values[doubtful]).all(axis=1)
    return valid
