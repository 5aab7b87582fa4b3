"""Metrics of each model version."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Gauge
from prometheus_client.metrics import MetricWrapperBase

from assayd_server.bundle import Identity
from assayd_server.core.scores import MEASURES
from assayd_server.core.tasks import Task
from assayd_server.metrics.buckets import ROWS, SECONDS
from assayd_server.metrics.counter import Counter, Counters
from assayd_server.metrics.histogram import Histogram, Histograms
from assayd_server.row_counts import COUNTED, RowCounts, RowCountsCollector

MODEL = ("model", "version")
STAGES = ("queue", "inference", "search", "total")


@dataclass(frozen=True, slots=True)
class ModelMetrics:
    """The metrics of one model version, with their labels filled in."""

    queue: Histogram
    inference: Histogram
    total: Histogram
    rows: Counter
    invalid_rows: Counter
    executions: Counter
    abandoned: Counter
    """Calls whose caller stopped waiting for their pass."""
    batch_rows: Histogram
    pending_rows: Gauge
    counts: RowCounts

    @contextmanager
    def pending(self, row_count: int) -> Iterator[None]:
        """Rows that wait or run, for as long as the body takes."""
        self.pending_rows.inc(row_count)
        try:
            yield
        finally:
            self.pending_rows.dec(row_count)


def key_of(identity: Identity) -> tuple[str, str]:
    """The values of the labels."""
    return identity.name, str(identity.version)


def remove_series(metric: MetricWrapperBase, *labels: str) -> None:
    """Show a series no more, if it is there."""
    with suppress(KeyError):
        metric.remove(*labels)


class ModelFamilies:
    """The metrics of all model versions."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Declare them."""
        self.stages = Histograms(
            "assayd_stage_seconds",
            "Time of one call by stage: queue (for the forward pass), inference, search (of the pool), total.",
            (*MODEL, "stage"),
            buckets=SECONDS,
            registry=registry,
        )
        self._rows = Counters("assayd_rows", "Rows scored by the model.", MODEL, registry=registry)
        self._invalid_rows = Counters(
            "assayd_invalid_rows", "Rows whose scores came out as NaN or infinite.", MODEL, registry=registry
        )
        self._executions = Counters("assayd_executions", "Forward passes.", MODEL, registry=registry)
        self._abandoned = Counters(
            "assayd_abandoned_calls",
            "Calls that expired or were cancelled while they waited: nothing was computed for them.",
            MODEL,
            registry=registry,
        )
        self._batch_rows = Histograms(
            "assayd_batch_rows",
            "Rows of a forward pass, of all calls that were merged into it.",
            MODEL,
            buckets=ROWS,
            registry=registry,
        )
        self._pending_rows = Gauge(
            "assayd_pending_rows", "Rows waiting for their forward pass or in it.", MODEL, registry=registry
        )
        self._info = Gauge(
            "assayd_model_info", "1 for each loaded model version.", (*MODEL, "digest"), registry=registry
        )
        self._counts = RowCountsCollector()
        registry.register(self._counts)

    def of(self, identity: Identity, labels: tuple[str, ...], task: Task) -> ModelMetrics:
        """Those of one version, all at zero.

        Args:
            identity: the model.
            labels: one for each class.
            task: what the model tells of a row.
        """
        key = key_of(identity)
        counts = RowCounts(labels, (measure for measure in MEASURES[task] if measure in COUNTED))
        self._counts.add_model(*key, counts)
        self._info.labels(*key, identity.digest).set(1)
        return ModelMetrics(
            queue=self.stages.labels(*key, "queue"),
            inference=self.stages.labels(*key, "inference"),
            total=self.stages.labels(*key, "total"),
            rows=self._rows.labels(*key),
            invalid_rows=self._invalid_rows.labels(*key),
            executions=self._executions.labels(*key),
            abandoned=self._abandoned.labels(*key),
            batch_rows=self._batch_rows.labels(*key),
            pending_rows=self._pending_rows.labels(*key),
            counts=counts,
        )

    def forget(self, identity: Identity) -> None:
        """Show those of a version no more; what holds them counts on unseen."""
        key = key_of(identity)
        self._counts.remove_model(*key)
        remove_series(self._info, *key, identity.digest)
        for stage in STAGES:
            self.stages.remove(*key, stage)
        for metric in (self._rows, self._invalid_rows, self._executions, self._abandoned):
            metric.remove(*key)
        self._batch_rows.remove(*key)
        remove_series(self._pending_rows, *key)
