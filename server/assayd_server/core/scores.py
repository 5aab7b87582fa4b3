"""All that is said of a row on the strength of its class scores."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from assayd_server.core.arrays import Booleans, Floats, Integers
from assayd_server.core.ranking import top_classes
from assayd_server.core.softmax import softmax, tempered
from assayd_server.core.uncertainty import FORMULAS, Measure
from assayd_server.core.validity import scorable_logits, scorable_probabilities

Values = TypeVar("Values", Floats, Integers)


@dataclass(frozen=True, slots=True)
class RowScores:
    """Scores of n rows; an invalid row has NaN and class -1."""

    valid: Booleans
    """(n,)"""
    predictions: Integers
    """(n,): the most probable class; ties go to the lower one."""
    probabilities: Floats
    """(n, c)"""
    uncertainties: Mapping[Measure, Floats]
    """(n,) each, in [0, 1]."""
    top_classes: Integers
    """(n, k), most probable first; ties go to the lower class."""
    top_probabilities: Floats
    """(n, k)"""


def scores_of_logits(
    logits: Floats, *, temperature: float, measures: Iterable[Measure] = (), top_k: int = 0
) -> RowScores:
    """Score rows of class scores.

    Args:
        logits: (n, c), c >= 2. A row with NaN, +inf or nothing but -inf is invalid.
        temperature: divides the logits, above 0.
        measures: the uncertainties wanted.
        top_k: how many of the most probable classes, 0 to c.
    """
    valid = scorable_logits(logits)
    probabilities = softmax(_only(logits, valid), temperature)
    return _described(probabilities, valid, measures, top_k)


def scores_of_probabilities(
    probabilities: Floats, *, temperature: float, measures: Iterable[Measure] = (), top_k: int = 0
) -> RowScores:
    """Score rows of class probabilities.

    Args:
        probabilities: (n, c), c >= 2. A row that has NaN or a negative value, or whose sum is not 1, is invalid.
        temperature: as if the logits behind the probabilities were divided by it; 1 leaves them as they are.
        measures: the uncertainties wanted.
        top_k: how many of the most probable classes, 0 to c.
    """
    valid = scorable_probabilities(probabilities)
    return _described(tempered(_only(probabilities, valid), temperature), valid, measures, top_k)


def _described(probabilities: Floats, valid: Booleans, measures: Iterable[Measure], top_k: int) -> RowScores:
    classes = top_classes(probabilities, max(top_k, 1))
    top = classes[:, :top_k]
    top_probabilities = np.take_along_axis(probabilities, top, axis=1) if top_k else probabilities[:, :0]
    return RowScores(
        valid=valid,
        predictions=_spread(classes[:, 0], valid, fill=-1),
        probabilities=_spread(probabilities, valid, fill=np.nan),
        uncertainties={
            measure: _spread(FORMULAS[measure](probabilities), valid, fill=np.nan) for measure in measures
        },
        top_classes=_spread(top, valid, fill=-1),
        top_probabilities=_spread(top_probabilities, valid, fill=np.nan),
    )


def _only(values: Floats, valid: Booleans) -> Floats:
    """The valid rows; nothing is copied where all are."""
    return values if valid.all() else values[valid]


def _spread(values: Values, valid: Booleans, *, fill: float) -> Values:
    """Put the values of the valid rows back in their places, and fill the others."""
    if len(values) == len(valid):
        return values
    spread = np.full((len(valid), *values.shape[1:]), fill, values.dtype)
    spread[valid] = values
    return spread
