"""The use cases of labels: judge them by a model, a model by them, and propose them. No protobuf, no gRPC here."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assayd_server.caller import Caller
from assayd_server.checks import wrong
from assayd_server.core.arrays import Booleans, Floats, Integers
from assayd_server.core.labels import (
    UNKNOWN,
    GivenLabels,
    Reliability,
    average_precisions,
    confident_answers,
    confusion_matrix,
    given_labels,
    joint_counts,
    label_joint,
    label_quality,
    noise_matrix,
    noise_shares,
    of_classes,
    of_labels,
    pooled_average_precision,
    reliability,
    suspected,
    truth_of_classes,
)
from assayd_server.core.tasks import Task
from assayd_server.labeling_checks import answers, check_enough, check_given
from assayd_server.labeling_wanted import AssessWanted, EvaluateWanted, ProposeWanted
from assayd_server.proposing import Proposals, proposals_of
from assayd_server.rows import Sent
from assayd_server.scoring import Scores
from assayd_server.wanted import Wanted

Score = Callable[[Sent, Wanted, Caller], Scores]
_CELL_BYTES = 32
"""Of the answer, for each pair of classes: a joint and a noise matrix, and room for the rest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """What is wrong with labels."""

    scores: Scores
    given: GivenLabels
    """Of the rows of the request."""
    labels_shape: tuple[int, ...]
    judged: "Judged | None"
    """None where only the sums were wanted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """Labels, judged with the thresholds of all rows."""

    quality: Floats
    """(n, q)"""
    suspected: Booleans
    """(n, q)"""
    joint: Integers
    """(q, k, k)"""
    distribution: Floats
    """(q, k, k), of the labels of the request."""

    @property
    def noise_matrix(self) -> Floats:
        """(q, k, k)"""
        return noise_matrix(self.distribution)

    @property
    def noise_shares(self) -> Floats:
        """(q,)"""
        return noise_shares(self.distribution)


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """How good predictions are."""

    scores: Scores
    confusion: NDArray[np.int64]
    """(q, k, k)"""
    reliability: Reliability
    average_precisions: Floats
    """(c,)"""
    pooled_average_precision: float


class Labeling:
    """Judges labels by models, models by labels, and proposes labels."""

    def __init__(self, score: Score, *, response_bytes_max: int) -> None:
        """Make it ready.

        Args:
            score: gives the scores of rows.
            response_bytes_max: the largest message that a caller can take.
        """
        self._score = score
        self._cells_max = response_bytes_max // _CELL_BYTES

    def assess(self, sent: Sent, wanted: AssessWanted, caller: Caller) -> Assessment:
        """Say which labels are probably wrong.

        Args:
            sent: n rows.
            wanted: their labels, and how to judge them.
            caller: work that has not begun when it stops waiting is not done.

        Raises:
            ServiceError: the request cannot be answered.
        """
        scores, probabilities, labels = self._answered(sent, wanted.scoring, wanted.labels, caller)
        own = given_labels(probabilities, labels)
        judged = None
        if not wanted.sums_only:
            together = own if wanted.given is None else wanted.given
            check_given(together, own.counts.shape)
            check_enough(together, scores.plan.task)
            confident = confident_answers(probabilities, together.thresholds)
            joint = joint_counts(labels, confident, probabilities.shape[2])
            judged = Judged(
                quality=label_quality(probabilities, labels, wanted.quality),
                suspected=suspected(probabilities, labels, confident),
                joint=joint,
                distribution=label_joint(joint, own.counts),
            )
        return Assessment(scores=scores, given=own, labels_shape=wanted.labels.shape, judged=judged)

    def evaluate(self, sent: Sent, wanted: EvaluateWanted, caller: Caller) -> Evaluation:
        """Say how good predictions are beside verified labels; the arguments are those of assess.

        Raises:
            ServiceError: the request cannot be answered.
        """
        scores, probabilities, labels = self._answered(sent, wanted.scoring, wanted.labels, caller)
        if not (wanted.part or (labels != UNKNOWN).any()):
            raise wrong("labels", "are all unverified: there is nothing to compare with", "NOTHING_VERIFIED")
        each = scores.plan.task is Task.MULTILABEL
        ranked = probabilities[..., 1] if each else probabilities[:, 0]
        truth = labels if each else truth_of_classes(labels[:, 0], probabilities.shape[2])
        return Evaluation(
            scores=scores,
            confusion=confusion_matrix(probabilities.argmax(axis=2), labels, probabilities.shape[2]),
            reliability=reliability(probabilities, labels, wanted.calibration_bins),
            average_precisions=average_precisions(ranked, truth),
            pooled_average_precision=pooled_average_precision(ranked, truth),
        )

    def propose(self, sent: Sent, wanted: ProposeWanted, caller: Caller) -> Proposals:
        """Say which rows a model may label itself; the arguments are those of assess.

        Raises:
            ServiceError: the request cannot be answered.
        """
        return proposals_of(self._score(sent, wanted.scoring, caller), wanted)

    def _answered(
        self, sent: Sent, wanted: Wanted, labels: NDArray[np.int64], caller: Caller
    ) -> tuple[Scores, Floats, Integers]:
        """The scores, (n, q, k) probabilities and (n, q) labels; a row that cannot be scored has no labels."""
        scores = self._score(sent, wanted, caller)
        plan, valid = scores.plan, scores.rows.valid
        if plan.task is Task.REGRESSION:
            raise wrong("task", "is regression, allowed are multiclass and multilabel", "TASK_DOES_NOT_FIT")
        self._check_cells(plan.class_count, each=plan.task is Task.MULTILABEL)
        found = answers(labels, task=plan.task, row_count=plan.rows.count, class_count=plan.class_count)
        found = np.where(valid[:, None], found, UNKNOWN)
        probabilities = np.where(valid[:, None], scores.rows.probabilities, 0)
        each = plan.task is Task.MULTILABEL
        return scores, of_labels(probabilities) if each else of_classes(probabilities), found

    def _check_cells(self, class_count: int, *, each: bool) -> None:
        """Refuse matrices that no message holds.

        Raises:
            InvalidArgumentError: there are too many classes.
        """
        cells = 4 * class_count if each else class_count**2
        if cells > self._cells_max:
            message = f"are of {class_count} classes: a matrix of them is larger than a message may be"
            raise wrong("rows", message, "TOO_MANY_CLASSES")
