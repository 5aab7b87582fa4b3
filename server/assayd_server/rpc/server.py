"""Puts the gRPC server together: services, threads, options, health and reflection."""

from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from assayd.v1 import (
    monitoring_pb2,
    monitoring_pb2_grpc,
    retrieval_pb2,
    retrieval_pb2_grpc,
    scoring_pb2,
    scoring_pb2_grpc,
    selection_pb2,
    selection_pb2_grpc,
)
from assayd_server.engine import Engine
from assayd_server.errors import StartError
from assayd_server.metrics import Metrics
from assayd_server.rpc.boundary import Boundary
from assayd_server.rpc.control import ControlGuard
from assayd_server.rpc.health import HealthServicer
from assayd_server.rpc.held_requests import HeldRequests
from assayd_server.rpc.listening import bind_socket, bound_port
from assayd_server.rpc.monitoring import MonitoringServicer
from assayd_server.rpc.pools import CallPool
from assayd_server.rpc.requests import RowLimits
from assayd_server.rpc.retrieval import RetrievalServicer
from assayd_server.rpc.scoring import ScoringServicer
from assayd_server.rpc.selection import SelectionServicer
from assayd_server.rpc.streams import OpenStreams
from assayd_server.rpc.unread import UnreadAnswers

_HEALTH_THREADS = 4
_WATCH_THREADS = 32
_REFLECTION_THREADS = 2
_REFUSAL_THREADS = 2
_CONTROL_WAITING_MAX = 64
_OTHER_CALLS_MAX = 512
"""Room for control calls and refusals beneath gRPC's own limit, which would refuse health too."""
_KEEPALIVE_MS = 60_000
_PING_INTERVAL_MIN_MS = 10_000
"""Clients that keep a long call alive ping every 30 s; gRPC's default of five minutes would disconnect them."""

HEALTH = health_pb2.DESCRIPTOR.services_by_name["Health"].full_name
_SCORING = scoring_pb2.DESCRIPTOR.services_by_name["ScoringService"]
_SELECTION = selection_pb2.DESCRIPTOR.services_by_name["SelectionService"]
_RETRIEVAL = retrieval_pb2.DESCRIPTOR.services_by_name["RetrievalService"]
_MONITORING = monitoring_pb2.DESCRIPTOR.services_by_name["MonitoringService"]
_SERVICES = (_SCORING, _SELECTION, _RETRIEVAL, _MONITORING)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerOptions:
    """What the gRPC server is built with: the settings of the same names."""

    host: str
    port: int
    uds: Path | None
    workers: int
    call_threads: int
    calls_waiting_max: int
    message_wait_max_seconds: float
    streams_max: int
    stream_idle_max_seconds: float
    streams_per_connection_max: int
    message_bytes_max: int
    rows_max: int
    head_elements_max: int
    ids_max: int
    request_bytes_pending_max: int
    unread_bytes_max: int
    connection_age_max_seconds: float
    connection_grace_seconds: float
    log_calls: bool


