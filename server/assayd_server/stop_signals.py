"""The signals that ask a process to stop."""

import signal
from collections.abc import Callable
from types import FrameType

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)
IGNORE = signal.SIG_IGN

Handler = signal.Handlers | Callable[[int, FrameType | None], None]


def handle(handler: Handler) -> None:
    """Have a handler, or the system, do what is to be done when one comes."""
    for number in STOP_SIGNALS:
        signal.signal(number, handler)


def block() -> None:
    """Keep them from this thread, and from the processes that it starts."""
    signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
