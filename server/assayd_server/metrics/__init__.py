"""Every metric, declared once. docs/metrics.md describes them; a test compares the two."""

from prometheus_client import CollectorRegistry, Counter, Gauge, disable_created_metrics
from prometheus_client.gc_collector import GCCollector
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

from assayd_server.bundle import Identity
from assayd_server.core.tasks import Task
from assayd_server.drift_counts import DriftCountsCollector, RecordedDrift
from assayd_server.metrics.credentials import CredentialMetrics
from assayd_server.metrics.limits import LimitMetrics
from assayd_server.metrics.methods import CODES, MethodFamilies, MethodMetrics
from assayd_server.metrics.models import ModelFamilies, ModelMetrics, key_of
from assayd_server.metrics.pools import PoolFamilies, PoolMetrics

__all__ = ["CODES", "MethodMetrics", "Metrics", "ModelMetrics", "PoolMetrics"]

disable_created_metrics()  # type: ignore[no-untyped-call]  # a series more for each counter and histogram, which nobody asks for


class Metrics:
    """The metrics of one server, in a registry of its own."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Declare them all.

        Args:
            registry: what /metrics shows.
        """
        for process_wide in (ProcessCollector, PlatformCollector, GCCollector):
            process_wide(registry=registry)
        self._methods = MethodFamilies(registry)
        self._models = ModelFamilies(registry)
        self._pools = PoolFamilies(registry, stages=self._models.stages)
        self.failed_models = Gauge(
            "assayd_failed_models", "Model versions in the repository that could not be loaded.", registry=registry
        )
        polls = Counter(
            "assayd_repository_polls",
            "Looks at the repository, by result: ok, failed.",
            ("result",),
            registry=registry,
        )
        self.polls = {result: polls.labels(result) for result in ("ok", "failed")}
        self._threads = Gauge(
            "assayd_threads", "Threads by purpose: inference, calls.", ("purpose",), registry=registry
        )
        self.limits = LimitMetrics(registry)
        self.credentials = CredentialMetrics(registry)
        self.refused = Counter(
            "assayd_refused_calls", "Calls refused at once because the server was full.", registry=registry
        )
        self.stalled = Counter(
            "assayd_stalled_calls", "Calls cancelled because their message did not come.", registry=registry
        )
        self._build = Gauge("assayd_build_info", "1, with the server's version.", ("version",), registry=registry)
        self._drift = DriftCountsCollector()
        registry.register(self._drift)

    def describe(self, *, version: str, threads: dict[str, int]) -> None:
        """Set what does not change while the server runs."""
        self._build.labels(version).set(1)
        for purpose, count in threads.items():
            self._threads.labels(purpose).set(count)

    def model(self, identity: Identity, labels: tuple[str, ...], task: Task = Task.MULTICLASS) -> ModelMetrics:
        """The metrics of a model version, all at zero; the arguments are those of ModelFamilies.of."""
        return self._models.of(identity, labels, task)

    def pool(self, identity: Identity, *, digest: str, index_kind: str, row_count: int) -> PoolMetrics:
        """The metrics of the pool beside a model version; the arguments are those of PoolFamilies.of."""
        return self._pools.of(identity, digest=digest, index_kind=index_kind, row_count=row_count)

    def drift(self, identity: Identity, recorded: RecordedDrift) -> None:
        """Show what is counted of the production rows of a model version.

        Args:
            identity: the model.
            recorded: what is counted.
        """
        self._drift.add_model(*key_of(identity), recorded)

    def forget(self, identity: Identity) -> None:
        """Show nothing more of a model version that is gone."""
        self._models.forget(identity)
        self._pools.forget(identity)
        self._drift.remove_model(*key_of(identity))

    def method(self, path: str, *, streaming: bool = False) -> MethodMetrics:
        """The metrics of an RPC, all at zero; the arguments are those of MethodFamilies.of."""
        return self._methods.of(path, streaming=streaming)
