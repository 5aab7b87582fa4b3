"""One seed: ten letters, each way to learn them, and the balanced accuracy of each."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch

from examples.letters.long_tail.service import balanced_accuracy, class_weights, with_pseudo_labels
from examples.letters.long_tail.tails import Task, task
from examples.letters.long_tail.training import Encoder, Network, fitted, pretrained
from examples.letters.rows import letters

IMBALANCES = (10, 50, 100)
MIDDLE = 50
"""The imbalance of labels where rows without labels vary."""
UNLABELLED_IMBALANCES = (1, 10, 50, 100)
RELEVANCES = (0.0, 0.25, 0.5, 0.75, 1.0)
NOVELTY_ALPHA = 0.2
"""Higher than the service's default: an unrelated row that stays costs more than a healthy one that goes."""
EFFECTIVE_NUMBER = 0.99

Run = dict[str, dict[float, dict[str, float]]]
"""By table, by what varies in it, by way: balanced accuracy."""


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

    def weighted(self, effective_number: float | None) -> Network:
        """From labels, with the weights of classes that the service gives."""
        weights = class_weights(self.supervised, self.task, effective_number=effective_number)
        return fitted(self.task.rows, self.task.classes, seed=self.seed, class_weights=weights)

    def over_sampled(self) -> Network:
        """From labels, of each class as often."""
        return fitted(self.task.rows, self.task.classes, seed=self.seed, over_sampled=True)

    def pseudo_labelled(self, *, quotas: bool, novelty_alpha: float | None = None, begin: bool = False) -> Network:
        """From labels and those that the first network gives.

        Args:
            quotas: no more of each class than it lacks to the most frequent one; else all rows have labels.
            novelty_alpha: as in with_pseudo_labels.
            begin: give labels by the pre-trained network, and begin with its encoder again.
        """
        counts = np.bincount(self.task.classes)
        rule = {"quotas": counts.max() - counts} if quotas else {"thresholds": 0}
        teacher = self.pretrained if begin else self.supervised
        rows, classes = with_pseudo_labels(teacher, self.task, novelty_alpha=novelty_alpha, **rule)
        return fitted(rows, classes, seed=self.seed, encoder=self.encoder if begin else None)


Ways = dict[str, Callable[[Learner], Network]]
BASELINES: Ways = {
    "supervised": lambda learner: learner.supervised,
    "re-weighted, n / (n_c c)": lambda learner: learner.weighted(None),
    "re-weighted, effective number": lambda learner: learner.weighted(EFFECTIVE_NUMBER),
    "over-sampled": Learner.over_sampled,
}
WAYS: Ways = {
    "pseudo-labels for all rows": lambda learner: learner.pseudo_labelled(quotas=False),
    "pseudo-labels by quotas": lambda learner: learner.pseudo_labelled(quotas=True),
    "pre-trained": lambda learner: learner.pretrained,
    "pre-trained, pseudo-labels by quotas": lambda learner: learner.pseudo_labelled(quotas=True, begin=True),
}
WITHOUT_NOVEL: Ways = {
    f"{name}, none for novel ones": lambda learner, quotas=quotas: learner.pseudo_labelled(
        quotas=quotas, novelty_alpha=NOVELTY_ALPHA
    )
    for name, quotas in {"pseudo-labels for all rows": False, "pseudo-labels by quotas": True}.items()
}
TABLES: dict[str, Ways] = {
    "imbalance": BASELINES | WAYS,
    "unlabelled imbalance": {"supervised": BASELINES["supervised"], **WAYS},
    "relevance": {"supervised": BASELINES["supervised"], **WAYS, **WITHOUT_NOVEL},
}


def run(seed: int, *, short: bool = False) -> Run:
    """All tables; the short form has one column of each."""
    torch.set_num_threads(1)
    varied: dict[str, dict[float, dict[str, float]]] = {
        "imbalance": {each: {"imbalance": each, "unlabelled_imbalance": each} for each in IMBALANCES},
        "unlabelled imbalance": {each: {"unlabelled_imbalance": each} for each in UNLABELLED_IMBALANCES},
        "relevance": {each: {"relevance": each} for each in RELEVANCES},
    }
    found: Run = {}
    for name, columns in varied.items():
        kept = dict(list(columns.items())[:1]) if short else columns
        found[name] = {value: _accuracies(seed, TABLES[name], **settings) for value, settings in kept.items()}
    return found


def _accuracies(seed: int, ways: Ways, **settings: float) -> dict[str, float]:
    standard = {"imbalance": MIDDLE, "unlabelled_imbalance": MIDDLE, "relevance": 1.0}
    drawn = task(letters(), **{**standard, **settings}, random=np.random.default_rng(seed))
    learner = Learner(drawn, seed)
    return {name: balanced_accuracy(way(learner), drawn) for name, way in ways.items()}
