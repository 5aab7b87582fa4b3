"""Who chooses the rows to label: chance, a scan of the whole pool, or SEALS by the service; for seals.py."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from assayd import Candidates, Client
from assayd_server.core import tasks
from assayd_server.core.row_uncertainty import uncertainty_of_logits
from assayd_server.core.uncertainty import Measure
from benchmarks.rare_concepts import Task

BLOCK_ROWS = 1 << 16
MEASURES = ("max_entropy", "information_density")
LOGIT_ALONE = "the logit alone"
"""Chooses what max_entropy does, by one product with one vector and no exponential: two classes allow it."""


@dataclass(frozen=True)
class Head:
    """The log-odds of a row are vector . weights + bias; as a head of two classes, those of the first are 0."""

    weights: np.ndarray
    bias: float

    @property
    def of_classes(self) -> tuple[np.ndarray, np.ndarray]:
        """(2, d) weights and (2,) bias, float32."""
        return np.stack([np.zeros_like(self.weights), self.weights]), np.array([0, self.bias], np.float32)

    def logits(self, vectors: np.ndarray) -> np.ndarray:
        """(n,) float32 log-odds."""
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
    """All vectors through the head, block by block, by the arithmetic of the server, in this process."""

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
        weights, bias = head.of_classes
        if self.measure == "max_entropy":
            return entropy(block @ weights.T + bias)
        both = block @ np.vstack([weights, direction]).T
        return entropy(both[:, :2] + bias) * np.maximum(both[:, 2] / lengths, 0)


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
            head=head.of_classes,
            measure=self.measure,
            count=self.batch,
            k=self.variant.k,
            random_share=self.variant.random_share,
            seed=self.seed,
        )
        added = selection.added
        self.candidates = added if self.candidates is None else self.candidates.updated(added)
        return Choice(selection.ids, selection.candidate_count)


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
    """(n,) of (n, 2) logits, in nats, as the server computes it."""
    return uncertainty_of_logits(logits, task=tasks.Task.MULTICLASS, temperature=1.0, measure=Measure.MAX_ENTROPY)
