"""What a server in this process says of itself, and waiting for it to come true."""

import threading
import time
from collections.abc import Callable
from urllib.request import urlopen

from assayd.testing import Server
from exposition import value_in

WAIT_SECONDS_MAX = 20.0


def metric(app: Server, name: str, **labels: str) -> float:
    """The sum of a metric's samples with these labels, as /metrics has them now."""
    with urlopen(f"http://{app.metrics_address}/metrics", timeout=10) as response:
        return value_in(response.read().decode(), name, labels)


def wait_until(condition: Callable[[], bool]) -> None:
    """Return as soon as it is true."""
    deadline = time.monotonic() + WAIT_SECONDS_MAX
    while not condition():
        assert time.monotonic() < deadline, "it did not come true in time"
        threading.Event().wait(0.01)
