"""Online scoring that merges calls, behind a gate that a test can hold."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import numpy as np
from prometheus_client import CollectorRegistry

from assayd_server.asks import Ask
from assayd_server.batching import BatchLimits
from assayd_server.caller import Caller
from assayd_server.core.scores import scores_of_logits
from assayd_server.core.uncertainty import Measure
from assayd_server.counters import Counters
from assayd_server.gate import Gate
from assayd_server.known_asks import KnownAsks
from assayd_server.merging import Merging
from assayd_server.metrics import Metrics
from assayd_server.plan import Plan
from assayd_server.repository import Repository
from assayd_server.rows import inputs_of
from assayd_server.score_job import Part, ScoreJob
from assayd_server.scoring_pass import ScoringPass
from assayd_server.servable import Servable
from assayd_server.wanted import Wanted

WAIT = 30
ROWS = np.random.default_rng(0).normal(size=(60, 4)).astype(np.float32)
ENTROPY = Ask(Wanted(uncertainties=(Measure.ENTROPY,)))


class Bench:
    """Models behind a gate that can be held, so that calls line up."""

    def __init__(self, *models: Servable, pending_max: int = 10_000, **limits: Any) -> None:
        self.registry = CollectorRegistry()
        self.gate = Gate(pending_max)
        self.repository = Repository(models)
        self.checked: list[Plan] = []
        counters = Counters(Metrics(self.registry))
        self.repository.follow(counters)
        scoring = ScoringPass(counters)
        asks = KnownAsks(scoring, self.checked.append)
        self.repository.follow(asks)
        self.merging = Merging(
            self.gate,
            BatchLimits(**limits),
            scoring,
            asks=asks,
            find=lambda choice: self.repository.find(choice.name, choice.version),
        )
        self.watched: list[ScoreJob] = []

    def offer(self, rows: np.ndarray, ask: Ask = ENTROPY, caller: Caller | None = None) -> "Future[Part]":
        found: Future[Part] = Future()

        def finish(_job: ScoreJob, result: Part | Exception) -> None:
            if isinstance(result, Exception):
                found.set_exception(result)
            else:
                found.set_result(result)

        self.merging.offer(
            ask, inputs_of({"": rows}), caller or Caller(), finish=finish, watch=self.watched.append
        )
        return found

    def score(self, rows: np.ndarray, ask: Ask = ENTROPY) -> Part:
        found = self.offer(rows, ask)
        self.advance(found)
        return found.result(WAIT)

    def advance(self, *found: "Future[Part]") -> None:
        """As the loop that takes calls does: whenever there is something to see to."""
        self.until(lambda: all(one.done() for one in found))

    def until(self, condition: Callable[[], bool]) -> None:
        """As advance, for any condition."""
        end = time.monotonic() + WAIT
        while not condition():
            assert time.monotonic() < end, "it did not come"
            if self.merging.waiting:
                self.merging.advance()
            threading.Event().wait(0.001)

    def value(self, name: str) -> float:
        families = self.registry.collect()
        return sum(sample.value for family in families for sample in family.samples if sample.name == name)

    def is_at_rest(self) -> bool:
        return self.value("assayd_pending_rows") == self.gate.rows_pending == self.merging.waiting == 0


def own(part: Part) -> np.ndarray:
    return part.scores.rows.probabilities[part.rows]


def expected(rows: np.ndarray) -> np.ndarray:
    return scores_of_logits(rows, temperature=1.0).probabilities
