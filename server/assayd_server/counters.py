"""What counts the work of each loaded model."""

from collections.abc import Mapping, MutableMapping
from weakref import WeakKeyDictionary

from assayd_server.drift_recording import DriftRecording
from assayd_server.loaded_pool import LoadedPool
from assayd_server.metrics import Metrics, ModelMetrics, PoolMetrics
from assayd_server.repository import Failure, Follower
from assayd_server.servable import Servable


class Counters(Follower):
    """Made when a model comes; calls that have a model which is gone count on, where nobody looks any more."""

    def __init__(self, metrics: Metrics) -> None:
        """Nothing is there yet.

        Args:
            metrics: shows what is counted.
        """
        self._metrics = metrics
        self._models: MutableMapping[Servable, ModelMetrics] = WeakKeyDictionary()
        self._pools: MutableMapping[Servable, PoolMetrics] = WeakKeyDictionary()
        self._recordings: dict[Servable, DriftRecording] = {}

    @property
    def models(self) -> Mapping[Servable, ModelMetrics]:
        """Of every model that somebody has."""
        return self._models

    @property
    def pools(self) -> Mapping[Servable, PoolMetrics]:
        """Of every such model that has a pool."""
        return self._pools

    def recording(self, model: Servable) -> DriftRecording | None:
        """What counts the production rows of a model; None where it has no reference, or is gone."""
        return self._recordings.get(model)

    def added(self, model: Servable) -> None:
        """Count its work, and show it from the start."""
        identity = model.identity
        labels = model.labels or tuple(map(str, range(model.contract.class_count)))
        self._models[model] = self._metrics.model(identity, labels, model.contract.task)
        if model.pool is not None:
            self._pools[model] = _pool_metrics(model, model.pool, self._metrics)
        if model.reference is not None:
            self._recordings[model] = recording = DriftRecording(model, model.reference)
            self._metrics.drift(identity, recording)

    def removed(self, model: Servable) -> None:
        """Show it no more."""
        self._recordings.pop(model, None)
        self._metrics.forget(model.identity)

    def failed(self, failure: Failure) -> None:
        """The number of failures is read where it is."""


def _pool_metrics(model: Servable, pool: LoadedPool, metrics: Metrics) -> PoolMetrics:
    kind = pool.folder.manifest.kind
    return metrics.pool(model.identity, digest=pool.digest, index_kind=kind, row_count=len(pool))
