"""What calls ask for besides their rows: most calls ask for the same, and need not be looked at each by itself."""

from collections.abc import MutableMapping
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

from assayd_server.plan import Plan
from assayd_server.servable import Servable
from assayd_server.wanted import ModelChoice, Wanted


@dataclass(slots=True, weakref_slot=True, eq=False)
class Known:
    """What is known of an ask and a model, since a call has passed every check."""

    plan: Plan
    """Without the call's rows."""
    rows_max: int
    """As many rows have passed; the checks of an ask mind nothing of inputs but that."""


@dataclass(slots=True, eq=False)
class Ask:
    """One way to ask; equal to itself alone."""

    wanted: Wanted
    known: MutableMapping[Servable, Known] = field(default_factory=WeakKeyDictionary)
    """By model."""

    @property
    def choice(self) -> ModelChoice:
        """The model that is meant."""
        return self.wanted.model or ModelChoice()

    @property
    def merges(self) -> bool:
        """Whether what is said of a row depends on this row alone, and is told by a pass and some arithmetic."""
        wanted = self.wanted
        return wanted.head is None and not wanted.neighbors and not wanted.novelty
