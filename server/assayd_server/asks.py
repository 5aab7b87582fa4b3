"""What calls ask for besides their rows: most calls ask for the same, and need not be looked at each by itself."""

from dataclasses import dataclass, field
from typing import Any

from assayd_server.core.novelty import NoveltyMeasure
from assayd_server.metrics import ModelMetrics
from assayd_server.pace import Pace
from assayd_server.plan import Plan
from assayd_server.wanted import ModelChoice, Wanted

_SLOW_NOVELTY = frozenset({NoveltyMeasure.KNN, NoveltyMeasure.VIM})
"""What looks for neighbours, or multiplies by what is as wide as the embedding."""
_FORMS_MAX, _FORMS_MIN, _FORMS_OF_FIRST_ASKS = 256, 8, 4096


def forms_max(before: int) -> int:
    """How many forms of answers, a kilobyte or two each, an ask of a model may keep that has so many before it.

    The first 16 have room for all sizes of calls, later ones for fewer and fewer: callers who ask in ever new
    ways, with ever other numbers of rows, would else fill hundreds of megabytes.
    """
    return min(_FORMS_MAX, max(_FORMS_MIN, _FORMS_OF_FIRST_ASKS // (before + 1)))


@dataclass(slots=True, eq=False)
class Known:
    """What is known of an ask and a model, since a call has passed every check."""

    plan: Plan
    """Without the call's rows."""
    rows_max: int
    """As many rows have passed; the checks of an ask mind nothing of inputs but that."""
    metrics: ModelMetrics
    pace: Pace = field(default_factory=Pace)
    """Of passes, and of what is said of their rows."""
    forms: dict[int, Any] = field(default_factory=dict)
    """How answers are written, by the number of rows: for who writes them."""
    forms_max: int = _FORMS_MAX
    """As many of them are kept."""


@dataclass(slots=True, eq=False)
class Ask:
    """One way to ask; equal to itself alone. It knows of no model, or it would keep one that is gone."""

    wanted: Wanted
    choice: ModelChoice = field(init=False)
    """The model that is meant."""
    merges: bool = field(init=False)
    """Whether a pass and some arithmetic tell all that is wanted."""

    def __post_init__(self) -> None:
        wanted = self.wanted
        self.choice = wanted.model or ModelChoice()
        self.merges = wanted.head is None and not wanted.neighbors and _SLOW_NOVELTY.isdisjoint(wanted.novelty)
