"""The columns of rows that are watched for drift: what a model says of them, in a few numbers each."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from assayd_server.core.arrays import Floats
from assayd_server.core.by_columns import by_columns
from assayd_server.core.drift.bins import BinKind
from assayd_server.core.drift.layout import Role
from assayd_server.core.drift.reference import CLASS_COLUMN, ColumnValues
from assayd_server.core.novelty import NoveltyMeasure, Outputs
from assayd_server.core.novelty.scoring import Fitted, novelty_scores
from assayd_server.core.tasks import Task
from assayd_server.core.uncertainty import Measure
from assayd_server.forward import Forward
from assayd_server.plan import Plan
from assayd_server.scoring import Scores, scored

CLASSES_MAX = 100
"""Of a model with more classes than this, the probabilities of the single classes are not watched."""
_MATRIX = 2
"""Axes; scores of samples have one more."""
VALUES_MAX = 8
"""So many of a regression model's numbers are watched."""

UNCERTAINTIES: dict[Task, tuple[Measure, ...]] = {
    Task.MULTICLASS: (Measure.ENTROPY,),
    Task.MULTILABEL: (Measure.MULTILABEL_MEAN,),
    Task.REGRESSION: (),
}
"""What scores must come with to be watched."""


def watched_scores(forward: Forward, plan: Plan) -> Scores:
    """The scores of rows that are watched: many at a time, and computed in the same way wherever they are counted.

    Args:
        forward: what the model gave, or the caller had.
        plan: with the uncertainties above.
    """

    beside = replace(
        forward, logits=_side_by_side(forward.logits), probabilities=_side_by_side(forward.probabilities)
    )
    scores = scored(beside, plan)
    return _first(scores) if plan.rows.count == 1 else scores


def _side_by_side(values: Floats | None) -> Floats | None:
    """By columns, and a row that is alone twice.

    Its sums would else be added up in another order than those of rows beside each other, and differ in the last
    place: by as much as a bin is wide where many rows are alike.
    """
    if values is None or values.ndim != _MATRIX:
        return values
    return by_columns(np.repeat(values, 2, axis=0) if len(values) == 1 else values)


def _first(scores: Scores) -> Scores:
    forward = scores.forward
    logits, probabilities = (
        None if values is None else values[:1] for values in (forward.logits, forward.probabilities)
    )
    forward = replace(forward, logits=logits, probabilities=probabilities)
    return replace(scores, rows=scores.rows.part(slice(1)), forward=forward)


def score_columns(scores: Scores, *, temperature: float) -> list[ColumnValues]:
    """The columns of scored rows.

    Args:
        scores: of n rows, with the uncertainties above.
        temperature: of the reference.
    """
    task = scores.plan.task
    if task is Task.REGRESSION:
        return list(_values(scores))
    return [*(_of_classes(scores, temperature) if task is Task.MULTICLASS else _of_labels(scores)), *_each(scores)]


def _of_classes(scores: Scores, temperature: float) -> Iterator[ColumnValues]:
    rows, forward = scores.rows, scores.forward
    predicted = np.where(rows.valid, rows.predictions, np.nan)
    classes = np.arange(rows.probabilities.shape[1], dtype=np.float64)
    yield ColumnValues(name=CLASS_COLUMN, values=predicted, kind=BinKind.CATEGORIES, declared=classes)
    yield ColumnValues(name="top_probability", values=rows.probabilities.max(axis=1))
    yield ColumnValues(name="entropy", values=rows.uncertainties[Measure.ENTROPY])
    if (forward.logits is not None) is _gives_logits(scores.plan):
        logits, probabilities = _side_by_side(forward.logits), _side_by_side(forward.probabilities)
        outputs = Outputs(logits=logits, probabilities=probabilities, temperature=temperature)
        measure = NoveltyMeasure.GEN if forward.logits is None else NoveltyMeasure.ENERGY
        values = novelty_scores(Fitted(), outputs, [measure])[measure]
        yield ColumnValues(name="novelty", values=values[: len(rows.valid)])


def _gives_logits(plan: Plan) -> bool:
    """What the reference's novelty is told from; of other scores it is another measure, in no way comparable."""
    assert plan.model is not None  # what is watched is said by a model, or in its place
    contract = plan.model.contract
    return contract.scores_role == "logits" and not contract.sample_count


def _of_labels(scores: Scores) -> Iterator[ColumnValues]:
    rows = scores.rows
    counts = np.where(rows.valid, (rows.probabilities > 1 / 2).sum(axis=1), np.nan)
    yield ColumnValues(name="label_count", values=counts)
    yield ColumnValues(name="uncertainty", values=rows.uncertainties[Measure.MULTILABEL_MEAN])


def _each(scores: Scores) -> Iterator[ColumnValues]:
    """The probability of each class, where they are not too many."""
    probabilities = scores.rows.probabilities
    if probabilities.shape[1] <= CLASSES_MAX:
        for position, values in enumerate(probabilities.T):
            yield ColumnValues(name=f"probability_{position}", values=values, role=Role.CLASS_PROBABILITY)


def _values(scores: Scores) -> Iterator[ColumnValues]:
    values: Floats | None = scores.forward.values
    assert values is not None  # a regression model gives them
    for place, of_place in enumerate(values.T[:VALUES_MAX]):
        yield ColumnValues(name=f"value_{place + 1}", values=of_place)
