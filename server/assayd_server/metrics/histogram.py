"""Histograms of what calls take: values wait, and are sorted into buckets when many or somebody looks."""

from bisect import bisect_left
from collections import deque
from collections.abc import Sequence
from itertools import accumulate
from threading import Lock

from prometheus_client import CollectorRegistry
from prometheus_client.core import HistogramMetricFamily, Metric
from prometheus_client.utils import floatToGoString

from assayd_server.metrics.family import Family

_WAITING_MAX = 1024


class Histogram:
    """One series of a family."""

    __slots__ = ("_bounds", "_counts", "_lock", "_sum", "_waiting")

    def __init__(self, bounds: Sequence[float]) -> None:
        """Nothing was observed yet.

        Args:
            bounds: the largest value of each bucket, ascending; what is above the last one has a bucket too.
        """
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0
        self._lock = Lock()
        self._waiting: deque[tuple[float, int]] = deque()

    def observe(self, value: float, times: int = 1) -> None:
        """Count a value, so many times."""
        self._waiting.append((value, times))
        if len(self._waiting) >= _WAITING_MAX:
            with self._lock:
                self._sort()

    def read(self) -> tuple[list[int], float]:
        """How many values are in each bucket or one below it, and the sum of all; of the same moment."""
        with self._lock:
            self._sort()
            return list(accumulate(self._counts)), self._sum

    def _sort(self) -> None:
        """Those that wait now; others may come meanwhile, from other threads."""
        for _ in range(len(self._waiting)):
            value, times = self._waiting.popleft()
            self._counts[bisect_left(self._bounds, value)] += times
            self._sum += times * value


class Histograms(Family[Histogram]):
    """A family of histograms."""

    def __init__(
        self,
        name: str,
        documentation: str,
        labels: Sequence[str],
        *,
        buckets: Sequence[float],
        registry: CollectorRegistry,
    ) -> None:
        """Declare it; the arguments are those of Family, and the bounds of Histogram."""
        self._bounds = buckets
        self._texts = [*map(floatToGoString, buckets), "+Inf"]
        super().__init__(name, documentation, labels, registry=registry)

    def _new(self) -> Histogram:
        return Histogram(self._bounds)

    def _metric(self, series: Sequence[tuple[tuple[str, ...], Histogram]]) -> Metric:
        family = HistogramMetricFamily(self._name, self._documentation, labels=self._label_names)
        for values, histogram in series:
            counts, total = histogram.read()
            family.add_metric(values, list(zip(self._texts, counts, strict=True)), total)
        return family
