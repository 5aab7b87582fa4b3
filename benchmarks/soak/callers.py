"""Clients that score without pause and check every answer, in threads of their own."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event

import numpy as np

from assayd import AssaydError, Client
from benchmarks.soak.models import CLASSES, softmax


@dataclass(frozen=True, kw_only=True)
class Load:
    """What each of the clients sends to a server whose logits are the rows."""

    address: str
    sizes: Sequence[int]
    """Of its batches, by chance."""
    temperature: Callable[[int], float] = lambda _: 1.0
    """Of a version."""


class Outcome(Counter[str]):
    """How many answers there were, rows, wrong ones, those of each version ("version 3"), and errors by status."""

    @property
    def errors(self) -> dict[str, int]:
        """By status."""
        return {name: count for name, count in self.items() if name.isupper()}

    @property
    def versions(self) -> set[int]:
        """That answered."""
        return {int(name.removeprefix("version ")) for name in self if name.startswith("version ")}


@contextmanager
def calling(count: int, load: Load) -> Iterator[Outcome]:
    """So many clients, for as long as the body takes; what they counted is there after it."""
    ended, outcome = Event(), Outcome()
    with ThreadPoolExecutor(count) as threads:
        clients = [threads.submit(_call, load, seed, ended) for seed in range(count)]
        try:
            yield outcome
        finally:
            ended.set()
        for client in clients:
            outcome.update(client.result())


def _call(load: Load, seed: int, ended: Event) -> Outcome:
    rng, outcome = np.random.default_rng(seed), Outcome()
    with Client(load.address, deadline_seconds=60) as client:
        while not ended.is_set():
            rows = rng.normal(0, 3, (rng.choice(load.sizes), CLASSES)).astype(np.float32)
            try:
                scores = client.score(rows)
            except AssaydError as error:
                outcome[error.status.name] += 1
                continue
            version = scores.model.version if scores.model else 0
            right = softmax(rows / np.float32(load.temperature(version)))
            wrong = np.shape(scores.probabilities) != right.shape or not np.allclose(
                scores.probabilities, right, atol=1e-5
            )
            outcome.update({"answers": 1, "rows": len(rows), "wrong": int(wrong), f"version {version}": 1})
    return outcome
