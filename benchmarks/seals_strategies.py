"""Who chooses the rows to label: chance, a scan of the whole pool, or SEALS by the service; for seals.py."""

import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score

from assayd import Candidates, Client
from benchmarks.rare_concepts import Concept, Task

BLOCK_ROWS = 1 << 16
POSITIVES_AT_START = 5
MEASURES = ("max_entropy", "information_density")
LOGIT_ALONE = "the logit alone"
"""Chooses what max_entropy does, with no exponential: two classes allow it."""


@dataclass(frozen=True)
class Head:
    """The logit of a row is vector . weights + bias."""

    weights: np.ndarray
    bias: float

    def logits(self, vectors: np.ndarray) -> np.ndarray:
        """(n,) float32."""
        return vectors @ self.weights + np.float32(self.bias)


@dataclass(frozen=True)
class Choice:
    """Rows to label, and how many were scored for it."""

    rows: np.ndarray
    scored: int


class Strategy(Protocol):
    """Chooses."""

    name: str

    def choose(self, head: Head, new: np.ndarray, labelled: np.ndarray) -> Choice:
        """Rows of the pool that are not labelled; the new ones are those that were labelled last."""
        ...


@dataclass
class Random:
    """By chance."""

    row_count: int
    batch: int
    rng: np.random.Generator
    name: str = "random"

    def choose(self, head: Head, new: np.ndarray, labelled: np.ndarray) -> Choice:  # noqa: ARG002
        """Of all rows without a label."""
        rows = np.setdiff1d(self.rng.choice(self.row_count, self.batch + len(labelled), replace=False), labelled)
        return Choice(self.rng.permutation(rows)[: self.batch], 0)


@dataclass
class WholePool:
    """All vectors through the head, block by block, by NumPy in float32 in this process, on all cores."""

    vectors: np.ndarray
    batch: int
    measure: str
    lengths: np.ndarray
    """(N,): of the vectors."""
    sum_of_units: np.ndarray
    """(d,) float64: of the vectors at length 1."""
    name: str = field(init=False)

    def __post_init__(self) -> None:
        """Name it."""
        self.name = f"{self.measure}, whole pool"

    def choose(self, head: Head, new: np.ndarray, labelled: np.ndarray) -> Choice:  # noqa: ARG002
        """The most uncertain rows."""
        taken = self.vectors[labelled] / self.lengths[labelled, None]
        direction = self.sum_of_units - taken.sum(axis=0, dtype=np.float64)
        direction = (direction / (len(self.vectors) - len(labelled))).astype(np.float32)
        places = np.sort(labelled)
        rows, scores = np.empty(0, np.int64), np.empty(0, np.float32)
        for start in range(0, len(self.vectors), BLOCK_ROWS):
            block = self.vectors[start : start + BLOCK_ROWS]
            found = self._scores(block, self.lengths[start : start + BLOCK_ROWS], head, direction)
            found[places[slice(*np.searchsorted(places, [start, start + len(block)]))] - start] = -np.inf
            better = np.flatnonzero(found > (scores.min() if len(scores) == self.batch else -np.inf))
            rows, scores = np.append(rows, better + start), np.append(scores, found[better])
            if len(rows) > self.batch:
                best = np.argpartition(-scores, self.batch - 1)[: self.batch]
                rows, scores = rows[best], scores[best]
        return Choice(rows, len(self.vectors) - len(labelled))

    def _scores(self, block: np.ndarray, lengths: np.ndarray, head: Head, direction: np.ndarray) -> np.ndarray:
        if self.measure == LOGIT_ALONE:  # the entropy of two classes falls with its size
            logits = head.logits(block)
            return np.negative(np.abs(logits, out=logits), out=logits)
        if self.measure == "max_entropy":
            return entropy(head.logits(block))
        both = block @ np.stack([head.weights, direction], axis=1)
        return entropy(both[:, 0] + np.float32(head.bias)) * np.maximum(both[:, 1] / lengths, 0)


@dataclass(frozen=True)
class Variant:
    """Of SEALS."""

    k: int
    random_share: float = 0.0
    name: str = ""
    measures: tuple[str, ...] = MEASURES


@dataclass
class Seals:
    """The candidates alone, by select_candidates of a server."""

    client: Client
    batch: int
    measure: str
    variant: Variant
    seed: int
    candidates: Candidates | None = None
    name: str = field(init=False)

    def __post_init__(self) -> None:
        """Name it."""
        self.name = f"{self.measure}, SEALS{self.variant.name}"

    def choose(self, head: Head, new: np.ndarray, labelled: np.ndarray) -> Choice:
        """The most uncertain candidates; what is added to them is kept here, on the client's side."""
        selection = self.client.select_candidates(
            new,
            labeled_ids=labelled,
            candidates=self.candidates,
            head=(np.stack([np.zeros_like(head.weights), head.weights]), np.array([0, head.bias], np.float32)),
            measure=self.measure,
            count=self.batch,
            k=self.variant.k,
            random_share=self.variant.random_share,
            seed=self.seed,
        )
        added = selection.added
        self.candidates = added if self.candidates is None else self.candidates.updated(added)
        return Choice(selection.ids, selection.candidate_count)


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


def strategies(task: Task, client: Client, *, batch: int, variants: Sequence[Variant]) -> list[Strategy]:
    """Each of them, afresh."""
    lengths = np.linalg.norm(task.vectors, axis=1).clip(1e-30)
    sum_of_units = (1 / lengths.astype(np.float64)) @ task.vectors
    found: list[Strategy] = [Random(len(task.vectors), batch, np.random.default_rng([task.seed, 6]))]
    for measure in MEASURES:
        found.append(WholePool(task.vectors, batch, measure, lengths, sum_of_units))
        own = [variant for variant in variants if measure in variant.measures]
        found += [Seals(client, batch, measure, variant, task.seed) for variant in own]
    return found


def entropy(logits: np.ndarray) -> np.ndarray:
    """Of two classes, in nats, from the logit of one of them."""
    size = np.abs(logits)
    other = np.exp(-size)
    return np.log1p(other) + size * other / (1 + other)
