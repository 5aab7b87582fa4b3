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
