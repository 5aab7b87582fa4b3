"""The measures straight from logits: most need less than the probabilities, and none divides value by value.

A row with NaN or +inf gives NaN, and so does one with nothing but -inf where it must have a class: inf - inf is in
all of these. Callers ignore floating-point errors: they are of invalid rows, or of values too small to matter.
"""

import math
from collections.abc import Callable, Mapping
from typing import TypeAlias

import numpy as np
from scipy.special import expit

from assayd_server.core.arrays import Floats
from assayd_server.core.row_sums import row_dots, row_sums
from assayd_server.core.softmax import gaps
from assayd_server.core.tasks import Task
from assayd_server.core.two_largest import two_largest
from assayd_server.core.uncertainty import Measure, clipped, least_confidence_of_first, margin_of_two
from assayd_server.core.validity import scorable_label_logits

_OfLogits: TypeAlias = Callable[[Floats, float], Floats]


def _least_confidence(logits: Floats, temperature: float) -> Floats:
    """(1 - p1) c / (c - 1), where p1 = 1 / sum exp((z - z1) / T)."""
    first = 1 / row_sums(np.exp(gaps(logits, temperature)))
    return least_confidence_of_first(first, logits.shape[1])


def _margin(logits: Floats, temperature: float) -> Floats:
    """1 - (p1 - p2), where p2 = p1 exp((z2 - z1) / T)."""
    first = 1 / row_sums(np.exp(gaps(logits, temperature)))
    return margin_of_two(first, first * _ratio(logits, temperature))


def _ratio(logits: Floats, temperature: float) -> Floats:
    """exp((z2 - z1) / T): of the two largest alone."""
    first, second = two_largest(logits)
    lead = np.where(np.isfinite(first), second - first, np.nan)
    return np.exp(lead / lead.dtype.type(temperature))


def _entropy(logits: Floats, temperature: float) -> Floats:
    """MaxEnt divided by ln c."""
    return clipped(_nats(logits, temperature) / math.log(logits.shape[1]))


def _max_entropy(logits: Floats, temperature: float) -> Floats:
    return clipped(_nats(logits, temperature), math.log(logits.shape[1]))


def _nats(logits: Floats, temperature: float) -> Floats:
    """ln s - sum d exp(d) / s, where d = (z - z1) / T and s = sum exp(d): nothing is divided value by value."""
    exponents = gaps(logits, temperature)
    weights = np.exp(exponents)
    sums, products = row_sums(weights), row_dots(weights, exponents)
    if np.isnan(products).any():
        exponents[weights == 0] = 0  # an impossible class: 0 times -inf
        products = row_dots(weights, exponents)
    return np.log(sums) - products / sums


def _multilabel_max(logits: Floats, temperature: float) -> Floats:
    """1 - |2p - 1| = 2 / (1 + exp(|z| / T)), of the label that is nearest to 0."""
    return 2 * expit(-_distances(logits).min(axis=1) / logits.dtype.type(temperature))


def _multilabel_mean(logits: Floats, temperature: float) -> Floats:
    exponents = _distances(logits)
    exponents /= exponents.dtype.type(temperature)
    np.exp(exponents, out=exponents)
    exponents += 1
    np.divide(2, exponents, out=exponents)
    return clipped(exponents.mean(axis=1))


def _distances(logits: Floats) -> Floats:
    """|z|, and NaN all over a row that is invalid."""
    distances = np.abs(logits)
    distances[~scorable_label_logits(logits)] = np.nan
    return distances


LOGIT_FORMULAS: Mapping[Task, Mapping[Measure, _OfLogits]] = {
    Task.MULTICLASS: {
        Measure.LEAST_CONFIDENCE: _least_confidence,
        Measure.MARGIN: _margin,
        Measure.RATIO: _ratio,
        Measure.ENTROPY: _entropy,
        Measure.MAX_ENTROPY: _max_entropy,
    },
    Task.MULTILABEL: {Measure.MULTILABEL_MAX: _multilabel_max, Measure.MULTILABEL_MEAN: _multilabel_mean},
}
"""By task and measure: (n, c) logits, c >= 2, and a temperature give (n,), the dtype of the logits."""