class RpcServer:
    """The gRPC server, bound but not serving until start."""

    def __init__(
        self,
        engine: Engine,
        metrics: Metrics,
        options: ServerOptions,
        *,
        model_names: Callable[[], Collection[str]],
    ) -> None:
        """Bind the port.

        Args:
            engine: answers the calls.
            metrics: where calls are counted.
            options: addresses and limits.
            model_names: those that there are now; each has a health status of its own.

        Raises:
            StartError: the port cannot be had.
        """
        self._calls = pool = _pool(
            "call", options, metrics, threads=options.call_threads, waiting_max=options.calls_waiting_max
        )
        health_pool = _pool("health", options, metrics, threads=_HEALTH_THREADS)
        watch_pool = _pool("watch", options, metrics, threads=_WATCH_THREADS, waiting_max=0)
        reflection_pool = _pool("reflection", options, metrics, threads=_REFLECTION_THREADS)
        refusals = ThreadPoolExecutor(_REFUSAL_THREADS, thread_name_prefix="refusal")
        stream_pool = CallPool(
            "stream",
            threads=options.streams_max,
            waiting_max=0,
            message_wait_max_seconds=options.stream_idle_max_seconds,
            on_stalled=metrics.stalled.inc,
        )
        self._streams = OpenStreams()
        self._pools = (pool, stream_pool, health_pool, watch_pool, reflection_pool, refusals)
        self._control = ControlGuard(health=health_pool, watch=watch_pool, reflection=reflection_pool)
        self._requests = HeldRequests(options.request_bytes_pending_max)
        unread = UnreadAnswers(options.unread_bytes_max)
        _show(metrics, pool, stream_pool, self._requests, unread)
        boundary = Boundary(
            pool,
            refusals,
            self._control,
            metrics,
            stream_pool=stream_pool,
            streams=self._streams,
            requests=self._requests,
            unread=unread,
            log_calls=options.log_calls,
        )
        self._server = grpc.server(
            refusals,  # every handler names a pool of its own
            interceptors=[boundary],
            options=_channel_arguments(options),
            maximum_concurrent_rpcs=options.call_threads + options.calls_waiting_max + _OTHER_CALLS_MAX,
        )
        self._health = HealthServicer(("", *(service.full_name for service in _SERVICES)), model_names)
        self._add_services(
            engine, RowLimits(options.rows_max, options.head_elements_max, options.ids_max), metrics
        )
        try:
            self.port = bound_port(self._server, options.host, options.port, shared=options.workers > 1)
            if options.uds is not None:
                bind_socket(self._server, options.uds)
        except StartError:
            self.stop(0)
            raise

    @property
    def idle(self) -> bool:
        """Whether no call is answered or waits; a stream whose caller has nothing to say does not count."""
        return self._calls.calls == 0 and self._requests.bytes == 0

    def start(self) -> None:
        """Take calls; health says SERVING."""
        self._server.start()
        self._health.set(serving=True)

    def announce_end(self) -> None:
        """Go on answering, but say NOT_SERVING, so that load balancers send new calls elsewhere."""
        self._health.set(serving=False)

    def stop(self, grace_seconds: float) -> None:
        """Take no new calls, and wait for the accepted ones; cut those that take longer than the grace.

        What is being computed when the grace ends is computed to its end; what waits is dropped.
        """
        stopped = self._server.stop(grace_seconds)
        self._control.end_streams()
        self._streams.end()
        stopped.wait()
        for pool in self._pools:
            pool.shutdown()

    def _add_services(self, engine: Engine, limits: RowLimits, metrics: Metrics) -> None:
        for service in _SERVICES:
            for method in service.methods:  # every series is there from the start
                metrics.method(f"/{service.full_name}/{method.name}", streaming=method.server_streaming)
        scoring_pb2_grpc.add_ScoringServiceServicer_to_server(ScoringServicer(engine, limits), self._server)
        selection_pb2_grpc.add_SelectionServiceServicer_to_server(SelectionServicer(engine, limits), self._server)
        retrieval_pb2_grpc.add_RetrievalServiceServicer_to_server(RetrievalServicer(engine, limits), self._server)
        monitoring_pb2_grpc.add_MonitoringServiceServicer_to_server(
            MonitoringServicer(engine, limits), self._server
        )
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        names = (*(service.full_name for service in _SERVICES), HEALTH, reflection.SERVICE_NAME)
        reflection.enable_server_reflection(names, self._server)


def _show(
    metrics: Metrics, calls: CallPool, streams: CallPool, requests: HeldRequests, unread: UnreadAnswers
) -> None:
    """Let the metrics read how much of what is limited is in use."""
    limits = metrics.limits
    limits.calls.set_function(lambda: calls.calls)
    limits.streams.set_function(lambda: streams.calls)
    limits.request_bytes.set_function(lambda: requests.bytes)
    limits.unread_bytes.set_function(lambda: unread.bytes)


def _pool(
    name: str, options: ServerOptions, metrics: Metrics, *, threads: int, waiting_max: int = _CONTROL_WAITING_MAX
) -> CallPool:
    return CallPool(
        name,
        threads=threads,
        waiting_max=waiting_max,
        message_wait_max_seconds=options.message_wait_max_seconds,
        on_stalled=metrics.stalled.inc,
    )


def _channel_arguments(options: ServerOptions) -> list[tuple[str, int]]:
    return [
        ("grpc.max_receive_message_length", options.message_bytes_max),
        ("grpc.max_send_message_length", options.message_bytes_max),
        ("grpc.max_concurrent_streams", options.streams_per_connection_max),
        ("grpc.max_connection_age_ms", round(1000 * options.connection_age_max_seconds)),
        ("grpc.max_connection_age_grace_ms", round(1000 * options.connection_grace_seconds)),
        ("grpc.http2.min_ping_interval_without_data_ms", _PING_INTERVAL_MIN_MS),
        # a peer that is gone without a word is noticed, and what waits to be sent to it is dropped
        ("grpc.keepalive_time_ms", _KEEPALIVE_MS),
        ("grpc.keepalive_timeout_ms", _KEEPALIVE_MS // 3),
        # but for the workers of one server, a second one on the same port is a mistake, and should say so
        ("grpc.so_reuseport", int(options.workers > 1)),
    ]
