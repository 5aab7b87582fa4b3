"""How unsure a model is of which class a row has: more is more uncertain, and 1 the most, but for entropy in nats.

Every function takes class probabilities and returns one number a row; a row with NaN gives NaN.
"""

import math
from collections.abc import Callable
from enum import StrEnum

import numpy as np

from assayd_server.core.arrays import Floats
from assayd_server.core.row_sums import row_dots
from assayd_server.core.two_largest import two_largest


class Measure(StrEnum):
    """A measure of uncertainty, by the name that callers use."""

    LEAST_CONFIDENCE = "least_confidence"
    MARGIN = "margin"
    RATIO = "ratio"
    ENTROPY = "entropy"
    MAX_ENTROPY = "max_entropy"
    INFORMATION_DENSITY = "information_density"
    """Of embeddings and an uncertainty: see density.py."""
    MULTILABEL_MAX = "multilabel_max"
    MULTILABEL_MEAN = "multilabel_mean"


def least_confidence(probabilities: Floats) -> Floats:
    """(1 - p1) c / (c - 1): how far the most probable class is from certain.

    Args:
        probabilities: (n, c), rows sum to 1, c >= 2.

    Returns:
        (n,), in [0, 1].

    Source: Monarch 2021, Human-in-the-Loop Machine Learning, chapter 3 (for the factor c / (c - 1)).
    """
    return least_confidence_of_first(probabilities.max(axis=1), probabilities.shape[1])


def margin(probabilities: Floats) -> Floats:
    """1 - (p1 - p2): how close the two most probable classes are.

    Args:
        probabilities: (n, c), rows sum to 1, c >= 2.

    Returns:
        (n,), in [0, 1].

    Source: Scheffer, Decomain and Wrobel 2001, Active Hidden Markov Models for Information Extraction.
    """
    return margin_of_two(*two_largest(probabilities))


def ratio(probabilities: Floats) -> Floats:
    """p2 / p1: the odds of the second most probable class against the first.

    With p = softmax(z / T) it equals exp((z2 - z1) / T), so its ranking does not depend on T.

    Args:
        probabilities: (n, c), rows sum to 1, c >= 2.

    Returns:
        (n,), in [0, 1].

    Source: Monarch 2021, Human-in-the-Loop Machine Learning, chapter 3.
    """
    return ratio_of_two(*two_largest(probabilities))


def entropy(probabilities: Floats) -> Floats:
    """Shannon entropy of each row, divided by ln c.

    Args:
        probabilities: (n, c), rows sum to 1, c >= 2.

    Returns:
        (n,), in [0, 1]; a zero probability contributes 0.

    Source: Settles 2009, Active Learning Literature Survey.
    """
    return clipped(_nats(probabilities) / math.log(probabilities.shape[1]))


def max_entropy(probabilities: Floats) -> Floats:
    """Shannon entropy of each row in nats, as it is: MaxEnt. It ranks as entropy does.

    Args:
        probabilities: (n, c), rows sum to 1, c >= 2.

    Returns:
        (n,), in [0, ln c]; a zero probability contributes 0.

    Source: Settles 2009, Active Learning Literature Survey.
    """
    return clipped(_nats(probabilities), math.log(probabilities.shape[1]))


FORMULAS: dict[Measure, Callable[[Floats], Floats]] = {
    Measure.LEAST_CONFIDENCE: least_confidence,
    Measure.MARGIN: margin,
    Measure.RATIO: ratio,
    Measure.ENTROPY: entropy,
    Measure.MAX_ENTROPY: max_entropy,
}


def least_confidence_of_first(first: Floats, class_count: int) -> Floats:
    """Least confidence, of the largest probability of each row alone: (n,) to (n,)."""
    return clipped((1 - first) * (class_count / (class_count - 1)))


def margin_of_two(first: Floats, second: Floats) -> Floats:
    """Margin, of the two largest probabilities of each row: (n,) each to (n,)."""
    return clipped(1 - (first - second))


def ratio_of_two(first: Floats, second: Floats) -> Floats:
    """Ratio, of the two largest probabilities of each row: (n,) each to (n,)."""
    return clipped(second / first)


def _nats(probabilities: Floats) -> Floats:
    """-sum p ln p; the smallest normal number keeps ln 0 away, and no p that counts is changed by it."""
    logarithms = probabilities + np.finfo(probabilities.dtype).tiny
    np.log(logarithms, out=logarithms)
    return -row_dots(probabilities, logarithms)


def clipped(values: Floats, largest: float = 1) -> Floats:
    """Rounding can leave [0, largest] by a few units in the last place; NaN stays."""
    return np.minimum(np.maximum(values, 0), largest)  # a quarter of the time of np.clip, where rows are few
