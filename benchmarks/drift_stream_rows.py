"""Endless streams of digits as a network scores them, healthy or with something that changes; for drift_stream.py.

The rows are digits that the network was not trained on, each drawn anew and with noise of its own, so that they
are exchangeable. Beside what comes of the network there is a sensor, a column of normal numbers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import logsumexp, softmax
from sklearn.datasets import load_digits
from sklearn.neural_network import MLPClassifier

from assayd_server.core.drift import BinKind, ColumnValues, DriftReference, fit_drift_reference
from assayd_server.core.drift.layout import component_values
from assayd_server.core.drift.watch import Change, Event, WatchPlan, WatchState, advance
from benchmarks.small_networks import hidden_layer, trained

NEW_CLASS = 9
"""No row of it is among those that the network was trained on, nor in the reference."""

NOISE = 1.0
"""Of pixels from 0 to 16."""

BROKEN_AT = 0.1
"""What a sensor says that is stuck."""


@dataclass(frozen=True)
class Rows:
    """Some rows, scored."""

    values: dict[str, np.ndarray]
    """(n,) for each column but those of the embedding."""

    embeddings: np.ndarray | None
    """(n, d) float32; None where they have none."""

    @property
    def count(self) -> int:
        """n."""
        return len(next(iter(self.values.values())))


class Digits:
    """A network of nine digits, and rows that it has not seen."""

    def __init__(self, seed: int) -> None:
        images, labels = load_digits(return_X_y=True)
        rng = np.random.default_rng(seed)
        training = rng.random(len(labels)) < 0.5
        known = training & (labels != NEW_CLASS)
        self._network: MLPClassifier = trained(images[known], labels[known], width=32, seed=seed)
        self._images = [images[~training & (labels == label)] for label in range(NEW_CLASS + 1)]
        self.rng = rng

    def rows(self, count: int, *, change: str = "") -> Rows:
        """So many of the known classes, each as frequent as any other, or changed as CHANGES says."""
        scored = self._scored(self._labels(count, change))
        sensor = self.rng.normal(0.5 if change == "mean shift" else 0, 1, count)
        if change in ("constant", "missing"):
            sensor[:] = BROKEN_AT if change == "constant" else np.nan
        return Rows({"sensor": sensor, **scored.values}, scored.embeddings)

    def _labels(self, count: int, change: str) -> np.ndarray:
        shares = np.full(NEW_CLASS + 1, 1 / NEW_CLASS)
        shares[NEW_CLASS] = 0
        if change == "new class":
            shares = np.append(np.full(NEW_CLASS, 0.95 / NEW_CLASS), 0.05)
        if change == "prior shift":
            shares = np.array([1 / 3, *[1 / 12] * (NEW_CLASS - 1), 0])
        return self.rng.choice(NEW_CLASS + 1, count, p=shares)

    def _scored(self, labels: np.ndarray) -> Rows:
        images = np.empty((len(labels), 64), np.float32)
        for label, own in enumerate(self._images):
            places = np.flatnonzero(labels == label)
            images[places] = own[self.rng.integers(0, len(own), len(places))]
        images += NOISE * self.rng.standard_normal(images.shape, np.float32)
        hidden = hidden_layer(self._network, np.clip(images, 0, 16))
        logits = hidden @ self._network.coefs_[1] + self._network.intercepts_[1]
        probabilities = softmax(logits, axis=1)
        logs = np.log(np.maximum(probabilities, 1e-30))
        values = {
            "predicted_class": probabilities.argmax(axis=1),
            "top_probability": probabilities.max(axis=1),
            "entropy": -(probabilities * logs).sum(axis=1),
            "novelty": -logsumexp(logits, axis=1),
        }
        return Rows(values, hidden)


CHANGES = ("mean shift", "new class", "prior shift", "constant", "missing")
"""The mean of the sensor by half a standard deviation; 5 % of rows of a class that was never seen; a class with a
third of the rows instead of a ninth; a sensor that says one thing only, or nothing."""


def reference_of(rows: Rows) -> DriftReference:
    """What streams of such rows are held against."""
    columns = [
        ColumnValues(
            name=name,
            values=values,
            kind=BinKind.CATEGORIES if name == "predicted_class" else BinKind.INTERVALS,
        )
        for name, values in rows.values.items()
    ]
    return fit_drift_reference(rows.count, columns, embeddings=rows.embeddings)


def matrix(rows: Rows, reference: DriftReference) -> np.ndarray:
    """All that the reference watches, for detectors of one number each: (n, s), classes as 0 or 1 for each."""
    assert reference.layout.embedding
    assert rows.embeddings is not None
    reduction = reference.layout.embedding.reduction
    components = component_values(reduction, reduction.reduce(rows.embeddings))
    numbers = {name: values for name, values in rows.values.items() if name != "predicted_class"} | components
    classes = rows.values["predicted_class"][:, np.newaxis] == np.arange(NEW_CLASS)
    return np.column_stack([*numbers.values(), classes])


def taken(state: WatchState, rows: Rows, by: WatchPlan) -> tuple[WatchState, list[Event]]:
    """The next rows of a stream."""
    return advance(state, (rows.count, rows.values, rows.embeddings), by)


def alarms_of(events: list[Event]) -> tuple[int, int]:
    """How many windows had drifted, and how many sums had passed their limits."""
    of_sums = sum(isinstance(event, Change) for event in events)
    return sum(not isinstance(event, Change) and event.verdict.drifted for event in events), of_sums
