"""One measure of every row of a pool, by the shortest arithmetic and in memory that does not grow with the pool.

Rows are taken in blocks that stay in the processor's cache, so the matrix of probabilities never exists as a
whole. The values are those of scores.py but for rounding, and a row has the same one in every batch, bit for bit.
"""

from collections.abc import Callable, Mapping

import numpy as np

from assayd_server.core.arrays import Booleans, Floats
from assayd_server.core.label_uncertainty import LABEL_FORMULAS
from assayd_server.core.logit_uncertainty import LOGIT_FORMULAS
from assayd_server.core.sigmoid import tempered_each
from assayd_server.core.tasks import Task
from assayd_server.core.two_largest import NARROW_COLUMNS_MAX, largest_by_bits
from assayd_server.core.uncertainty import (
    FORMULAS,
    Measure,
    least_confidence_of_first,
    margin_of_two,
    ratio_of_two,
)
from assayd_server.core.validity import adding_up, scorable_label_probabilities, scorable_probabilities

BLOCK_BYTES = 1024 * 1024
"""Of scores at a time: with what is made of them they fill about the second level of the cache."""


_OF_LARGEST: Mapping[Measure, tuple[int, Callable[..., Floats]]] = {
    Measure.LEAST_CONFIDENCE: (1, lambda class_count, first: least_confidence_of_first(first, class_count)),
    Measure.MARGIN: (2, lambda _, first, second: margin_of_two(first, second)),
    Measure.RATIO: (2, lambda _, first, second: ratio_of_two(first, second)),
}
"""Measures of the so many largest probabilities alone."""


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
    values_of = LOGIT_FORMULAS[task][measure]
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
    values = np.empty(row_count, scores.dtype)
    with np.errstate(all="ignore"):  # invalid rows become NaN, and what leaves the range is far from mattering
        for start in range(0, row_count, block_rows):
            block = scores[start : start + block_rows]
            values[start : start + block_rows] = values_of(_laid_out(block))[: len(block)]
    return values


def _laid_out(rows: Floats) -> Floats:
    """Where there are few columns, each in one piece: reductions of short rows are ten times as fast then.

    A row by itself comes twice, because the values of just one would be added in another order.
    """
    if rows.shape[1] > NARROW_COLUMNS_MAX:
        return np.ascontiguousarray(rows)
    return np.asfortranarray(rows if len(rows) > 1 else rows.repeat(2, axis=0))


def _of_classes(probabilities: Floats, temperature: float, measure: Measure) -> Floats:
    if temperature == 1.0 and measure in _OF_LARGEST:
        count, value_of = _OF_LARGEST[measure]
        if largest := largest_by_bits(probabilities, count):
            return _masked(value_of(probabilities.shape[1], *largest), adding_up(probabilities))
    if temperature == 1.0:
        values = FORMULAS[measure](probabilities)
    else:
        values = LOGIT_FORMULAS[Task.MULTICLASS][measure](np.log(probabilities), temperature)
    return _masked(values, scorable_probabilities(probabilities))


def _of_labels(probabilities: Floats, temperature: float, of_labels: Callable[[Floats], Floats]) -> Floats:
    return _masked(
        of_labels(tempered_each(probabilities, temperature)), scorable_label_probabilities(probabilities)
    )


def _masked(values: Floats, valid: Booleans) -> Floats:
    """The values, which are ours, with NaN in place of those of invalid rows."""
    values[~valid] = np.nan
    return values
