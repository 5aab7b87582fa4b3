"""Waiting for what other threads and other processes are about to do."""

import threading
import time
from collections.abc import Callable

WAIT_SECONDS_MAX = 60.0
"""Far more than anything here takes: who waits for so long waits in vain."""
PAUSE_SECONDS = 0.005


def wait_until(condition: Callable[[], object]) -> None:
    """Return as soon as it is true.

    Raises:
        AssertionError: it does not come true.
    """
    deadline = time.monotonic() + WAIT_SECONDS_MAX
    while not condition():
        assert time.monotonic() < deadline, "it did not come true in time"
        threading.Event().wait(PAUSE_SECONDS)
