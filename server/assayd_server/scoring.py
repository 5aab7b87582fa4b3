"""What is said of rows on the strength of one model's outputs, or of scores that came with the request."""

from dataclasses import dataclass, replace

import numpy as np

from assayd_server.core.arrays import Floats
from assayd_server.core.heads import linear_head
from assayd_server.core.scores import (
    RowScores,
    scores_of_logits,
    scores_of_probabilities,
    scores_of_softmax,
    scores_of_values,
)
from assayd_server.core.tasks import Task
from assayd_server.core.validity import finite
from assayd_server.forward import Forward
from assayd_server.members import samples_of
from assayd_server.metrics import ModelMetrics
from assayd_server.neighboring import Neighbors
from assayd_server.novelty_scoring import RowNovelty, novelty_of
from assayd_server.plan import Plan
from assayd_server.row_counts import COUNTED
from assayd_server.rows import Committee, Embeddings, Head, Inputs, Logits, PoolRows


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """Scores of n rows, and where they come from."""

    rows: RowScores
    forward: Forward
    plan: Plan
    neighbors: Neighbors | None = None
    """Where they were wanted."""
    novelty: RowNovelty | None = None
    """Where it was wanted."""


def part_of(scores: Scores, rows: slice) -> Scores:
    """What is said of some of the rows, as if they had come by themselves; nothing of neighbours."""
    return Scores(
        rows=scores.rows.part(rows),
        forward=scores.forward.part(rows),
        plan=scores.plan,
        novelty=scores.novelty and scores.novelty.part(rows),
    )


def given(plan: Plan) -> Forward:
    """What the caller or the pool had computed already."""
    rows = plan.rows
    assert not isinstance(rows, Inputs | Committee)  # inputs always have a model, a committee several opinions
    if isinstance(rows, PoolRows):
        return stored_scores(rows.values, plan)
    if isinstance(rows, Logits):
        return Forward(logits=rows.values)
    if isinstance(rows, Embeddings):
        return Forward(embeddings=rows.values)
    return Forward(probabilities=rows.values)


def stored_scores(embeddings: Floats, plan: Plan) -> Forward:
    """What the pool's own embeddings are to the head of the request, or to the model's last layer."""
    if plan.wanted.head is not None:
        return Forward(embeddings=embeddings)
    assert plan.model is not None  # who has a pool has a model
    layer = plan.model.last_layer
    assert layer is not None  # the checks saw to it
    with np.errstate(invalid="ignore", over="ignore"):  # their rows are marked invalid
        logits = linear_head(embeddings, weights=layer.weights, bias=layer.bias)
    return Forward(logits=logits, embeddings=embeddings)


def headed(forward: Forward, head: Head | None) -> Forward:
    """With the logits of the request's own head, if it has one."""
    if head is None:
        return forward
    embeddings = forward.embeddings
    assert embeddings is not None  # the plan saw to it
    with np.errstate(invalid="ignore", over="ignore"):  # NaN and infinities: their rows are marked invalid
        logits = linear_head(embeddings, weights=head.weights, bias=head.bias)
    logits[~finite(embeddings)] = np.nan
    return Forward(logits=logits, embeddings=embeddings)


def scored(forward: Forward, plan: Plan) -> Scores:
    """The scores of a forward pass, or of what came with the request."""
    forward, temperature = headed(forward, plan.wanted.head), plan.temperature
    if plan.model is not None and plan.model.contract.sample_count and plan.wanted.head is None:
        forward, temperature = _agreed(forward, plan), 1.0
    return Scores(
        rows=_score_rows(forward, plan, temperature),
        forward=forward,
        plan=plan,
        novelty=novelty_of(forward, plan) if plan.wanted.novelty else None,
    )


def _agreed(forward: Forward, plan: Plan) -> Forward:
    """The mean of a committee's members, where the model's output has an axis of samples."""
    members = samples_of(forward, task=plan.task, temperature=plan.temperature)
    if forward.values is not None:
        return replace(forward, values=members.mean(axis=0))
    return replace(forward, logits=None, probabilities=members.mean(axis=0), softmax=None)


def _score_rows(forward: Forward, plan: Plan, temperature: float) -> RowScores:
    if forward.values is not None:
        return scores_of_values(forward.values)
    task, measures, top_k = plan.task, plan.wanted.uncertainties, plan.wanted.top_k
    if forward.softmax is not None and plan.takes_softmax:  # others of the same pass may have asked for it
        said = forward.softmax
        return scores_of_softmax(
            said.probabilities, predictions=said.predictions, entropy=said.entropy, measures=measures, top_k=top_k
        )
    if forward.logits is not None:
        return scores_of_logits(forward.logits, task=task, temperature=temperature, measures=measures, top_k=top_k)
    assert forward.probabilities is not None  # a forward pass gives one of the three
    return scores_of_probabilities(
        forward.probabilities, task=task, temperature=temperature, measures=measures, top_k=top_k
    )


def count(metrics: ModelMetrics, scores: Scores) -> None:
    """Count rows, classes and uncertainties of a model."""
    rows, task = scores.rows, scores.plan.task
    row_count = len(rows.valid)
    metrics.rows.inc(row_count)
    if not rows.all_valid:
        metrics.invalid_rows.inc(row_count - int(rows.valid.sum()))
    if scores.plan.wanted.head is not None or task is Task.REGRESSION:  # the model's own classes are counted
        return
    valid = slice(None) if rows.all_valid else rows.valid
    uncertainties = {
        measure: values[valid] for measure, values in rows.uncertainties.items() if measure in COUNTED
    }
    metrics.counts.add_later(task, rows.predictions[valid], rows.probabilities[valid], uncertainties)
