"""Counts of scored rows, by predicted class and by uncertainty: whole arrays at a time.

One int64 array a model behind a collector: adding a batch costs a few microseconds, where a counter object for
every class and every bucket would cost that for each of them.
"""

import threading
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from assayd_server.core.arrays import Floats, Integers
from assayd_server.core.label_uncertainty import multilabel_mean
from assayd_server.core.tasks import Task
from assayd_server.core.uncertainty import Measure, least_confidence

CLASSES_MAX = 100
"""Classes with a series of their own; the ones after them are counted together as "other"."""
COUNTED = frozenset(Measure) - {Measure.MAX_ENTROPY, Measure.INFORMATION_DENSITY}
"""Measures within [0, 1], which the buckets are for."""
KEPT_ROWS = 4096
"""Counting so many rows together takes a hundredth of what it takes to count each by itself."""
KEPT_CALLS = 256
"""So that no call waits for long for the rows of those before it to be counted."""
KEPT_BYTES = 1 << 20
"""Of what is kept to be counted."""
_ALWAYS_COUNTED = {
    Task.MULTICLASS: (Measure.LEAST_CONFIDENCE, least_confidence),
    Task.MULTILABEL: (Measure.MULTILABEL_MEAN, multilabel_mean),
}
"""A measure of every row, whatever its call asked for."""
BUCKET_EDGES = np.round(np.arange(1, 11) / 10, 1)


class _Kept(NamedTuple):
    """Rows of one call, or of calls that were scored together."""

    task: Task
    predictions: Integers
    probabilities: Floats
    uncertainties: Mapping[Measure, Floats]

    @property
    def kind(self) -> tuple[Hashable, ...]:
        """What has the same can be counted together."""
        return (self.task, *self.uncertainties)


class RowCounts:
    """The counts of one model version."""

    def __init__(self, labels: Iterable[str], measures: Iterable[Measure]) -> None:
        """Begin at zero.

        Args:
            labels: one for each class.
            measures: those that the model's rows can have.
        """
        names = list(labels)
        self.classes = names[:CLASSES_MAX] + [_unlike(names)] * (len(names) > CLASSES_MAX)
        self.class_rows = np.zeros(len(self.classes), np.int64)
        self.bucket_rows = {measure: np.zeros(len(BUCKET_EDGES), np.int64) for measure in measures}
        self.sums = dict.fromkeys(self.bucket_rows, 0.0)
        self._lock = threading.Lock()
        self._kept: list[_Kept] = []
        self._kept_rows = 0
        self._kept_bytes = 0

    def add_later(
        self, task: Task, predictions: Integers, probabilities: Floats, uncertainties: Mapping[Measure, Floats]
    ) -> None:
        """Count rows by their classes, by the measures given and by the one of the task that is always counted.

        They are counted when there are enough of them, or when somebody looks.

        Args:
            task: of one class a row, or of any number of labels.
            predictions: (n,), the class of each row.
            probabilities: (n, c); is not changed any more.
            uncertainties: (n,) each, within [0, 1].
        """
        with self._lock:
            self._kept.append(_Kept(task, predictions, probabilities, uncertainties))
            self._kept_rows += len(predictions)
            self._kept_bytes += probabilities.nbytes
            full = self._kept_rows >= KEPT_ROWS or self._kept_bytes >= KEPT_BYTES
            due = full or len(self._kept) >= KEPT_CALLS
        if due:
            self._count_kept()

    def add(self, predictions: Integers, uncertainties: Mapping[Measure, Floats]) -> None:
        """Count rows.

        Args:
            predictions: class positions, one for each class that was predicted of a row.
            uncertainties: (n,) each, a value a row.
        """
        places = np.minimum(predictions, len(self.classes) - 1)
        rows = np.bincount(places, minlength=len(self.classes))
        buckets = {measure: _bucketed(values) for measure, values in uncertainties.items()}
        with self._lock:
            self.class_rows += rows
            for measure, counted in buckets.items():
                self.bucket_rows[measure] += counted
                self.sums[measure] += float(uncertainties[measure].sum())

    def snapshot(self) -> tuple[list[int], dict[Measure, tuple[Integers, float]]]:
        """Rows by class, and by measure rows by bucket with their sum, all of the same moment."""
        self._count_kept()
        with self._lock:
            measures: dict[Measure, tuple[Integers, float]] = {
                measure: (rows.copy(), self.sums[measure]) for measure, rows in self.bucket_rows.items()
            }
            return self.class_rows.tolist(), measures

    def _count_kept(self) -> None:
        with self._lock:
            kept, self._kept, self._kept_rows, self._kept_bytes = self._kept, [], 0, 0
        kinds: dict[tuple[Hashable, ...], list[_Kept]] = {}
        for one in kept:
            kinds.setdefault(one.kind, []).append(one)
        for alike in kinds.values():
            self._count_alike(alike)

    def _count_alike(self, kept: Sequence[_Kept]) -> None:
        task = kept[0].task
        probabilities = np.concatenate([one.probabilities for one in kept])
        uncertainties = {
            measure: np.concatenate([one.uncertainties[measure] for one in kept])
            for measure in kept[0].uncertainties
        }
        measure, formula = _ALWAYS_COUNTED[task]
        if measure not in uncertainties:
            uncertainties[measure] = formula(probabilities)
        if task is Task.MULTILABEL:
            predicted = np.nonzero(probabilities > 1 / 2)[1]
        else:
            predicted = np.concatenate([one.predictions for one in kept])
        self.add(predicted, uncertainties)


class RowCountsCollector(Collector):
    """Shows the counts of every model to Prometheus."""

    def __init__(self) -> None:
        self._counts: dict[tuple[str, str], RowCounts] = {}

    def add_model(self, name: str, version: str, counts: RowCounts) -> None:
        """Show one more model version."""
        self._counts[name, version] = counts

    def remove_model(self, name: str, version: str) -> None:
        """Show it no more."""
        self._counts.pop((name, version), None)

    def collect(self) -> Iterator[Metric]:
        """The counts as they are now."""
        predicted = CounterMetricFamily(
            "assayd_predicted_rows",
            f"Rows by predicted class, or by label above 1/2; those after the first {CLASSES_MAX} count as other.",
            labels=["model", "version", "class"],
        )
        uncertainty = HistogramMetricFamily(
            "assayd_uncertainty",
            "Rows by uncertainty: least_confidence, or multilabel_mean, of every row, others where a call asked.",
            labels=["model", "version", "measure"],
        )
        for key, counts in list(self._counts.items()):
            class_rows, measures = counts.snapshot()
            for label, rows in zip(counts.classes, class_rows, strict=True):
                predicted.add_metric([*key, label], rows)
            for measure, (buckets, total) in measures.items():
                uncertainty.add_metric([*key, measure.value], _cumulative(buckets), total)
        yield predicted
        yield uncertainty


def _unlike(names: list[str]) -> str:
    """A name for the other classes that no class has."""
    name = "other"
    while name in names:
        name = f"_{name}"
    return name


def _bucketed(values: Floats) -> Integers:
    return np.bincount(np.searchsorted(BUCKET_EDGES[:-1], values), minlength=len(BUCKET_EDGES))


def _cumulative(rows: Integers) -> list[tuple[str, float]]:
    totals = rows.cumsum().tolist()
    return [*zip(map(str, BUCKET_EDGES.tolist()), totals, strict=True), ("+Inf", totals[-1])]
