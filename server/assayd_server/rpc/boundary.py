"""What every call passes before it has a thread: the pool that is to answer it, or a refusal."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeAlias

import grpc

from assayd_server.errors import ServiceError
from assayd_server.metrics import Metrics
from assayd_server.rpc.authorization import Authorization, is_open
from assayd_server.rpc.control import ControlGuard
from assayd_server.rpc.guarded import GuardedMethod, refuse
from assayd_server.rpc.health import WATCH
from assayd_server.rpc.held_requests import HeldRequests
from assayd_server.rpc.open_inference.absent import ABSENT
from assayd_server.rpc.outcomes import Outcomes, Tracing
from assayd_server.rpc.pools import CallPool
from assayd_server.rpc.streams import GuardedStream, OpenStreams
from assayd_server.rpc.unread import UnreadAnswers

Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"


@dataclass(frozen=True, slots=True)
class Guarded:
    """A method's handler, what answers in its place when its pool is full, and that pool."""

    answer: Handler
    refuse: Handler
    pool: CallPool
    deny: Callable[[ServiceError], Handler] | None = None
    """What answers a caller that may not make the call; None where everybody may."""


class Boundary(grpc.ServerInterceptor):
    """Gives each call to its pool, or refuses it at once.

    To gRPC every method takes a stream, which is the same on the wire as one message: so it is up to the pool how
    long to wait for the message, and a refusal waits for none. Messages come as bytes and are parsed by the thread
    that answers, not by the one that all calls share.
    """

    def __init__(
        self,
        pool: CallPool,
        refusals: ThreadPoolExecutor,
        control: ControlGuard,
        metrics: Metrics,
        *,
        authorization: Authorization,
        stream_pool: CallPool,
        streams: OpenStreams,
        requests: HeldRequests,
        unread: UnreadAnswers,
        log_calls: bool,
        tracing: Tracing | None = None,
    ) -> None:
        """Guard calls.

        Args:
            pool: the threads that answer the unary RPCs of assayd.
            refusals: threads that only ever refuse, so one is always free soon.
            control: guards health and reflection.
            metrics: where calls are counted.
            authorization: says which calls may be made.
            stream_pool: the threads of its streams, each of which holds one.
            streams: those that are open.
            requests: bounds the messages that are held at one time.
            unread: bounds the answers that nobody reads.
            log_calls: whether each call gets a line in the log, and not only those that went wrong.
            tracing: makes spans of unary calls; None where nobody wants any.
        """
        self._tracing = tracing
        self._pool = pool
        self._authorization = authorization
        self._stream_pool = stream_pool
        self._streams = streams
        self._refusals = refusals
        self._control = control
        self._metrics = metrics
        self._requests = requests
        self._unread = unread
        self._log_calls = log_calls
        self._guarded: dict[str, Guarded] = {}

    def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], "Handler | None"],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> "Handler | None":
        """Runs on gRPC's own thread before the call has one: here it can be refused at no cost."""
        method = handler_call_details.method
        if method not in self._guarded:
            handler = continuation(handler_call_details)
            if handler is None:
                return None
            self._guarded[method] = self._guard(handler, method)
        guarded = self._guarded[method]
        if guarded.deny is not None:
            error = self._authorization.refusal(method, handler_call_details.invocation_metadata)
            if error is not None:
                return guarded.deny(error)
        if not guarded.pool.full:
            return guarded.answer
        # no handler is UNIMPLEMENTED, which watching clients take for "no health checking" and not for bad health
        return None if method == WATCH else guarded.refuse

    def _guard(self, handler: Handler, method: str) -> Guarded:
        if not is_open(method) and method not in ABSENT:
            return self._guard_ours(handler, method)
        pool = self._control.pool_for(method)
        return Guarded(
            self._control.guard(handler, method), self._refusal(lambda context: refuse(pool, context)), pool
        )

    def _guard_ours(self, handler: Handler, method: str) -> Guarded:
        streaming = handler.stream_stream is not None
        metrics = self._metrics.method(method, streaming=streaming)
        guard: dict[str, Any] = {
            "handler": handler,
            "authorization": self._authorization,
            "pool": self._stream_pool if streaming else self._pool,
            "outcomes": Outcomes(
                method, metrics, self._metrics.refused, log_calls=self._log_calls, tracing=self._tracing
            ),
            "requests": self._requests,
            "unread": self._unread,
        }
        if streaming:
            stream = GuardedStream(self._streams, **guard)
            answers: Handler = grpc.stream_stream_rpc_method_handler(
                _on(self._stream_pool, stream.answers), response_serializer=handler.response_serializer
            )
            return Guarded(answers, self._refusal(stream.refuse), self._stream_pool, self._denial(stream))
        call = GuardedMethod(**guard)
        answer: Handler = grpc.stream_unary_rpc_method_handler(
            _on(self._pool, call.answer), response_serializer=handler.response_serializer
        )
        return Guarded(answer, self._refusal(call.refuse), self._pool, self._denial(call))

    def _refusal(self, abort: Callable[[grpc.ServicerContext], Any]) -> Handler:
        def refuse_call(_: Iterator[Any], context: grpc.ServicerContext) -> Any:
            self._metrics.refused.inc()
            abort(context)

        return grpc.stream_unary_rpc_method_handler(_on(self._refusals, refuse_call))

    def _denial(self, call: GuardedMethod) -> Callable[[ServiceError], Handler]:
        def deny(error: ServiceError) -> Handler:
            return grpc.stream_unary_rpc_method_handler(
                _on(self._refusals, lambda _, context: call.deny(error, context))
            )

        return deny


def _on(pool: ThreadPoolExecutor, behavior: Callable[[Iterator[Any], grpc.ServicerContext], Any]) -> Any:
    """The behaviour, for gRPC to run on that pool."""

    def on_pool(messages: Iterator[Any], context: grpc.ServicerContext) -> Any:
        return behavior(messages, context)

    on_pool.experimental_thread_pool = pool  # type: ignore[attr-defined]
    return on_pool
