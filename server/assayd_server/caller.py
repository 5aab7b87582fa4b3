"""Who waits for an answer, and for how long: work for a caller that is gone is not begun."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from assayd_server.errors import CallCancelledError, DeadlineExceededError, ServiceError
from assayd_server.trace import Trace

NEVER = math.inf


def _stays() -> bool:
    return False


class Lane(StrEnum):
    """Where a call waits for its turn."""

    ONLINE = "online"
    """Production: it goes first."""
    BULK = "bulk"
    """Scans of pools: what the online lane leaves, and a small share besides."""


@dataclass(frozen=True, slots=True)
class Caller:
    """The far end of a call."""

    deadline: float = NEVER
    """On time.monotonic's clock: an answer after it is of no use."""
    gone: Callable[[], bool] = _stays
    """Whether the call was cancelled meanwhile."""
    lane: Lane = Lane.ONLINE
    trace: Trace | None = None
    """Is told where the time goes, where somebody wants to know."""

    @property
    def patience_seconds(self) -> float:
        """How long it still waits, not below 0; infinite where it has no deadline."""
        return max(0.0, self.deadline - time.monotonic())

    def check(self) -> None:
        """Raise if nobody waits for the answer any more.

        Raises:
            DeadlineExceededError: its time is up.
            CallCancelledError: it went away.
        """
        if self.patience_seconds == 0:
            raise DeadlineExceededError(
                "the deadline passed before the work began; nothing was computed", reason="DEADLINE_PASSED"
            )
        if self.gone():
            raise CallCancelledError(
                "the call was cancelled before the work began; nothing was computed", reason="CALLER_GONE"
            )

    def why_gone(self) -> ServiceError:
        """Why nobody waits, where that is known."""
        try:
            self.check()
        except ServiceError as error:
            return error
        raise AssertionError("a caller went away and is still there")


def after(seconds: float | None) -> float:
    """The deadline that lies so many seconds ahead; None is never."""
    return NEVER if seconds is None else time.monotonic() + seconds
