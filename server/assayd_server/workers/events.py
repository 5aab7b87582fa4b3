"""What happens to the workers and to their parent, as its main thread hears of it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StopAsked:
    """A signal has come."""


@dataclass(frozen=True, slots=True)
class Up:
    """A worker takes calls."""

    number: int
    metrics_port: int


@dataclass(frozen=True, slots=True)
class Down:
    """A worker that took calls does so no more."""

    number: int


@dataclass(frozen=True, slots=True)
class NeverUp:
    """A worker could not start in the first place, and nobody tries again."""

    sentence: str


@dataclass(frozen=True, slots=True)
class Ended:
    """A worker has ended and is not started again."""

    number: int


Event = StopAsked | Up | Down | NeverUp | Ended
