"""Histograms that cost a call a fraction of a microsecond.

The Prometheus client's own look at every bucket and take two locks for each value; a call has five values.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import accumulate
from threading import Lock

from prometheus_client import CollectorRegistry
from prometheus_client.core import HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString


class Histogram:
    """One series of a family."""

    __slots__ = ("_bounds", "_counts", "_lock", "_sum")

    def __init__(self, bounds: Sequence[float]) -> None:
        """Nothing was observed yet.

        Args:
            bounds: the largest value of each bucket, ascending; what is above the last one has a bucket too.
        """
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0
        self._lock = Lock()

    def observe(self, value: float, times: int = 1) -> None:
        """Count a value, so many times."""
        bucket = bisect_left(self._bounds, value)
        with self._lock:
            self._counts[bucket] += times
            self._sum += times * value

    def read(self) -> tuple[list[int], float]:
        """How many values are in each bucket or one below it, and the sum of all; of the same moment."""
        with self._lock:
            return list(accumulate(self._counts)), self._sum


class Histograms(Collector):
    """A family of histograms, by the values of their labels."""

    def __init__(
        self,
        name: str,
        documentation: str,
        labels: Sequence[str],
        *,
        buckets: Sequence[float],
        registry: CollectorRegistry,
    ) -> None:
        """Declare it; the arguments are those of the Prometheus client's own."""
        self._name = name
        self._documentation = documentation
        self._label_names = labels
        self._bounds = buckets
        self._texts = [*map(floatToGoString, buckets), "+Inf"]
        self._series: dict[tuple[str, ...], Histogram] = {}
        self._lock = Lock()
        registry.register(self)

    def labels(self, *values: str) -> Histogram:
        """The series with these values, which is shown from now on."""
        with self._lock:
            return self._series.setdefault(values, Histogram(self._bounds))

    def remove(self, *values: str) -> None:
        """Show a series no more, if it is there; who holds it counts on unseen."""
        with self._lock:
            self._series.pop(values, None)

    def collect(self) -> Iterator[Metric]:
        """Every series as it is now."""
        family = HistogramMetricFamily(self._name, self._documentation, labels=self._label_names)
        with self._lock:
            series = list(self._series.items())
        for values, histogram in series:
            counts, total = histogram.read()
            family.add_metric(values, list(zip(self._texts, counts, strict=True)), total)
        yield family
