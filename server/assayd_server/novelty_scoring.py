"""How strange rows are to a model, from what its forward pass gave anyway."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from assayd_server.core.arrays import Booleans, Floats, Integers
from assayd_server.core.novelty import (
    Novelty,
    NoveltyMeasure,
    NoveltyReference,
    Outputs,
    discoveries,
    domain_p_values,
    row_novelty,
    verdicts,
)
from assayd_server.core.tasks import Task
from assayd_server.forward import Forward
from assayd_server.plan import Plan
from assayd_server.reference_file import Reference


@dataclass(frozen=True, slots=True)
class Judged:
    """(n,) each: what rows are."""

    verdicts: Integers
    """Positions in VERDICTS, -1 for a row that cannot be judged."""
    p_class: Floats
    p_domain: Floats
    """NaN for known rows, where it was not asked for by its measure, and without an embedding."""
    alpha: float

    @property
    def discoveries(self) -> Booleans:
        """(n,): which may be called novel where these rows are all that is looked at."""
        return discoveries(self.p_class, self.alpha)

    def part(self, rows: slice) -> "Judged":
        """Some of the rows."""
        return Judged(self.verdicts[rows], self.p_class[rows], self.p_domain[rows], self.alpha)


@dataclass(frozen=True, slots=True)
class RowNovelty:
    """Of n rows."""

    reference: Reference
    measures: dict[NoveltyMeasure, Novelty]
    """As they were asked for."""
    judged: Judged | None
    """Where the combined measure was."""
    alpha: float

    def part(self, rows: slice) -> "RowNovelty":
        """Of some of the rows."""
        measures = {measure: one.part(rows) for measure, one in self.measures.items()}
        return RowNovelty(self.reference, measures, self.judged and self.judged.part(rows), self.alpha)


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
    outputs = outputs_of(forward, reference, plan.task)
    found = row_novelty(reference.novelty, outputs, wanted)
    judged = _judged(reference.novelty, outputs, found, alpha) if NoveltyMeasure.COMBINED in wanted else None
    return RowNovelty(reference, found, judged, alpha)


def outputs_of(forward: Forward, reference: Reference, task: Task) -> Outputs:
    """What measures of novelty and drift look at: class scores of one class of several, and the embedding."""
    if task is not Task.MULTICLASS:
        return Outputs(embeddings=forward.embeddings)
    return Outputs(
        logits=forward.logits,
        probabilities=forward.probabilities,
        embeddings=forward.embeddings,
        temperature=reference.manifest.temperature,
        scores=forward.novelty or {},
    )


def _judged(
    reference: NoveltyReference, outputs: Outputs, found: Mapping[NoveltyMeasure, Novelty], alpha: float
) -> Judged:
    p_class = found[NoveltyMeasure.COMBINED].p_values
    if NoveltyMeasure.DOMAIN in found:
        p_domain = found[NoveltyMeasure.DOMAIN].p_values
    elif NoveltyMeasure.DOMAIN in reference.calibrations:
        assert outputs.embeddings is not None  # the measure needs it, so the checks saw to it
        p_domain = domain_p_values(reference, outputs.embeddings, p_class <= alpha)
    else:
        p_domain = np.full(len(p_class), np.nan)
    return Judged(verdicts(p_class, p_domain, alpha), p_class, p_domain, alpha)
