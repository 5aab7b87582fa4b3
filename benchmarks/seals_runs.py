"""Labelling round by round as a strategy chooses; for seals.py."""

import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score

from benchmarks.rare_concepts import Concept, Task
from benchmarks.seals_strategies import LOGIT_ALONE, Head, Strategy, WholePool

POSITIVES_AT_START = 5


@dataclass(frozen=True)
class Run:
    """One strategy for one concept: a value for each count of labels, or for each round."""

    pool: str
    seed: int
    concept: str
    groups: list[int]
    """The clusters, or the letter."""
    positives: int
    strategy: str
    average_precisions: list[float]
    recalls: list[float]
    scored: list[int]
    seconds: list[float]
    seconds_of_logits: list[float]
    """Of a scan of all logits alone, in the same round; empty where it was not timed."""
    processor_seconds: float
    """Of choosing in all rounds, by this process and the server."""


class Labelling:
    """What one strategy has come to."""

    def __init__(
        self, task: Task, concept: Concept, strategy: Strategy, start: np.ndarray, clock: Callable[[], float]
    ) -> None:
        """Begin.

        Args:
            task: the pool.
            concept: what is looked for.
            strategy: chooses.
            start: rows that have a label.
            clock: seconds of processor time, of all processes.
        """
        self.strategy = strategy
        self._clock, self._processor_seconds = clock, 0.0
        self._task, self._concept = task, concept
        self._positive = np.isin(task.groups, concept.groups)
        self._held_out = np.isin(task.held_out_groups, concept.groups)
        self._labelled = self._new = start
        self._average_precisions: list[float] = []
        self._recalls: list[float] = []
        self._choices: list[tuple[int, float]] = []
        self._seconds_of_logits: list[float] = []
        self._head = self._trained()

    def round(self) -> None:
        """Choose, label, train, judge."""
        used, began = self._clock(), time.perf_counter()
        choice = self.strategy.choose(self._head, self._new, self._labelled)
        self._choices.append((choice.scored, time.perf_counter() - began))
        self._processor_seconds += self._clock() - used
        if isinstance(self.strategy, WholePool) and self.strategy.measure == "max_entropy":
            began = time.perf_counter()
            replace(self.strategy, measure=LOGIT_ALONE).choose(self._head, self._new, self._labelled)
            self._seconds_of_logits.append(time.perf_counter() - began)
        self._new, self._labelled = choice.rows, np.append(self._labelled, choice.rows)
        self._head = self._trained()

    def _trained(self) -> Head:
        classifier = LogisticRegression(C=self._task.inverse_penalty)
        positive = self._positive[self._labelled]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # a hundred steps are enough to choose by
            classifier.fit(self._task.vectors[self._labelled], positive)
        head = Head(classifier.coef_[0].astype(np.float32), float(classifier.intercept_[0]))
        scores = head.logits(self._task.held_out)
        self._average_precisions.append(float(average_precision_score(self._held_out, scores)))
        self._recalls.append(float(positive.sum() / self._positive.sum()))
        return head

    def run(self) -> Run:
        """As figures."""
        return Run(
            pool=self._task.name,
            seed=self._task.seed,
            concept=self._concept.kind,
            groups=self._concept.groups.tolist(),
            positives=int(self._positive.sum()),
            strategy=self.strategy.name,
            average_precisions=self._average_precisions,
            recalls=self._recalls,
            scored=[scored for scored, _ in self._choices],
            seconds=[seconds for _, seconds in self._choices],
            seconds_of_logits=self._seconds_of_logits,
            processor_seconds=self._processor_seconds,
        )


def start(task: Task, concept: Concept, count: int) -> np.ndarray:
    """Five rows of the concept by chance, and others up to the count."""
    rng = np.random.default_rng(task.seed)
    positive = np.isin(task.groups, concept.groups)
    few = rng.choice(np.flatnonzero(positive), POSITIVES_AT_START, replace=False)
    return np.append(few, rng.choice(np.flatnonzero(~positive), count - POSITIVES_AT_START, replace=False))
