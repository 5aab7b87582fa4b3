"""What there is to say of a stream."""

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from assayd_server.core.drift.verdict import WindowVerdict
from assayd_server.core.drift.watch.state import WatchState


class Direction(StrEnum):
    """Which way the mean of a column has moved."""

    UP = "up"
    DOWN = "down"


@dataclass(frozen=True, slots=True)
class Change:
    """A cumulative sum has passed its limit: there is an alarm."""

    column: str
    direction: Direction

    row: int
    """At which it did, counted from 0 at the beginning of the stream."""

    since_row: int
    """At which it last left 0: about where the change began."""

    statistic: float
    """The sum, in standard deviations of normal scores."""

    limit: float
    """What it exceeds."""


@dataclass(frozen=True, slots=True, eq=False)
class WindowEnd:
    """A window is complete; there is an alarm if it has drifted."""

    number: int
    """Counted from 0."""

    first_row: int
    """Counted from 0 at the beginning of the stream."""

    verdict: WindowVerdict
    """Of no columns, where none that decides came with enough rows."""

    state: WatchState
    """After it: a stream may go on from here."""


Event: TypeAlias = WindowEnd | Change
