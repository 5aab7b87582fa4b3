"""What a caller asks of labels."""

from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from assayd_server.core.labels import GivenLabels, Quality
from assayd_server.wanted import Wanted


@dataclass(frozen=True, slots=True, kw_only=True)
class AssessWanted:
    """How labels are judged."""

    scoring: Wanted
    """By which model."""
    labels: NDArray[Any]
    """(n,) or (n, c) integers, not checked against the rows yet."""
    quality: Quality
    sums_only: bool
    """Whether the first of two passes is wanted alone."""
    given: GivenLabels | None
    """Of all rows; None for those of the request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluateWanted:
    """How predictions are judged."""

    scoring: Wanted
    """By which model."""
    labels: NDArray[Any]
    """As of AssessWanted."""
    calibration_bins: int
    part: bool
    """Whether it is no error that nothing is verified."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OfClasses:
    """A number for each class, not checked against the rows yet."""

    values: NDArray[Any]
    """(c,), or (1,) where one number may stand for all."""
    field: str
    """Where it came from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PriorQuotas:
    """A number of rows, and how it is divided over classes."""

    count: int
    prior: OfClasses


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassWeighting:
    """What rows of each class weigh."""

    counts: OfClasses
    """How many there are, 1 or more."""
    effective_number: float | None
    """b, in [0, 1); None for inverse frequency."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposeWanted:
    """Which rows a model may label."""

    scoring: Wanted
    """By which model, and by which measure of novelty, if any."""
    confidence_min: OfClasses | None
    """None where any will do."""
    quotas: OfClasses | PriorQuotas | None
    """None for any number."""
    weighting: ClassWeighting | None
