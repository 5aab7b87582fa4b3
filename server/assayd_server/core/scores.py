"""All that is said of a row on the strength of its scores."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

import numpy as np

from assayd_server.core.arrays import Booleans, Floats, Integers
from assayd_server.core.label_uncertainty import LABEL_FORMULAS
from assayd_server.core.ranking import top_classes
from assayd_server.core.sigmoid import sigmoid, tempered_each
from assayd_server.core.softmax import softmax, tempered
from assayd_server.core.tasks import Task
from assayd_server.core.uncertainty import FORMULAS, Measure
from assayd_server.core.validity import (
    defined,
    finite,
    scorable_label_logits,
    scorable_label_probabilities,
    scorable_probabilities,
)

Values = TypeVar("Values", Floats, Integers)


_ALL_FORMULAS = FORMULAS | LABEL_FORMULAS
MEASURES: Mapping[Task, tuple[Measure, ...]] = {
    Task.MULTICLASS: tuple(FORMULAS),
    Task.MULTILABEL: tuple(LABEL_FORMULAS),
    Task.REGRESSION: (),
}
"""What can be said of the uncertainty of one row, by what the model tells."""


@dataclass(frozen=True, slots=True)
class RowScores:
    """Scores of n rows; an invalid row has NaN and class -1. Labels, of which a row may have many, are classes."""

    valid: Booleans
    """(n,)"""
    all_valid: bool
    """Whether every row is."""
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

    def part(self, rows: slice) -> "RowScores":
        """Those of some of the rows."""
        valid = self.valid[rows]
        return RowScores(
            valid=valid,
            all_valid=self.all_valid or bool(valid.all()),
            predictions=self.predictions[rows],
            probabilities=self.probabilities[rows],
            uncertainties={measure: values[rows] for measure, values in self.uncertainties.items()},
            top_classes=self.top_classes[rows],
            top_probabilities=self.top_probabilities[rows],
        )


_Validity: TypeAlias = Callable[[Floats], Booleans]
_Probabilities: TypeAlias = Callable[[Floats, float], Floats]
_FROM_PROBABILITIES: Mapping[Task, tuple[_Validity, _Probabilities]] = {
    Task.MULTICLASS: (scorable_probabilities, tempered),
    Task.MULTILABEL: (scorable_label_probabilities, tempered_each),
}


def scores_of_logits(
    logits: Floats,
    *,
    task: Task = Task.MULTICLASS,
    temperature: float,
    measures: Iterable[Measure] = (),
    top_k: int = 0,
) -> RowScores:
    """Score rows of class scores.

    Args:
        logits: (n, c), c >= 2. A row with NaN or +inf is invalid; one with nothing but -inf is too where it must
            have a class.
        task: one of c classes, or any of c labels.
        temperature: divides the logits, above 0.
        measures: the uncertainties wanted, of the task's.
        top_k: how many of the most probable classes, 0 to c.
    """
    if task is Task.MULTICLASS:
        probabilities = softmax(logits, temperature)
        valid = defined(probabilities)  # which saves a look at the logits
        return _scored(_only(probabilities, valid), valid, measures, top_k)
    valid = scorable_label_logits(logits)
    return _scored(sigmoid(_only(logits, valid), temperature), valid, measures, top_k)


def scores_of_probabilities(
    probabilities: Floats,
    *,
    task: Task = Task.MULTICLASS,
    temperature: float,
    measures: Iterable[Measure] = (),
    top_k: int = 0,
) -> RowScores:
    """Score rows of probabilities.

    Args:
        probabilities: (n, c), c >= 2. A row that has NaN or a negative value is invalid; so is one whose sum is
            not 1, or, of labels, one with a value above 1.
        task: one of c classes, or any of c labels.
        temperature: as if the logits behind the probabilities were divided by it; 1 leaves them as they are.
        measures: the uncertainties wanted, of the task's.
        top_k: how many of the most probable classes, 0 to c.
    """
    validity, changed = _FROM_PROBABILITIES[task]
    valid = validity(probabilities)
    return _scored(changed(_only(probabilities, valid), temperature), valid, measures, top_k)


def scores_of_softmax(
    probabilities: Floats, *, predictions: Integers, entropy: Floats, measures: Iterable[Measure], top_k: int
) -> RowScores:
    """The scores of rows of which some are known already.

    Args:
        probabilities: (n, c), c >= 2, of which every row is valid.
        predictions: (n,), the most probable class.
        entropy: (n,), over ln c.
        measures: the uncertainties wanted, of one class a row.
        top_k: how many of the most probable classes, 0 to c.
    """
    none = probabilities[:, :0]
    top = top_classes(probabilities, top_k) if top_k else none.astype(np.int64)
    return RowScores(
        valid=predictions >= 0,
        all_valid=True,
        predictions=predictions,
        probabilities=probabilities,
        uncertainties={
            measure: entropy if measure is Measure.ENTROPY else FORMULAS[measure](probabilities)
            for measure in measures
        },
        top_classes=top,
        top_probabilities=np.take_along_axis(probabilities, top, axis=1) if top_k else none,
    )


def scores_of_values(values: Floats) -> RowScores:
    """Rows of a regression model: there are no classes, and a row that is not finite as float32 is invalid.

    Args:
        values: (n, t).
    """
    none = values[:, :0]
    classes = np.full(len(values), -1, np.int64)
    with np.errstate(over="ignore"):  # what float32, as which values are sent, cannot hold is infinite there
        valid = finite(values.astype(np.float32, copy=False))
    return RowScores(valid, bool(valid.all()), classes, none, {}, classes[:, None][:, :0], none)


def _scored(probabilities: Floats, valid: Booleans, measures: Iterable[Measure], top_k: int) -> RowScores:
    """Of the probabilities of the valid rows."""
    classes = top_classes(probabilities, max(top_k, 1))
    top = classes[:, :top_k]
    top_probabilities = np.take_along_axis(probabilities, top, axis=1) if top_k else probabilities[:, :0]
    return RowScores(
        valid=valid,
        all_valid=len(probabilities) == len(valid),
        predictions=_spread(classes[:, 0], valid, fill=-1),
        probabilities=_spread(probabilities, valid, fill=np.nan),
        uncertainties={
            measure: _spread(_ALL_FORMULAS[measure](probabilities), valid, fill=np.nan) for measure in measures
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
