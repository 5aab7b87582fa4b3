"""What the members of a committee say, from forward passes or from what came with the request."""

from collections.abc import Sequence

import numpy as np

from assayd_server.core.arrays import Floats
from assayd_server.core.dropout import dropout_logits
from assayd_server.core.tasks import Task
from assayd_server.forward import Forward
from assayd_server.members import members_of_logits, members_of_probabilities, samples_of
from assayd_server.opinions import Opinions, probabilities_of
from assayd_server.rank_plan import RankPlan
from assayd_server.ranking_wanted import Dropout
from assayd_server.rows import Committee, Inputs
from assayd_server.scoring import given, headed
from assayd_server.servable import Servable


def opinions_given(plan: RankPlan) -> Opinions:
    """On rows that came with their scores."""
    rows, scoring = plan.plan.rows, plan.plan
    assert not isinstance(rows, Inputs)  # these are run through a model
    if isinstance(rows, Committee):
        forward = Forward(embeddings=plan.wanted.embeddings)
        return Opinions(scoring.task, forward, members=_given_members(rows, scoring.task, scoring.temperature))
    forward = _with_embeddings(headed(given(scoring), plan.wanted.scoring.head), plan)
    return Opinions(scoring.task, forward, scoring.temperature)


def opinions_of(plan: RankPlan, models: Sequence[Servable], forwards: Sequence[Forward]) -> Opinions:
    """On rows that were run through models.

    Args:
        plan: what is to be ranked.
        models: one, or the members of a committee.
        forwards: what each gave.
    """
    scoring = plan.plan
    forward = _with_embeddings(headed(forwards[0], plan.wanted.scoring.head), plan)
    if plan.member_count == 1:
        return Opinions(scoring.task, forward, scoring.temperature)
    members = _members(plan, models, forwards)
    return Opinions(scoring.task, Forward(embeddings=forward.embeddings), members=members)


def _members(plan: RankPlan, models: Sequence[Servable], forwards: Sequence[Forward]) -> Floats:
    """(m, n, c) probabilities or (m, n, t) values."""
    task, source, asked = plan.plan.task, plan.wanted.committee, plan.wanted.scoring.temperature
    if isinstance(source, Dropout):
        return members_of_logits(
            _dropout(models[0], forwards[0], source, plan.wanted.seed),
            task=task,
            temperature=plan.plan.temperature,
        )
    if source is not None:
        temperatures = [model.temperature if asked is None else asked for model in models]
        return np.stack(
            [
                probabilities_of(forward, task=task, temperature=temperature)
                for forward, temperature in zip(forwards, temperatures, strict=True)
            ]
        )
    return samples_of(forwards[0], task=task, temperature=plan.plan.temperature)


def _dropout(model: Servable, forward: Forward, source: Dropout, seed: int) -> Floats:
    layer, embeddings = model.last_layer, forward.embeddings
    assert layer is not None  # the checks saw to it
    assert embeddings is not None  # so is the embedding, which goes into the layer
    return dropout_logits(
        embeddings, weights=layer.weights, bias=layer.bias, samples=source.samples, rate=source.rate, seed=seed
    )


def _given_members(rows: Committee, task: Task, temperature: float) -> Floats:
    if rows.kind == "values":
        return rows.values
    if rows.kind == "logits":
        return members_of_logits(rows.values, task=task, temperature=temperature)
    return members_of_probabilities(rows.values, task=task, temperature=temperature)


def _with_embeddings(forward: Forward, plan: RankPlan) -> Forward:
    """With the embeddings of the request in place of the rows' own."""
    embeddings = plan.wanted.embeddings
    if embeddings is None:
        return forward
    return Forward(forward.logits, forward.probabilities, forward.values, embeddings)
