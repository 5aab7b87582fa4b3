"""Every metric, declared once. docs/metrics.md describes them; a test compares the two."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics
from prometheus_client.gc_collector import GCCollector
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

from assayd_server.bundle import Identity
from assayd_server.core.scores import MEASURES
from assayd_server.core.tasks import Task
from assayd_server.drift_counts import DriftCountsCollector, RecordedDrift
from assayd_server.row_counts import COUNTED, RowCounts, RowCountsCollector

disable_created_metrics()  # type: ignore[no-untyped-call]  # a series more for each counter and histogram, which nobody asks for

_SECONDS_BUCKETS = (
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
)  # fmt: skip
_ROWS_BUCKETS = tuple(2.0**power for power in range(15))
_MODEL = ("model", "version")
_METHOD = ("grpc_type", "grpc_service", "grpc_method")


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


@dataclass(frozen=True, slots=True)
class PoolMetrics:
    """The metrics of the pool beside one model version, with their labels filled in."""

    search: Histogram
    queries: Counter
    checked: Counter
    found: Counter


class MethodMetrics:
    """The metrics of one RPC, with their labels filled in."""

    def __init__(self, started: Counter, handled: dict[str, Counter], seconds: Histogram) -> None:
        self._started = started
        self._handled = handled
        self._seconds = seconds

    def start(self) -> None:
        """A call has begun."""
        self._started.inc()

    def end(self, code: str, seconds: float) -> None:
        """A call has ended.

        Args:
            code: the status as Prometheus users know it: OK, InvalidArgument and so on.
            seconds: how long it took.
        """
        self._handled[code].inc()
        self._seconds.observe(seconds)


CODES = (
    "OK", "Canceled", "Unknown", "InvalidArgument", "DeadlineExceeded", "NotFound", "AlreadyExists",
    "PermissionDenied", "ResourceExhausted", "FailedPrecondition", "Aborted", "OutOfRange", "Unimplemented",
    "Internal", "Unavailable", "DataLoss", "Unauthenticated",
)  # fmt: skip


class Metrics:
    """The metrics of one server, in a registry of its own."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Declare them all.

        Args:
            registry: what /metrics shows.
        """
        for process_wide in (ProcessCollector, PlatformCollector, GCCollector):
            process_wide(registry=registry)
        self._started = Counter("grpc_server_started", "Calls begun.", _METHOD, registry=registry)
        self._handled = Counter(
            "grpc_server_handled", "Calls ended, by status.", (*_METHOD, "grpc_code"), registry=registry
        )
        self._handling = Histogram(
            "grpc_server_handling_seconds",
            "Time from a call's message to its answer.",
            _METHOD,
            buckets=_SECONDS_BUCKETS,
            registry=registry,
        )
        self._stages = Histogram(
            "assayd_stage_seconds",
            "Time of one call by stage: queue (for the forward pass), inference, search (of the pool), total.",
            (*_MODEL, "stage"),
            buckets=_SECONDS_BUCKETS,
            registry=registry,
        )
        self._rows = Counter("assayd_rows", "Rows scored by the model.", _MODEL, registry=registry)
        self._invalid_rows = Counter(
            "assayd_invalid_rows", "Rows whose scores came out as NaN or infinite.", _MODEL, registry=registry
        )
        self._executions = Counter("assayd_executions", "Forward passes.", _MODEL, registry=registry)
        self._abandoned = Counter(
            "assayd_abandoned_calls",
            "Calls that expired or were cancelled while they waited: nothing was computed for them.",
            _MODEL,
            registry=registry,
        )
        self._batch_rows = Histogram(
            "assayd_batch_rows",
            "Rows of a forward pass, of all calls that were merged into it.",
            _MODEL,
            buckets=_ROWS_BUCKETS,
            registry=registry,
        )
        self._pending_rows = Gauge(
            "assayd_pending_rows", "Rows waiting for their forward pass or in it.", _MODEL, registry=registry
        )
        self._model_info = Gauge(
            "assayd_model_info", "1 for each loaded model version.", (*_MODEL, "digest"), registry=registry
        )
        self._pool_info = Gauge(
            "assayd_pool_info", "1 for each pool.", (*_MODEL, "digest", "index_kind"), registry=registry
        )
        self._pool_rows = Gauge("assayd_pool_rows", "Rows of the pool.", _MODEL, registry=registry)
        self._queries = Counter(
            "assayd_search_queries", "Rows searched for in the pool.", _MODEL, registry=registry
        )
        self._recall_checked = Counter(
            "assayd_recall_checked_neighbors",
            "True neighbours of those rows that were searched for once more, exactly.",
            _MODEL,
            registry=registry,
        )
        self._recall_found = Counter(
            "assayd_recall_found_neighbors",
            "Those of them that the index had found: found over checked is the recall.",
            _MODEL,
            registry=registry,
        )
        self._failed_models = Gauge(
            "assayd_failed_models", "Model versions on disk that could not be loaded.", registry=registry
        )
        self._threads = Gauge(
            "assayd_threads", "Threads by purpose: inference, calls.", ("purpose",), registry=registry
        )
        self.calls = Gauge("assayd_calls", "Calls that have a thread or wait for one.", registry=registry)
        self.streams = Gauge("assayd_streams", "Streams that are open, of streams_max.", registry=registry)
        self.unread_bytes = Gauge(
            "assayd_unread_answer_bytes",
            "Answers that are made and wait for their callers to read.",
            registry=registry,
        )
        self.refused = Counter(
            "assayd_refused_calls", "Calls refused at once because the server was full.", registry=registry
        )
        self.stalled = Counter(
            "assayd_stalled_calls", "Calls cancelled because their message did not come.", registry=registry
        )
        self._build = Gauge("assayd_build_info", "1, with the server's version.", ("version",), registry=registry)
        self._counts = RowCountsCollector()
        registry.register(self._counts)
        self._drift = DriftCountsCollector()
        registry.register(self._drift)

    def describe(self, *, version: str, threads: dict[str, int], failed_models: int) -> None:
        """Set what does not change while the server runs."""
        self._build.labels(version).set(1)
        self._failed_models.set(failed_models)
        for purpose, count in threads.items():
            self._threads.labels(purpose).set(count)

    def model(self, identity: Identity, labels: tuple[str, ...], task: Task = Task.MULTICLASS) -> ModelMetrics:
        """The metrics of a model version, all at zero.

        Args:
            identity: the model.
            labels: one for each class.
            task: what the model tells of a row.
        """
        key = (identity.name, str(identity.version))
        counts = RowCounts(labels, (measure for measure in MEASURES[task] if measure in COUNTED))
        self._counts.add_model(*key, counts)
        self._model_info.labels(*key, identity.digest).set(1)
        return ModelMetrics(
            queue=self._stages.labels(*key, "queue"),
            inference=self._stages.labels(*key, "inference"),
            total=self._stages.labels(*key, "total"),
            rows=self._rows.labels(*key),
            invalid_rows=self._invalid_rows.labels(*key),
            executions=self._executions.labels(*key),
            abandoned=self._abandoned.labels(*key),
            batch_rows=self._batch_rows.labels(*key),
            pending_rows=self._pending_rows.labels(*key),
            counts=counts,
        )

    def pool(self, identity: Identity, *, digest: str, index_kind: str, row_count: int) -> PoolMetrics:
        """The metrics of the pool beside a model version, all at zero.

        Args:
            identity: the model.
            digest: of the pool.
            index_kind: such as "flat".
            row_count: N.
        """
        key = (identity.name, str(identity.version))
        self._pool_info.labels(*key, digest, index_kind).set(1)
        self._pool_rows.labels(*key).set(row_count)
        return PoolMetrics(
            search=self._stages.labels(*key, "search"),
            queries=self._queries.labels(*key),
            checked=self._recall_checked.labels(*key),
            found=self._recall_found.labels(*key),
        )

    def drift(self, identity: Identity, recorded: RecordedDrift) -> None:
        """Show what is counted of the production rows of a model version.

        Args:
            identity: the model.
            recorded: what is counted.
        """
        self._drift.add_model(identity.name, str(identity.version), recorded)

    def method(self, path: str, *, streaming: bool = False) -> MethodMetrics:
        """The metrics of an RPC, all at zero.

        Args:
            path: such as /assayd.v1.ScoringService/Score.
            streaming: whether it is one of streams in both directions.
        """
        _, service, method = path.split("/")
        key = ("bidi_stream" if streaming else "unary", service, method)
        handled = {code: self._handled.labels(*key, code) for code in CODES}
        return MethodMetrics(self._started.labels(*key), handled, self._handling.labels(*key))
