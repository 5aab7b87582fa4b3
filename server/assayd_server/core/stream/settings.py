"""How rows of a stream are chosen: the policy, its budget and its parameters."""

from dataclasses import dataclass
from enum import StrEnum

WINDOW_ROWS_MAX = 10_000
"""A state of the quantile policy holds a utility for each row of the window."""


class Policy(StrEnum):
    """A rule by which rows of a stream are selected for labelling, by the name that callers use."""

    FIXED = "fixed"
    VARIABLE = "variable"
    RANDOMIZED_VARIABLE = "randomized_variable"
    SPLIT = "split"
    QUANTILE = "quantile"


class SettingError(ValueError):
    """A setting is out of its range.

    Attributes:
        field: its name.
        problem: what it is and what is allowed, as the rest of a sentence that begins with the name.
    """

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field} {problem}")
        self.field = field
        self.problem = problem


@dataclass(frozen=True, kw_only=True, slots=True)
class PolicySettings:
    """A policy with its parameters; those that a policy does not use must be in their ranges all the same.

    Raises:
        SettingError: a value is out of its range.
    """

    policy: Policy

    budget: float
    """B, the share of rows that may be selected: above 0, up to 1."""

    window: int = 100
    """w, from 1 to 10,000 rows: for the quantile policy, of how many rows the quantile is taken; for the others,
    over how many the budget is kept. These spend up to about 1 / (2 w B) too much, as a share of the budget, so w
    should be 10 / B or more."""

    step: float = 0.01
    """s, the relative change of a variable threshold at each row: above 0, below 1."""

    tolerance_window: int = 100
    """w_tol, from 1 to 1,000,000, for the quantile policy: how many selections too many, or too few, move its
    threshold by the range of the utilities in the window. scikit-activeml has 50."""

    random_share: float = 0.1
    """The share of rows, from 0 to 1, that the split policy decides on by chance instead of by their utility."""

    spread: float = 1.0
    """The standard deviation of the randomized policy's factor, whose mean is 1: above 0, up to 10."""

    seed: int = 0
    """Of the randomized and the split policy: from 0 to 2^64 - 1."""

    class_count: int = 2
    """c, from 2 to 2^31 - 1: which confidence p1 a utility stands for."""

    def __post_init__(self) -> None:
        """Refuse what is out of range."""
        if not isinstance(self.policy, Policy):
            raise SettingError("policy", f"is {self.policy!r}, allowed are {', '.join(Policy)}")
        for field, allowed in _ALLOWED.items():
            value = getattr(self, field)
            if not allowed.holds(value):
                raise SettingError(field, f"is {value!r}, allowed are {allowed}")


@dataclass(frozen=True, slots=True)
class _Range:
    """Numbers from a minimum to a maximum, without the minimum, or without both, where it says so."""

    minimum: float
    maximum: float
    whole: bool = False
    above_minimum: bool = False
    below_maximum: bool = False

    def holds(self, value: object) -> bool:
        """Whether it is such a number; NaN is none."""
        if isinstance(value, bool) or not isinstance(value, int if self.whole else (int, float)):
            return False
        above = value > self.minimum if self.above_minimum else value >= self.minimum
        return above and (value < self.maximum if self.below_maximum else value <= self.maximum)

    def __str__(self) -> str:
        """As it stands in a sentence."""
        numbers = "whole numbers" if self.whole else "numbers"
        if not self.above_minimum:
            return f"{numbers} from {self.minimum} to {self.maximum}"
        return f"{numbers} above {self.minimum} and {'below' if self.below_maximum else 'up to'} {self.maximum}"


_ALLOWED = {
    "budget": _Range(0, 1, above_minimum=True),
    "window": _Range(1, WINDOW_ROWS_MAX, whole=True),
    "step": _Range(0, 1, above_minimum=True, below_maximum=True),
    "tolerance_window": _Range(1, 1_000_000, whole=True),
    "random_share": _Range(0, 1),
    "spread": _Range(0, 10, above_minimum=True),
    "seed": _Range(0, 2**64 - 1, whole=True),
    "class_count": _Range(2, 2**31 - 1, whole=True),
}
