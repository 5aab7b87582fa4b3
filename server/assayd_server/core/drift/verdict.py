"""What is said of a window."""

from dataclasses import dataclass
from enum import StrEnum

from numpy import int64
from numpy.typing import NDArray

from assayd_server.core.arrays import Floats
from assayd_server.core.drift.findings import Finding
from assayd_server.core.drift.label_shift import ClassPriors


class Caution(StrEnum):
    """What is to be known about a verdict."""

    LARGE_WINDOW = "large_window"
    """The window has more than a twentieth of the reference's rows. What is by chance in the reference counts
    against the window then: at 5 %, one reference of 1,200 rows raised false alarms on 0.2 % of windows of 1,000,
    another on 47 %."""


@dataclass(frozen=True, slots=True, eq=False)
class ColumnVerdict:
    """What is said of a column, or of the embedding as a whole."""

    name: str

    deciding: Finding

    effect_min: float
    """The effect from which on it matters."""

    informing: tuple[Finding, ...]
    """Of other tests, that decide nothing."""

    reference_counts: NDArray[int64]
    """(B,), in the bins of the column; (0,) for the embedding."""

    window_counts: NDArray[int64]
    """(B,)."""

    adjusted_p_value: float
    """Of the deciding test, by Holm's correction for there being several columns: in [0, 1]."""

    drifted: bool
    """Whether the effect matters and the adjusted p-value is at most alpha."""


@dataclass(frozen=True, slots=True, eq=False)
class ClassShift:
    """Whether the model has become more or less sure of each class."""

    columns: tuple[str, ...]

    distances: Floats
    """(c,), the largest gap between distribution functions, in [0, 1]."""

    adjusted_p_values: Floats
    """(c,), by Holm's correction over classes."""


@dataclass(frozen=True, slots=True, eq=False)
class WindowVerdict:
    """What is said of a window."""

    drifted: bool
    """Whether any column has, or the embedding."""

    rows: int

    columns: tuple[ColumnVerdict, ...]
    """Those that decide, the most shifted first: those that drifted, then by effect over the one that matters."""

    untested: tuple[str, ...]
    """Columns that came with fewer rows than a window must have, and the embedding if it did."""

    class_priors: ClassPriors | None
    """None without labels in the reference, or without the class column in the window."""

    class_shift: ClassShift | None
    """None where the reference has no columns of class probabilities, or the window none of them."""

    cautions: tuple[Caution, ...]
