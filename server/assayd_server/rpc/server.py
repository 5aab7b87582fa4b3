"""Puts the gRPC server together: services, threads, options, health and reflection."""

from collections.abc import Callable, Collection
from functools import partial
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from assayd_server import logs
from assayd_server.engine import Engine
from assayd_server.errors import StartError
from assayd_server.metrics import Metrics
from assayd_server.rpc.authorization import Authorization
from assayd_server.rpc.boundary import Boundary
from assayd_server.rpc.control import ControlGuard
from assayd_server.rpc.descriptors import of_all_services
from assayd_server.rpc.direct import core_calls
from assayd_server.rpc.direct.calls import DirectCalls
from assayd_server.rpc.direct.infer_wire import InferReader
from assayd_server.rpc.direct.score import Reader, ScoreMethod
from assayd_server.rpc.direct.score_wire import ScoreReader, scored_alone
from assayd_server.rpc.direct.threaded import ThreadedMethod
from assayd_server.rpc.health import HealthServicer
from assayd_server.rpc.held_requests import HeldRequests
from assayd_server.rpc.listening import bind_socket, bound_port
from assayd_server.rpc.open_inference.absent import absent
from assayd_server.rpc.options import ServerOptions, channel_arguments
from assayd_server.rpc.outcomes import Outcomes, Tracing
from assayd_server.rpc.pools import CallPool
from assayd_server.rpc.requests import RowLimits
from assayd_server.rpc.services import MODEL_INFER, SCORE, SERVICES, Handlers, handlers_of
from assayd_server.rpc.streams import OpenStreams
from assayd_server.rpc.transport import credentials_of
from assayd_server.rpc.unread import UnreadAnswers
from assayd_server.security import Security
from assayd_server.threads import SteadyPool

_HEALTH_THREADS = 4
_WATCH_THREADS = 32
_REFLECTION_THREADS = 2
_REFUSAL_THREADS = 2
_CONTROL_WAITING_MAX = 64
_OTHER_CALLS_MAX = 512
"""Room for control calls and refusals beneath gRPC's own limit, which would refuse health too."""

HEALTH = health_pb2.DESCRIPTOR.services_by_name["Health"].full_name
_log = logs.get_logger()


