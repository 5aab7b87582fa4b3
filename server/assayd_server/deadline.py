"""A point in time after which an answer is of no use. On time.monotonic's clock; infinity means never."""

import math
import time

from assayd_server.errors import DeadlineExceededError

NEVER = math.inf


def after(seconds: float | None) -> float:
    """The deadline that lies so many seconds ahead; None is never."""
    return NEVER if seconds is None else time.monotonic() + seconds


def remaining_seconds(deadline: float) -> float | None:
    """Seconds that are left, not below 0; None for no limit, as the standard library's timeouts have it."""
    return None if deadline == NEVER else max(0.0, deadline - time.monotonic())


def check(deadline: float) -> None:
    """Raise DeadlineExceededError if it has passed."""
    if remaining_seconds(deadline) == 0:
        raise passed()


def passed() -> DeadlineExceededError:
    """The error for work that was not begun in time."""
    return DeadlineExceededError(
        "the deadline passed before the work began; nothing was computed", reason="DEADLINE_PASSED"
    )
