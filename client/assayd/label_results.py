"""What is said of labels, and of predictions beside verified labels."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assayd.arrays import Array, decode
from assayd.identity import ModelIdentity, identity_of
from assayd.v1 import labeling_pb2

_UNITS = float(1 << 30)
_SHOWN_MAX = 20


@dataclass(frozen=True, slots=True, eq=False)
class LabelAssessment:
    """How good given labels are."""

    model: ModelIdentity | None
    """The model that judged; None where none was needed."""
    quality: NDArray[np.float32]
    """(n,), or (n, c) of labels by themselves: in [0, 1], higher is better; NaN where there is no label."""
    suspected: NDArray[np.bool_]
    """(n,) or (n, c): whether the label is probably wrong."""
    joint: NDArray[np.int64]
    """(c, c), labels down, classes across: how many rows with each label are confidently of each class. Of labels
    by themselves (c, 2, 2): absent and present."""
    noise_matrix: NDArray[np.float64]
    """Of the same shape: the probability of each given label (down) by the true one (across); columns sum to 1.
    NaN where no row is truly of a class."""
    noise_share: NDArray[np.float64]
    """() or (c,), in [0, 1]: the share of wrong labels that is estimated."""
    invalid_rows: NDArray[np.int64]
    """Positions of the rows that could not be scored, which count for nothing."""

    def __str__(self) -> str:
        """In a sentence or two."""
        labeled = int((~np.isnan(self.quality)).sum())
        found = int(self.suspected.sum())
        return (
            f"{found:,} of {labeled:,} labels are probably wrong; "
            f"{float(np.mean(self.noise_share)):.1%} are estimated to be"
        )


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """How good predictions are, beside verified labels."""

    model: ModelIdentity | None
    """The model that predicted; None where none was needed."""
    confusion: NDArray[np.int64]
    """(c, c), labels down, predictions across; of labels by themselves (c, 2, 2): absent and present."""
    average_precision: NDArray[np.float64] | None
    """(c,): of each class against the rest; NaN without a row of it. None where rows did not go in one call: an
    order of rows does not add up over parts."""
    pooled_average_precision: float | None
    """Of all annotations as of one class (AP_all); None as above."""
    calibration: NDArray[np.int64]
    """(3, M): predictions in each bin of confidence, those that are right, the sum of confidences in 2^-30."""
    invalid_rows: NDArray[np.int64]
    """Positions of the rows that could not be scored, which are left out."""

    @property
    def verified(self) -> int:
        """How many labels there are to compare with."""
        return int(self.confusion.sum())

    @property
    def accuracy(self) -> float:
        """The share of verified labels that are predicted."""
        return float(np.trace(self.confusion, axis1=-2, axis2=-1).sum() / self.confusion.sum())

    @property
    def precision(self) -> NDArray[np.float64]:
        """(c,): of the rows predicted to be of each class, the share that is; NaN without any."""
        return _shares(self._right, self._predicted)

    @property
    def recall(self) -> NDArray[np.float64]:
        """(c,): of the rows of each class, the share that is predicted to be; NaN without any."""
        return _shares(self._right, self.support)

    @property
    def f1(self) -> NDArray[np.float64]:
        """(c,): 2 TP / (2 TP + FP + FN); NaN for a class neither verified nor predicted."""
        return _shares(2 * self._right, self._predicted + self.support)

    @property
    def support(self) -> NDArray[np.int64]:
        """(c,): the verified rows of each class."""
        return self._of_classes(self.confusion.sum(axis=-1))

    @property
    def mean_average_precision(self) -> float | None:
        """The mean of average_precision over the classes that have one (mAP); None as there, NaN without any."""
        if self.average_precision is None:
            return None
        known = self.average_precision[~np.isnan(self.average_precision)]
        return float(known.mean()) if known.size else np.nan

    @property
    def calibration_error(self) -> float:
        """The mean of |accuracy - confidence| over bins, weighted by predictions, in [0, 1]."""
        counts, right, confidences = self.calibration
        return float(np.abs(right - confidences / _UNITS).sum() / counts.sum())

    def __str__(self) -> str:
        """A line on all of it, and one for each of the classes with the lowest F1."""
        mean = self.mean_average_precision
        known = "" if mean is None else f", mAP {mean:.3f}"
        lines = [
            f"accuracy {self.accuracy:.3f} of {self.verified:,} labels{known}, "
            f"calibration error {self.calibration_error:.3f}",
            "class  precision  recall     F1    rows",
        ]
        columns = (self.precision, self.recall, self.f1, self.support)
        worst = np.argsort(self.f1, kind="stable")[:_SHOWN_MAX]
        for one in worst.tolist():
            precision, recall, f1, rows = (column[one] for column in columns)
            lines.append(f"{one:>5}  {precision:>9.3f}  {recall:>6.3f}  {f1:>5.3f}  {rows:>6,}")
        left_out = len(self.f1) - len(worst)
        return "\n".join([*lines, f"and {left_out:,} classes with a higher F1"] if left_out else lines)

    @property
    def _right(self) -> NDArray[np.int64]:
        return self._of_classes(np.diagonal(self.confusion, axis1=-2, axis2=-1))

    @property
    def _predicted(self) -> NDArray[np.int64]:
        return self._of_classes(self.confusion.sum(axis=-2))

    def _of_classes(self, answers: NDArray[np.int64]) -> NDArray[np.int64]:
        return answers if self.confusion.ndim == 2 else answers[:, 1]


@dataclass(frozen=True, slots=True, eq=False)
class AssessedPart:
    """What one call says of labels."""

    model: ModelIdentity | None
    counts: Array
    sums: Array
    quality: Any
    """An array; None in the first of two passes, as what follows."""
    suspected: Any
    joint: Any
    invalid_rows: NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class EvaluatedPart:
    """What one call says of predictions."""

    model: ModelIdentity | None
    confusion: Array
    average_precision: Array
    pooled_average_precision: float
    calibration: Array
    invalid_rows: NDArray[np.int64]


def assessed_part(response: labeling_pb2.AssessLabelsResponse) -> AssessedPart:
    """From an answer of either pass."""
    judged = response.HasField("joint")
    return AssessedPart(
        model=identity_of(response.model) if response.HasField("model") else None,
        counts=decode(response.given.counts),
        sums=decode(response.given.sums),
        quality=decode(response.quality) if judged else None,
        suspected=decode(response.suspected) if judged else None,
        joint=decode(response.joint) if judged else None,
        invalid_rows=np.array(response.invalid_rows, np.int64),
    )


def evaluated_part(response: labeling_pb2.EvaluateResponse) -> EvaluatedPart:
    """From an answer."""
    return EvaluatedPart(
        model=identity_of(response.model) if response.HasField("model") else None,
        confusion=decode(response.confusion),
        average_precision=decode(response.average_precision),
        pooled_average_precision=response.pooled_average_precision,
        calibration=decode(response.calibration),
        invalid_rows=np.array(response.invalid_rows, np.int64),
    )


def assessment(answers: Sequence[tuple[int, AssessedPart]]) -> LabelAssessment:
    """That of all rows.

    Args:
        answers: on pieces, with the position of the first row of each, by the thresholds of all rows.
    """
    parts = [part for _, part in answers]
    joint = np.sum([part.joint for part in parts], axis=0)
    noise, shares = noise_of(joint, np.sum([part.counts for part in parts], axis=0))
    quality = np.concatenate([part.quality for part in parts])
    of_classes = quality.ndim == 1
    return LabelAssessment(
        model=parts[0].model,
        quality=quality,
        suspected=np.concatenate([part.suspected for part in parts]),
        joint=joint[0] if of_classes else joint,
        noise_matrix=noise[0] if of_classes else noise,
        noise_share=shares[0] if of_classes else shares,
        invalid_rows=_together([(start, part.invalid_rows) for start, part in answers]),
    )


def evaluation(answers: Sequence[tuple[int, EvaluatedPart]], *, of_classes: bool) -> Evaluation:
    """That of all rows; the arguments are those of assessment, and whether rows are of one class each."""
    parts = [part for _, part in answers]
    confusion, whole = np.sum([part.confusion for part in parts], axis=0), len(parts) == 1
    return Evaluation(
        model=parts[0].model,
        confusion=confusion[0] if of_classes else confusion,
        average_precision=parts[0].average_precision if whole else None,
        pooled_average_precision=parts[0].pooled_average_precision if whole else None,
        calibration=np.sum([part.calibration for part in parts], axis=0),
        invalid_rows=_together([(start, part.invalid_rows) for start, part in answers]),
    )


def joined_evaluations(parts: Sequence[Evaluation]) -> Evaluation:
    """That of all rows of a data set, of which each part, at least one, was evaluated by itself.

    Positions of invalid rows stay those in their parts; average precision is known of a single part alone.
    """
    if len(parts) == 1:
        return parts[0]
    return Evaluation(
        model=parts[0].model,
        confusion=np.sum([part.confusion for part in parts], axis=0),
        average_precision=None,
        pooled_average_precision=None,
        calibration=np.sum([part.calibration for part in parts], axis=0),
        invalid_rows=np.concatenate([part.invalid_rows for part in parts]),
    )


def noise_of(joint: Array, counts: Array) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(q, k, k) the probability of each label by the true answer, and (q,) the share of wrong labels.

    Args:
        joint: (q, k, k), the confident joint of all rows.
        counts: (q, k), how often each answer was given as a label.
    """
    distribution = _distribution(joint, counts)
    with np.errstate(invalid="ignore"):
        noise = distribution / distribution.sum(axis=1, keepdims=True)
    return noise, np.maximum(1 - np.trace(distribution, axis1=1, axis2=2), 0)


def _distribution(joint: Array, counts: Array) -> NDArray[np.float64]:
    """The joint distribution of given and true labels, as the server has it for the rows of one call.

    Source: Northcutt, Jiang and Chuang 2021, Confident Learning, equation 3.
    """
    scaled, diagonal = joint.astype(np.float64), np.arange(joint.shape[1])
    scaled[:, diagonal, diagonal] = np.maximum(scaled[:, diagonal, diagonal], 1)
    scaled *= (counts / scaled.sum(axis=2))[..., None]
    with np.errstate(invalid="ignore"):
        return scaled / scaled.sum(axis=(1, 2), keepdims=True)


def _shares(parts: NDArray[np.int64], wholes: NDArray[np.int64]) -> NDArray[np.float64]:
    with np.errstate(invalid="ignore"):  # 0 / 0 is NaN
        return parts / wholes


def _together(found: Sequence[tuple[int, NDArray[np.int64]]]) -> NDArray[np.int64]:
    return np.concatenate([positions + start for start, positions in found])
