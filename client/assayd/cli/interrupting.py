"""What SIGINT does while a client has calls under way."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from assayd import AssaydError


@contextmanager
def terminated_as_interrupted() -> Iterator[None]:
    """Take SIGTERM for SIGINT: what runs until it is stopped ends well when a supervisor stops it, too."""
    before = signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def interruptible(close: Callable[[], None]) -> Iterator[None]:
    """End what runs inside as KeyboardInterrupt does, but never in the midst of gRPC's own code.

    An exception between the lines of gRPC that begin a call leaves one that nobody waits for, and the channel's
    close then waits for it without end. So the handler raises nothing: it closes the client, and the call that is
    waited for, or is made next, fails.

    Args:
        close: closes the client; may be called twice, and from another thread.

    Raises:
        KeyboardInterrupt: SIGINT came.
    """
    interrupted = threading.Event()

    def interrupt(*_: Any) -> None:
        interrupted.set()
        threading.Thread(target=close, daemon=True).start()  # a handler must not wait for locks

    before = signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    except (AssaydError, ValueError):  # gRPC refuses to use a closed channel with a ValueError
        if not interrupted.is_set():
            raise
    finally:
        signal.signal(signal.SIGINT, before)
    if interrupted.is_set():
        raise KeyboardInterrupt
