"""Counters of what calls do."""

from collections.abc import Sequence
from threading import Lock

from prometheus_client.core import CounterMetricFamily, Metric

from assayd_server.metrics.family import Family


class Counter:
    """One series of a family; it only ever grows."""

    __slots__ = ("_lock", "value")

    def __init__(self) -> None:
        """At zero."""
        self.value = 0.0
        self._lock = Lock()

    def inc(self, amount: float = 1) -> None:
        """Add an amount, 0 or more."""
        with self._lock:
            self.value += amount


class Counters(Family[Counter]):
    """A family of counters."""

    def _new(self) -> Counter:
        return Counter()

    def _metric(self, series: Sequence[tuple[tuple[str, ...], Counter]]) -> Metric:
        family = CounterMetricFamily(self._name, self._documentation, labels=self._label_names)
        for values, counter in series:
            family.add_metric(values, counter.value)
        return family
