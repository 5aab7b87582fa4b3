"""Who waits for an answer: what of a call its servicers need, whichever way it came."""

from collections.abc import Callable
from typing import Protocol


class Waiting(Protocol):
    """A call; gRPC's own contexts are such."""

    def time_remaining(self) -> float | None:
        """Seconds until the deadline, 0 or more; None where there is none."""

    def is_active(self) -> bool:
        """Whether the call goes on."""

    def add_callback(self, callback: Callable[[], None]) -> bool:
        """Call back when it is over; False where it is already."""
