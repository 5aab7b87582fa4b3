"""How strange rows are to a model, from what its forward pass gave anyway."""

from dataclasses import dataclass

import numpy as np

from assayd_server.core.arrays import Booleans, Floats, Integers
from assayd_server.core.novelty import (
    Novelty,
    NoveltyMeasure,
    Outputs,
    discoveries,
    row_novelty,
    verdicts,
)
from assayd_server.core.tasks import Task
from assayd_server.plan import Plan
from assayd_server.reference_file import Reference
from assayd_server.servable import Forward


@dataclass(frozen=True, slots=True)
class Judged:
    """(n,) each: what rows are."""

    verdicts: Integers
    """Positions in VERDICTS, -1 for a row that cannot be judged."""
    p_class: Floats
    p_domain: Floats
    discoveries: Booleans


@dataclass(frozen=True, slots=True)
class RowNovelty:
    """Of n rows."""

    reference: Reference
    measures: dict[NoveltyMeasure, Novelty]
    """As they were asked for."""
    judged: Judged | None
    """Where the combined measure was."""
    alpha: float


def novelty_of(forward: Forward, plan: Plan) -> RowNovelty:
    """Compare rows with the reference of their model.

    Args:
        forward: what the model gave, or the caller had.
        plan: checked.
    """
    assert plan.model is not None  # the checks saw to it
    reference = plan.model.reference
    assert reference is not None
    wanted, alpha = plan.wanted.novelty, plan.wanted.novelty_alpha
    judges = NoveltyMeasure.COMBINED in wanted
    measured = {*wanted, *({NoveltyMeasure.DOMAIN} & {*reference.novelty.measures} if judges else ())}
    found = row_novelty(reference.novelty, outputs_of(forward, reference, plan.task), measured)
    judged = _judged(found, alpha) if judges else None
    return RowNovelty(reference, {measure: found[measure] for measure in wanted}, judged, alpha)


def outputs_of(forward: Forward, reference: Reference, task: Task) -> Outputs:
    """What measures of novelty and drift look at: class scores of one class of several, and the embedding."""
    if task is not Task.MULTICLASS:
        return Outputs(embeddings=forward.embeddings)
    return Outputs(
        logits=forward.logits,
        probabilities=forward.probabilities,
        embeddings=forward.embeddings,
        temperature=reference.manifest.temperature,
    )


def _judged(found: dict[NoveltyMeasure, Novelty], alpha: float) -> Judged:
    p_class = found[NoveltyMeasure.COMBINED].p_values
    domain = found.get(NoveltyMeasure.DOMAIN)
    p_domain = np.full(len(p_class), np.nan) if domain is None else domain.p_values
    return Judged(verdicts(p_class, p_domain, alpha), p_class, p_domain, discoveries(p_class, alpha))
