"""Metrics of each RPC, named as every gRPC server's are."""

from prometheus_client import CollectorRegistry

from assayd_server.metrics.buckets import SECONDS
from assayd_server.metrics.counter import Counter, Counters
from assayd_server.metrics.histogram import Histogram, Histograms

_METHOD = ("grpc_type", "grpc_service", "grpc_method")

CODES = (
    "OK", "Canceled", "Unknown", "InvalidArgument", "DeadlineExceeded", "NotFound", "AlreadyExists",
    "PermissionDenied", "ResourceExhausted", "FailedPrecondition", "Aborted", "OutOfRange", "Unimplemented",
    "Internal", "Unavailable", "DataLoss", "Unauthenticated",
)  # fmt: skip


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


class MethodFamilies:
    """The metrics of all RPCs."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Declare them."""
        self._started = Counters("grpc_server_started", "Calls begun.", _METHOD, registry=registry)
        self._handled = Counters(
            "grpc_server_handled", "Calls ended, by status.", (*_METHOD, "grpc_code"), registry=registry
        )
        self._handling = Histograms(
            "grpc_server_handling_seconds",
            "Time from a call's message to its answer.",
            _METHOD,
            buckets=SECONDS,
            registry=registry,
        )

    def of(self, path: str, *, streaming: bool) -> MethodMetrics:
        """Those of one RPC, all at zero.

        Args:
            path: such as /assayd.v1.ScoringService/Score.
            streaming: whether it is one of streams in both directions.
        """
        _, service, method = path.split("/")
        key = ("bidi_stream" if streaming else "unary", service, method)
        handled = {code: self._handled.labels(*key, code) for code in CODES}
        return MethodMetrics(self._started.labels(*key), handled, self._handling.labels(*key))
