"""One seed: ten letters, each way to learn them, and the balanced accuracy of each."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch

from examples.letters.long_tail.figures import IMBALANCES, MIDDLE, RELEVANCES, UNLABELLED_IMBALANCES, Run
from examples.letters.long_tail.service import (
    balanced_accuracy,
    class_weights,
    novel_shares,
    with_pseudo_labels,
)
from examples.letters.long_tail.tails import Task, task
from examples.letters.long_tail.training import Encoder, Network, fitted, pretrained
from examples.letters.rows import letters

NOVELTY_ALPHA = 0.2
"""Higher than the service's default: an unrelated row that stays costs more than a healthy one that goes."""
EFFECTIVE_NUMBER = 0.99


@dataclass
class Learner:
    """Each way to learn a task, and what several of them need."""

    task: Task
    seed: int

    @cached_property
    def supervised(self) -> Network:
        """From labels alone."""
        return fitted(self.task.rows, self.task.classes, seed=self.seed)

    @cached_property
    def encoder(self) -> Encoder:
        """From all rows, without labels."""
        return pretrained(np.concatenate([self.task.rows, self.task.unlabelled]), seed=self.seed)

    @cached_property
    def pretrained(self) -> Network:
        """From labels, beginning with that."""
        return fitted(self.task.rows, self.task.classes, seed=self.seed, encoder=self.encoder)

    @cached_property
    def weighted(self) -> Network:
        """From labels, with classes weighed by how many rows they have."""
        return self._weighted(self.task.rows, self.task.classes)

    def by_effective_number(self) -> Network:
        """The same, by their effective numbers."""
        return self._weighted(self.task.rows, self.task.classes, effective_number=EFFECTIVE_NUMBER)

    def over_sampled(self) -> Network:
        """From labels, of each class as often."""
        return fitted(self.task.rows, self.task.classes, seed=self.seed, over_sampled=True)

    def pseudo_labelled(self, *, quotas: bool, novelty_alpha: float | None = None) -> Network:
        """From labels, and those that the supervised network gives; arguments as in _with_pseudo_labels."""
        rows, classes = self._with_pseudo_labels(self.supervised, quotas=quotas, novelty_alpha=novelty_alpha)
        return fitted(rows, classes, seed=self.seed)

    def pretrained_and_pseudo_labelled(self) -> Network:
        """The pre-trained network gives labels by quotas, and its encoder is where the next one begins."""
        rows, classes = self._with_pseudo_labels(self.pretrained)
        return fitted(rows, classes, seed=self.seed, encoder=self.encoder)

    def weighted_and_pseudo_labelled(self) -> Network:
        """The re-weighted network gives labels by quotas, and all labels are weighed anew."""
        return self._weighted(*self._with_pseudo_labels(self.weighted))

    def _weighted(self, rows: np.ndarray, classes: np.ndarray, effective_number: float | None = None) -> Network:
        weights = class_weights(self.supervised, np.bincount(classes), effective_number=effective_number)
        return fitted(rows, classes, seed=self.seed, class_weights=weights)

    def _with_pseudo_labels(
        self, teacher: Network, *, quotas: bool = True, novelty_alpha: float | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """All rows that have a label then.

        Args:
            teacher: gives labels.
            quotas: no more of each class than it lacks to the most frequent one; else to all rows.
            novelty_alpha: as in with_pseudo_labels.
        """
        counts = np.bincount(self.task.classes)
        rule = {"quotas": counts.max() - counts} if quotas else {"thresholds": 0}
        return with_pseudo_labels(teacher, self.task, novelty_alpha=novelty_alpha, **rule)


Ways = dict[str, Callable[[Learner], Network]]
SUPERVISED: Ways = {"supervised": lambda learner: learner.supervised}
BASELINES: Ways = {
    "re-weighted, n / (n_c c)": lambda learner: learner.weighted,
    "re-weighted, effective number": Learner.by_effective_number,
    "over-sampled": Learner.over_sampled,
}
WAYS: Ways = {
    "pseudo-labels for all rows": lambda learner: learner.pseudo_labelled(quotas=False),
    "pseudo-labels by quotas": lambda learner: learner.pseudo_labelled(quotas=True),
    "pre-trained": lambda learner: learner.pretrained,
    "pre-trained, pseudo-labels by quotas": Learner.pretrained_and_pseudo_labelled,
    "re-weighted, pseudo-labels by quotas": Learner.weighted_and_pseudo_labelled,
}
WITHOUT_NOVEL: Ways = {
    f"{name}, none for novel ones": lambda learner, quotas=quotas: learner.pseudo_labelled(
        quotas=quotas, novelty_alpha=NOVELTY_ALPHA
    )
    for name, quotas in {"pseudo-labels for all rows": False, "pseudo-labels by quotas": True}.items()
}
TABLES: dict[str, Ways] = {
    "imbalance": SUPERVISED | BASELINES | WAYS,
    "unlabelled imbalance": SUPERVISED | WAYS,
    "relevance": SUPERVISED | WAYS | WITHOUT_NOVEL,
}


def run(seed: int, *, short: bool = False) -> Run:
    """All tables; the short form has one column of each."""
    torch.set_num_threads(1)
    varied: dict[str, dict[float, dict[str, float]]] = {
        "imbalance": {each: {"imbalance": each, "unlabelled_imbalance": each} for each in IMBALANCES},
        "unlabelled imbalance": {each: {"unlabelled_imbalance": each} for each in UNLABELLED_IMBALANCES},
        "relevance": {each: {"unlabelled_imbalance": 1, "relevance": each} for each in RELEVANCES},
    }
    found: Run = {"novel": {0.5: _novel(Learner(_task(seed, unlabelled_imbalance=1, relevance=0.5), seed))}}
    for name, columns in varied.items():
        kept = dict(list(columns.items())[:1]) if short else columns
        found[name] = {
            value: _accuracies(Learner(_task(seed, **settings), seed), TABLES[name])
            for value, settings in kept.items()
        }
    return found


def _task(seed: int, *, imbalance: float = MIDDLE, unlabelled_imbalance: float, relevance: float = 1.0) -> Task:
    return task(
        letters(),
        imbalance=imbalance,
        unlabelled_imbalance=unlabelled_imbalance,
        relevance=relevance,
        random=np.random.default_rng(seed),
    )


def _accuracies(learner: Learner, ways: Ways) -> dict[str, float]:
    return {name: balanced_accuracy(way(learner), learner.task) for name, way in ways.items()}


def _novel(learner: Learner) -> dict[str, float]:
    """The shares that are left out, of rows of which the first half is of the ten letters."""
    half = len(learner.task.unlabelled) // 2
    shares = novel_shares(learner.supervised, learner.task, alpha=NOVELTY_ALPHA, related=half)
    return dict(zip(("related", "unrelated"), shares, strict=True))
