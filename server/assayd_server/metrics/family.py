"""Families of series that are told apart by labels, read when somebody asks for the metrics.

A call updates a dozen series. The Prometheus client's own counters and histograms take several calls and locks for
each, which is felt beside a model of twenty microseconds; these take one.
"""

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from threading import Lock
from typing import Generic, TypeVar

from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

Series = TypeVar("Series")


class Family(Collector, Generic[Series]):
    """Series by the values of their labels."""

    def __init__(
        self, name: str, documentation: str, labels: Sequence[str], *, registry: CollectorRegistry
    ) -> None:
        """Declare it.

        Args:
            name: of the metric.
            documentation: what it tells.
            labels: the names of the labels.
            registry: shows it.
        """
        self._name = name
        self._documentation = documentation
        self._label_names = labels
        self._series: dict[tuple[str, ...], Series] = {}
        self._lock = Lock()
        registry.register(self)

    def labels(self, *values: str) -> Series:
        """The series with these values, which is shown from now on."""
        with self._lock:
            return self._series.setdefault(values, self._new())

    def remove(self, *values: str) -> None:
        """Show a series no more, if it is there; who holds it counts on unseen."""
        with self._lock:
            self._series.pop(values, None)

    def collect(self) -> Iterator[Metric]:
        """Every series as it is now."""
        with self._lock:
            series = list(self._series.items())
        yield self._metric(series)

    @abstractmethod
    def _new(self) -> Series:
        """A series at its beginning."""

    @abstractmethod
    def _metric(self, series: Sequence[tuple[tuple[str, ...], Series]]) -> Metric:
        """All series, by the values of their labels."""
