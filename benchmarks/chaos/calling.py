"""Clients that score without end, and check every answer and its time, in threads of their own."""

import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event

import numpy as np

from assayd import AssaydError, Client, Tls
from benchmarks.soak.models import CLASSES

CLIENTS = 4
PAUSE_SECONDS = 0.005
"""Between a client's calls: a machine that is busy with nothing but calls has no CPU left for what goes wrong."""


@dataclass
class Tally:
    """Of calls."""

    calls: int = 0
    failed: Counter[str] = field(default_factory=Counter)
    """By status."""
    wrong: int = 0
    """Answers to other rows than those that were sent."""
    worst_seconds: float = 0.0

    def add(self, other: "Tally") -> None:
        """Count those of another too."""
        self.calls += other.calls
        self.failed += other.failed
        self.wrong += other.wrong
        self.worst_seconds = max(self.worst_seconds, other.worst_seconds)


class Calling:
    """Clients under way."""

    def __init__(self) -> None:
        self.tally = Tally()
        self.ended = Event()
        self._answers = [0] * CLIENTS

    @property
    def answers(self) -> int:
        """How many have come by now."""
        return sum(self._answers)

    def wait_for(self, more: int, *, seconds: float = 60.0) -> None:
        """Until so many more answers have come."""
        until, wanted = time.monotonic() + seconds, self.answers + more
        while self.answers < wanted:
            if time.monotonic() > until:
                raise TimeoutError(f"{more} more answers did not come within {seconds} s")
            time.sleep(0.01)

    def call(self, address: str, number: int, deadline_seconds: float, tls: Tls | None) -> Tally:
        """One client, until all are told to end."""
        rng, tally = np.random.default_rng(number), Tally()
        with Client(address, deadline_seconds=deadline_seconds, tls=tls) as client:
            while not self.ended.wait(PAUSE_SECONDS):
                tally.add(_one(client, rng))
                self._answers[number] = tally.calls
        return tally


@contextmanager
def calling(address: str, *, deadline_seconds: float = 10.0, tls: Tls | None = None) -> Iterator[Calling]:
    """So many clients as CLIENTS says, for as long as the body takes; what they counted is there after it."""
    under_way = Calling()
    with ThreadPoolExecutor(CLIENTS) as threads:
        clients = [
            threads.submit(under_way.call, address, number, deadline_seconds, tls) for number in range(CLIENTS)
        ]
        try:
            yield under_way
        finally:
            under_way.ended.set()
        for client in clients:
            under_way.tally.add(client.result())


def _one(client: Client, rng: np.random.Generator) -> Tally:
    rows = rng.normal(0, 3, (rng.integers(1, 33), CLASSES)).astype(np.float32)
    began = time.monotonic()
    try:
        scores = client.score(rows, outputs=["logits"])
    except AssaydError as error:
        return Tally(1, Counter({error.status.name: 1}), 0, time.monotonic() - began)
    return Tally(1, Counter(), int(not np.array_equal(scores.logits, rows)), time.monotonic() - began)