class RpcServer:
    """The gRPC server, bound but not serving until start."""

    def __init__(
        self,
        engine: Engine,
        metrics: Metrics,
        options: ServerOptions,
        *,
        security: Security,
        model_names: Callable[[], Collection[str]],
        tracing: Tracing | None = None,
    ) -> None:
        """Bind the port.

        Args:
            engine: answers the calls.
            metrics: where calls are counted.
            options: addresses and limits.
            security: what callers are let in by.
            model_names: those that there are now; each has a health status of its own.
            tracing: makes spans of unary calls; None where nobody wants any.

        Raises:
            StartError: the port cannot be had.
        """
        self._tracing = tracing
        self._pool = pool = _pool(
            "call", options, metrics, threads=options.call_threads, waiting_max=options.calls_waiting_max
        )
        health_pool = _pool("health", options, metrics, threads=_HEALTH_THREADS)
        watch_pool = _pool("watch", options, metrics, threads=_WATCH_THREADS, waiting_max=0)
        reflection_pool = _pool("reflection", options, metrics, threads=_REFLECTION_THREADS)
        refusals = SteadyPool(_REFUSAL_THREADS, "refusal")
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
        self._unread = UnreadAnswers(options.unread_bytes_max)
        self._authorization = Authorization(security.access)
        boundary = Boundary(
            pool,
            refusals,
            self._control,
            metrics,
            authorization=self._authorization,
            stream_pool=stream_pool,
            streams=self._streams,
            requests=self._requests,
            unread=self._unread,
            log_calls=options.log_calls,
            tracing=tracing,
        )
        self._server = grpc.server(
            refusals,  # every handler names a pool of its own
            interceptors=[boundary],
            options=channel_arguments(options),
            maximum_concurrent_rpcs=options.call_threads + options.calls_waiting_max + _OTHER_CALLS_MAX,
        )
        self._health = HealthServicer(("", *(service.full_name for service in SERVICES)), model_names)
        self._direct = self._add_services(engine, metrics, options)
        self._show(metrics, stream_pool)
        self.port = self._bound(options, security)

    @property
    def idle(self) -> bool:
        """Whether no call is answered or waits; a stream whose caller has nothing to say does not count."""
        return self._open_calls() == 0 and self._requests.bytes == 0

    def start(self) -> None:
        """Take calls; health says SERVING."""
        self._server.start()
        if self._direct is not None:
            self._direct.start()
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
        if self._direct is not None:
            self._direct.join()
        for pool in self._pools:
            pool.shutdown()
        if self._tracing is not None:
            self._tracing.close()

    def _bound(self, options: ServerOptions, security: Security) -> int:
        """Listen, and say on which port; where that cannot be had, nothing is left behind."""
        try:
            port = bound_port(
                self._server,
                options.host,
                options.port,
                shared=options.workers > 1,
                credentials=None if security.tls is None else credentials_of(security.tls),
            )
            if options.uds is not None:
                bind_socket(self._server, options.uds)
        except StartError:
            self.stop(0)
            raise
        return port

    def _open_calls(self) -> int:
        """Unary calls that are being answered or wait for it."""
        return self._pool.calls if self._direct is None else self._direct.calls

    def _add_services(self, engine: Engine, metrics: Metrics, options: ServerOptions) -> DirectCalls | None:
        """Say who answers what; unary calls of assayd are answered by what is returned, if anything is."""
        limits = RowLimits(options.rows_max, options.head_elements_max, options.ids_max)
        handlers = handlers_of(engine, limits, serving=lambda: self._health.serving)
        for path, handler in handlers.items():  # every series is there from the start
            metrics.method(path, streaming=handler.response_streaming)
        direct = None
        if not options.plain_calls and not _lacks_parts():
            unary = {path: handler for path, handler in handlers.items() if not handler.response_streaming}
            handlers = {path: handler for path, handler in handlers.items() if path not in unary}
            direct = self._direct_calls(unary, engine, limits, metrics, options)
        self._server.add_generic_rpc_handlers((_ByPath({**handlers, **absent()}),))
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        if options.reflection == "on":
            names = (*(service.full_name for service in SERVICES), HEALTH, reflection.SERVICE_NAME)
            reflection.enable_server_reflection(names, self._server, of_all_services())
        return direct

    def _direct_calls(
        self, handlers: Handlers, engine: Engine, limits: RowLimits, metrics: Metrics, options: ServerOptions
    ) -> DirectCalls:
        methods: dict[str, ThreadedMethod | ScoreMethod] = {}
        readers: dict[str, Reader] = {SCORE: ScoreReader(limits), MODEL_INFER: InferReader(engine, limits)}
        for path, handler in handlers.items():
            methods[path] = threaded = ThreadedMethod(
                handler,
                self._pool,
                outcomes=Outcomes(
                    path,
                    metrics.method(path),
                    metrics.refused,
                    log_calls=options.log_calls,
                    tracing=self._tracing,
                ),
                requests=self._requests,
                unread=self._unread,
            )
            if path in readers:
                alone = partial(scored_alone, engine) if path == SCORE else None
                methods[path] = ScoreMethod(threaded, engine.merging, readers[path], self._requests, alone=alone)
        return DirectCalls(
            self._server,
            methods,
            authorization=self._authorization,
            quick=engine.merging,
            calls_max=options.call_threads + options.calls_waiting_max,
            message_wait_max_seconds=options.message_wait_max_seconds,
            on_stalled=metrics.stalled.inc,
            unread=self._unread,
        )

    def _show(self, metrics: Metrics, streams: CallPool) -> None:
        """Let the metrics read how much of what is limited is in use."""
        limits = metrics.limits
        limits.calls.set_function(self._open_calls)
        limits.streams.set_function(lambda: streams.calls)
        limits.request_bytes.set_function(lambda: self._requests.bytes)
        limits.unread_bytes.set_function(lambda: self._unread.bytes)


class _ByPath(grpc.GenericRpcHandler):
    """Handlers, by the path of the call."""

    def __init__(self, handlers: Handlers) -> None:
        self._handlers = handlers

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> "grpc.RpcMethodHandler[Any, Any] | None":
        """That of a call."""
        return self._handlers.get(handler_call_details.method)


def _lacks_parts() -> bool:
    """Whether this grpc is not made as direct calls need it, which is said in the log."""
    why = core_calls.why_not()
    if why:
        _log.warning("calls are taken the slower way", cause=why)
    return bool(why)


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
