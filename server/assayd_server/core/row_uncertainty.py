"""One measure of every row of a pool, by the shortest arithmetic and in memory that does not grow with the pool.

Rows are taken in blocks that stay in the processor's cache, so the matrix of probabilities never exists as a whole,
and of logits most measures need less than the probabilities. The values are those of scores.py but for rounding; a
row has the same one in every batch, bit for bit.
"""

import math
from collections.abc import Callable, Mapping
from typing import Literal, TypeAlias

import numpy as np
from scipy.special import expit

from assayd_server.core.arrays import Floats
from assayd_server.core.label_uncertainty import LABEL_FORMULAS
from assayd_server.core.row_reductions import NARROW_COLUMNS_MAX, row_sums, two_largest
from assayd_server.core.sigmoid import tempered_each
from assayd_server.core.softmax import gaps
from assayd_server.core.tasks import Task
from assayd_server.core.uncertainty import FORMULAS, Measure
from assayd_server.core.validity import scorable_label_logits, scorable_label_probabilities, scorable_probabilities

BLOCK_BYTES = 512 * 1024
"""Of scores at a time: with what is made of them they fill about the second level of the cache."""

_OfLogits: TypeAlias = Callable[[Floats, float], Floats]


def uncertainty_of_logits(logits: Floats, *, task: Task, temperature: float, measure: Measure) -> Floats:
    """How uncertain each row of class scores is.

    Args:
        logits: (n, c), c >= 2, float.
        task: one of c classes, or any of c labels.
        temperature: divides the logits, above 0.
        measure: one of the task's, as in scores.MEASURES.

    Returns:
        (n,), the dtype of logits; NaN for a row that is invalid, as in scores.scores_of_logits.
    """
    values_of = _OF_LOGITS[task][measure]
    return _in_blocks(logits, lambda rows: values_of(rows, temperature))


def uncertainty_of_probabilities(
    probabilities: Floats, *, task: Task, temperature: float, measure: Measure
) -> Floats:
    """How uncertain each row of probabilities is.

    Args:
        probabilities: (n, c), c >= 2, float.
        task: one of c classes, or any of c labels.
        temperature: as if the logits behind the probabilities were divided by it; 1 leaves them as they are.
        measure: one of the task's, as in scores.MEASURES.

    Returns:
        (n,), the dtype of probabilities; NaN for a row that is invalid, as in scores.scores_of_probabilities.
    """
    if task is Task.MULTILABEL:
        of_labels = LABEL_FORMULAS[measure]
        return _in_blocks(probabilities, lambda rows: _of_labels(rows, temperature, of_labels))
    return _in_blocks(probabilities, lambda rows: _of_classes(rows, temperature, measure))


def _in_blocks(scores: Floats, values_of: Callable[[Floats], Floats]) -> Floats:
    """Values of each row, from a function that does not write into the rows it is given."""
    row_count, class_count = scores.shape
    block_rows = max(1, BLOCK_BYTES // (class_count * scores.itemsize))
    order: Literal["C", "F"] = "F" if class_count <= NARROW_COLUMNS_MAX else "C"
    values = np.empty(row_count, scores.dtype)
    with np.errstate(
        all="ignore"
    ):  # invalid rows become NaN, and what overflows or underflows is far from mattering
        for start in range(0, row_count, block_rows):
            rows = slice(start, start + block_rows)
            values[rows] = values_of(np.asarray(scores[rows], order=order))
    return values


def _of_classes(probabilities: Floats, temperature: float, measure: Measure) -> Floats:
    if temperature == 1.0:
        values = FORMULAS[measure](probabilities)
    else:
        values = _OF_LOGITS[Task.MULTICLASS][measure](np.log(probabilities), temperature)
    values[~scorable_probabilities(probabilities)] = np.nan
    return values


def _of_labels(probabilities: Floats, temperature: float, of_labels: Callable[[Floats], Floats]) -> Floats:
    values = of_labels(tempered_each(probabilities, temperature))
    values[~scorable_label_probabilities(probabilities)] = np.nan
    return values


# Of logits. A row with NaN, +inf or nothing but -inf gives NaN by itself: inf - inf is in each of these.


def _least_confidence(logits: Floats, temperature: float) -> Floats:
    """(1 - p1) c / (c - 1), where p1 = 1 / sum exp((z - z1) / T)."""
    class_count = logits.shape[1]
    first = 1 / row_sums(np.exp(gaps(logits, temperature)))
    return np.clip((1 - first) * (class_count / (class_count - 1)), 0, 1)


def _margin(logits: Floats, temperature: float) -> Floats:
    """1 - (p1 - p2), where p2 = p1 exp((z2 - z1) / T)."""
    first = 1 / row_sums(np.exp(gaps(logits, temperature)))
    return np.clip(1 - first * (1 - _ratio(logits, temperature)), 0, 1)


def _ratio(logits: Floats, temperature: float) -> Floats:
    """exp((z2 - z1) / T): of the two largest alone."""
    first, second = two_largest(logits)
    lead = np.where(np.isfinite(first), second - first, np.nan)
    return np.exp(lead / lead.dtype.type(temperature))


def _entropy(logits: Floats, temperature: float) -> Floats:
    """MaxEnt divided by ln c."""
    return np.clip(_nats(logits, temperature) / math.log(logits.shape[1]), 0, 1)


def _max_entropy(logits: Floats, temperature: float) -> Floats:
    return np.clip(_nats(logits, temperature), 0, math.log(logits.shape[1]))


def _nats(logits: Floats, temperature: float) -> Floats:
    """ln s - sum d exp(d) / s, where d = (z - z1) / T and s = sum exp(d): nothing is divided value by value."""
    exponents = gaps(logits, temperature)
    weights = np.exp(exponents)
    exponents *= weights
    sums = row_sums(weights)
    terms = row_sums(exponents)
    if np.isnan(terms).any():
        exponents[weights == 0] = 0  # an impossible class: 0 times -inf
        terms = row_sums(exponents)
    return np.log(sums) - terms / sums


def _multilabel_max(logits: Floats, temperature: float) -> Floats:
    """1 - |2p - 1| = 2 / (1 + exp(|z| / T)), of the label that is nearest to 0."""
    return 2 * expit(-_distances(logits).min(axis=1) / logits.dtype.type(temperature))


def _multilabel_mean(logits: Floats, temperature: float) -> Floats:
    exponents = _distances(logits)
    exponents /= exponents.dtype.type(temperature)
    np.exp(exponents, out=exponents)
    exponents += 1
    np.divide(2, exponents, out=exponents)
    return np.clip(row_sums(exponents) / logits.dtype.type(logits.shape[1]), 0, 1)


def _distances(logits: Floats) -> Floats:
    """|z|, and NaN all over a row that is invalid."""
    distances = np.abs(logits)
    distances[~scorable_label_logits(logits)] = np.nan
    return distances


_OF_LOGITS: Mapping[Task, Mapping[Measure, _OfLogits]] = {
    Task.MULTICLASS: {
        Measure.LEAST_CONFIDENCE: _least_confidence,
        Measure.MARGIN: _margin,
        Measure.RATIO: _ratio,
        Measure.ENTROPY: _entropy,
        Measure.MAX_ENTROPY: _max_entropy,
    },
    Task.MULTILABEL: {Measure.MULTILABEL_MAX: _multilabel_max, Measure.MULTILABEL_MEAN: _multilabel_mean},
}
