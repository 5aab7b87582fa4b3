"""Waiting for something to come true."""

import time
from collections.abc import Callable


def seconds_until(condition: Callable[[], bool], *, what: str, seconds_max: float = 60.0) -> float:
    """How long it took to come true.

    Raises:
        TimeoutError: it did not within seconds_max.
    """
    began = time.monotonic()
    while not condition():
        if time.monotonic() - began > seconds_max:
            raise TimeoutError(f"{what}: not within {seconds_max:g} s")
        time.sleep(0.1)
    return time.monotonic() - began
