"""The temperature that makes probabilities honest, and how honest they are.

Labels are class positions, (n,) integers from 0 to c - 1; every function needs a row or more.
"""

import math
from collections.abc import Iterator

import numpy as np

from assayd_server.core.arrays import Floats, Integers
from assayd_server.core.softmax import TEMPERATURE_MAX, TEMPERATURE_MIN

_BLOCK_ELEMENTS = 1 << 20
"""How many scores are worked on at once, in double precision, however many rows there are."""

_PRECISION = 1e-9
"""Of ln T; far below what any number of rows can tell."""


def negative_log_likelihood(logits: Floats, labels: Integers, temperature: float = 1.0) -> float:
    """The mean of -ln p(label), with p = softmax(z / T).

    Args:
        logits: (n, c), without NaN or +inf, not all -inf in a row; ln p does as well.
        labels: (n,).
        temperature: T > 0.

    Returns:
        In [0, inf]; inf where the logit of a label is -inf.

    Source: Guo et al. 2017, On Calibration of Modern Neural Networks.
    """
    total = 0.0
    for differences, of_labels in _blocks(logits, labels):
        logarithms = np.log(np.exp(differences / temperature).sum(axis=1))
        total += float((logarithms - of_labels / temperature).sum())
    return total / len(logits)


def expected_calibration_error(probabilities: Floats, labels: Integers, bin_count: int = 15) -> float:
    """How far confidence lies from accuracy: the mean over bins of |accuracy - confidence|, weighted by rows.

    Args:
        probabilities: (n, c), rows sum to 1; a row's confidence is its largest value.
        labels: (n,).
        bin_count: M bins of equal width, ((m - 1) / M, m / M] for m = 1 to M.

    Returns:
        In [0, 1].

    Source: Naeini et al. 2015, Obtaining Well Calibrated Probabilities Using Bayesian Binning; Guo et al. 2017.
    """
    confidences = probabilities.max(axis=1).astype(np.float64)
    right = probabilities.argmax(axis=1) == labels
    upper_edges = np.arange(1, bin_count) / bin_count  # the last bin takes the rest, rounding beyond 1 as well
    gaps = np.bincount(np.searchsorted(upper_edges, confidences), weights=right - confidences)
    return float(np.abs(gaps).sum() / len(confidences))


def fit_temperature(logits: Floats, labels: Integers) -> float:
    """The temperature with the least negative log-likelihood, which is convex in 1/T.

    Args:
        logits: (n, c), without NaN or +inf, and not -inf at the label; ln p does as well. Their squares must
            not overflow.
        labels: (n,).

    Returns:
        In [TEMPERATURE_MIN, TEMPERATURE_MAX]: an end of it where the optimum lies there or beyond, as where every
        row is right; 1 where all logits of each row are the same, so that T has no say.

    Source: Guo et al. 2017, On Calibration of Modern Neural Networks.
    """
    low, high = -math.log(TEMPERATURE_MAX), -math.log(TEMPERATURE_MIN)
    slope_low, slope_high = (_slope_and_curvature(logits, labels, end)[0] for end in (low, high))
    if slope_low == slope_high == 0:
        return 1.0
    if slope_low >= 0:
        return TEMPERATURE_MAX
    if slope_high <= 0:
        return TEMPERATURE_MIN
    return math.exp(-_root(logits, labels, low, high))


def _root(logits: Floats, labels: Integers, low: float, high: float) -> float:
    """The ln(1/T) at which the slope is 0, between one where it is below 0 and one where it is above.

    Newton's steps where they stay within the bracket and shrink by half, else halves of the bracket: few passes
    over the rows as a rule, and never lost where huge logits make the slope a staircase.
    """
    point, step = 0.0, math.inf
    while True:
        slope, curvature = _slope_and_curvature(logits, labels, point)
        low, high = (low, point) if slope > 0 else (point, high)
        following = point - slope / curvature if curvature > 0 else math.inf
        if not (low <= following <= high and abs(following - point) <= abs(step) / 2):
            following = (low + high) / 2
        step, point = following - point, following
        if abs(step) <= _PRECISION:
            return point


def _slope_and_curvature(logits: Floats, labels: Integers, log_inverse: float) -> tuple[float, float]:
    """At b = 1/T, L'(b) = mean(E[z] - z(label)) and b L''(b) = b mean(Var[z]), with z drawn by softmax(b z)."""
    inverse = math.exp(log_inverse)
    slope = curvature = 0.0
    for differences, of_labels in _blocks(logits, labels):
        weights = np.exp(inverse * differences)
        weights /= weights.sum(axis=1, keepdims=True)
        differences[np.isneginf(differences)] = 0  # an impossible class, whose weight is 0
        means = (weights * differences).sum(axis=1)
        slope += float((means - of_labels).sum())
        curvature += float((weights * (differences - means[:, None]) ** 2).sum())
    return slope / len(logits), inverse * curvature / len(logits)


def _blocks(logits: Floats, labels: Integers) -> Iterator[tuple[Floats, Floats]]:
    """Blocks of rows: (m, c) logits less the row's largest, and (m,) the same at the labels."""
    size = max(1, _BLOCK_ELEMENTS // logits.shape[1])
    for start in range(0, len(logits), size):
        rows = logits[start : start + size].astype(np.float64)
        rows -= rows.max(axis=1, keepdims=True)
        yield rows, np.take_along_axis(rows, labels[start : start + size, None], axis=1)[:, 0]
