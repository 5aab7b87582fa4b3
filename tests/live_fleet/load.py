"""Callers that score without pause by one client, as a service does; every answer is checked."""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
from benchmarks.soak.models import CLASSES, softmax

from assayd import AssaydError, Client

CALLERS = 6
ROWS = 4
DEADLINE_SECONDS = 10.0


@dataclass(slots=True)
class Outcome:
    """What came of the calls by now."""

    seconds: list[float] = field(default_factory=list)
    """Of those that were answered, and right."""
    failures: Counter[str] = field(default_factory=Counter)
    """By status; "wrong" is an answer of other rows."""

    @property
    def failed(self) -> int:
        return self.failures.total()

    def told(self) -> str:
        """For a table: how many failed, of how many, and as what."""
        kinds = (
            f" ({', '.join(f'{name} {count}' for name, count in self.failures.items())})" if self.failures else ""
        )
        return f"{self.failed} of {len(self.seconds) + self.failed}{kinds}"


@contextmanager
def calling(target: str) -> Iterator[Outcome]:
    """Callers, for as long as the body takes. All are threads of one client, whose channel spreads the calls."""
    ended, outcome = threading.Event(), Outcome()
    with Client(target, deadline_seconds=DEADLINE_SECONDS) as client, ThreadPoolExecutor(CALLERS) as threads:
        callers = [threads.submit(_call, client, seed, ended, outcome) for seed in range(CALLERS)]
        try:
            yield outcome
        finally:
            ended.set()
        for caller in callers:
            caller.result()


def _call(client: Client, seed: int, ended: threading.Event, outcome: Outcome) -> None:
    rows = np.random.default_rng(seed).normal(0, 3, (ROWS, CLASSES)).astype(np.float32)
    right = softmax(rows)
    while not ended.is_set():
        began = time.monotonic()
        try:
            found = client.score(rows).probabilities
        except AssaydError as error:
            outcome.failures[error.status.name] += 1
            continue
        if np.shape(found) == right.shape and np.allclose(found, right, atol=1e-5):
            outcome.seconds.append(time.monotonic() - began)
        else:
            outcome.failures["wrong"] += 1
