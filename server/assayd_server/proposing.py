"""The use case of labels that a model gives itself. No protobuf and no gRPC here."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assayd_server.checks import wrong
from assayd_server.core.arrays import Floats, Integers
from assayd_server.core.labels import (
    ACCEPTED,
    UNKNOWN,
    effective_number,
    inverse_frequency,
    quotas_of_prior,
    row_reasons,
)
from assayd_server.core.tasks import Task
from assayd_server.labeling_checks import check_classes, of_each_class
from assayd_server.labeling_wanted import ClassWeighting, OfClasses, PriorQuotas, ProposeWanted
from assayd_server.scoring import Scores


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposals:
    """Which rows have a label that the model gives, and why the others have none."""

    scores: Scores
    labels: Integers
    """(n,), UNKNOWN for none."""
    confidences: Floats
    """(n,), NaN for a row that cannot be scored."""
    reasons: NDArray[np.int8]
    """(n,), positions in REASONS."""
    counts: NDArray[np.int64]
    """(c,): the proposals for each class."""
    quotas: NDArray[np.int64] | None
    """(c,); None where thresholds decide."""
    class_weights: Floats | None
    """(c,), where they were asked for."""


def proposals_of(scores: Scores, wanted: ProposeWanted) -> Proposals:
    """Decide about rows that are scored.

    Raises:
        ServiceError: what was asked for does not fit them.
    """
    plan = scores.plan
    if plan.task is not Task.MULTICLASS:
        raise wrong("task", f"is {plan.task}, allowed is multiclass", "TASK_DOES_NOT_FIT")
    class_count = plan.class_count
    confidence_min, quotas = _rule(wanted, class_count)
    weights = None if wanted.weighting is None else _weights(wanted.weighting, class_count)
    predictions, confidences = scores.rows.predictions, _confidences(scores)
    reasons = row_reasons(
        predictions,
        confidences,
        confidence_min=confidence_min,
        quotas=quotas,
        p_values=_p_values(scores),
        alpha=plan.wanted.novelty_alpha,
    )
    accepted = reasons == ACCEPTED
    return Proposals(
        scores=scores,
        labels=np.where(accepted, predictions, UNKNOWN),
        confidences=confidences,
        reasons=reasons,
        counts=np.bincount(predictions[accepted], minlength=class_count),
        quotas=quotas,
        class_weights=weights,
    )


def _rule(wanted: ProposeWanted, class_count: int) -> tuple[Floats, NDArray[np.int64] | None]:
    """(c,) least confidences, and (c,) quotas where there are any."""
    given = wanted.confidence_min
    confidence_min = np.zeros(class_count) if given is None else of_each_class(given, class_count)
    return confidence_min, None if wanted.quotas is None else _quotas(wanted.quotas, class_count)


def _quotas(given: OfClasses | PriorQuotas, class_count: int) -> NDArray[np.int64]:
    if isinstance(given, OfClasses):
        check_classes(given, class_count)
        return given.values
    check_classes(given.prior, class_count)
    return quotas_of_prior(given.prior.values, given.count)


def _weights(weighting: ClassWeighting, class_count: int) -> Floats:
    check_classes(weighting.counts, class_count)
    counts, b = weighting.counts.values, weighting.effective_number
    return inverse_frequency(counts) if b is None else effective_number(counts, b)


def _confidences(scores: Scores) -> Floats:
    """(n,), of the predicted class."""
    places = np.maximum(scores.rows.predictions, 0)[:, None]  # a row that cannot be scored is all NaN
    return np.take_along_axis(scores.rows.probabilities, places, axis=1)[:, 0]


def _p_values(scores: Scores) -> Floats | None:
    """(n,), by the one measure that was asked for; None where none was."""
    if scores.novelty is None:
        return None
    (found,) = scores.novelty.measures.values()
    return found.p_values
