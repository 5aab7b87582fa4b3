"""Metrics of the pool beside a model version."""

from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Gauge

from assayd_server.bundle import Identity
from assayd_server.metrics.histogram import Histogram, Histograms
from assayd_server.metrics.models import MODEL, key_of, remove_series


@dataclass(frozen=True, slots=True)
class PoolMetrics:
    """The metrics of the pool beside one model version, with their labels filled in."""

    search: Histogram
    queries: Counter
    checked: Counter
    found: Counter


class PoolFamilies:
    """The metrics of all pools."""

    def __init__(self, registry: CollectorRegistry, *, stages: Histograms) -> None:
        """Declare them.

        Args:
            registry: where they are shown.
            stages: times by model, version and stage.
        """
        self._stages = stages
        self._shown: dict[tuple[str, str], tuple[str, str]] = {}
        self._info = Gauge(
            "assayd_pool_info", "1 for each pool.", (*MODEL, "digest", "index_kind"), registry=registry
        )
        self._pool_rows = Gauge("assayd_pool_rows", "Rows of the pool.", MODEL, registry=registry)
        self._queries = Counter(
            "assayd_search_queries", "Rows searched for in the pool.", MODEL, registry=registry
        )
        self._checked = Counter(
            "assayd_recall_checked_neighbors",
            "True neighbours of those rows that were searched for once more, exactly.",
            MODEL,
            registry=registry,
        )
        self._found = Counter(
            "assayd_recall_found_neighbors",
            "Those of them that the index had found: found over checked is the recall.",
            MODEL,
            registry=registry,
        )

    def of(self, identity: Identity, *, digest: str, index_kind: str, row_count: int) -> PoolMetrics:
        """Those of the pool beside one version, all at zero.

        Args:
            identity: the model.
            digest: of the pool.
            index_kind: such as "flat".
            row_count: N.
        """
        key = key_of(identity)
        self._shown[key] = digest, index_kind
        self._info.labels(*key, digest, index_kind).set(1)
        self._pool_rows.labels(*key).set(row_count)
        return PoolMetrics(
            search=self._stages.labels(*key, "search"),
            queries=self._queries.labels(*key),
            checked=self._checked.labels(*key),
            found=self._found.labels(*key),
        )

    def forget(self, identity: Identity) -> None:
        """Show those of the pool beside a version no more, if there is one."""
        key = key_of(identity)
        if key in self._shown:
            remove_series(self._info, *key, *self._shown.pop(key))
            for metric in (self._pool_rows, self._queries, self._checked, self._found):
                remove_series(metric, *key)
