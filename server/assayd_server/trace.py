"""Where the time of a call goes, told as it is spent, where somebody wants to know."""

from contextvars import ContextVar
from typing import Protocol


class Trace(Protocol):
    """Of one call; may be told by any thread, and by one at a time."""

    def stage(self, name: str, began: float, ended: float, **attributes: str | int) -> None:
        """Something was done for the call.

        Args:
            name: queue, inference or retrieval.
            began: on time.perf_counter's clock.
            ended: the same.
            **attributes: what there is to say of it.
        """


CURRENT: ContextVar[Trace | None] = ContextVar("trace", default=None)
"""Of the call that the thread answers; None where nobody wants to know."""
