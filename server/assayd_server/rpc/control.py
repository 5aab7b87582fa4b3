"""Health and reflection: on threads that no scoring call can take, and that wait for no message for long."""

from collections.abc import Callable, Iterator
from threading import Lock
from typing import Any

import grpc

from assayd_server.rpc.health import WATCH
from assayd_server.rpc.pools import CallPool

Handler = Any


class ControlGuard:
    """Lets the servicers of health and reflection wait for messages no longer than their pools allow."""

    def __init__(self, *, health: CallPool, watch: CallPool, reflection: CallPool) -> None:
        """Guard calls.

        Args:
            health: threads for health's Check alone, so that it always answers.
            watch: threads for health's Watch; a call holds one while it is open.
            reflection: threads for the rest; a reflection call holds one while it is open.
        """
        self._health = health
        self._watch = watch
        self._reflection = reflection
        self._open: set[grpc.ServicerContext] = set()
        self._ended = False
        self._lock = Lock()

    def pool_for(self, method: str) -> CallPool:
        """The pool that answers a method."""
        if method == WATCH:
            return self._watch
        return self._health if method.startswith("/grpc.health.") else self._reflection

    def guard(self, handler: Handler, method: str) -> Handler:
        """The handler, behind this guard."""
        pool = self.pool_for(method)
        codecs = (handler.request_deserializer, handler.response_serializer)
        if handler.unary_unary is not None:
            return grpc.stream_unary_rpc_method_handler(self._unary(handler.unary_unary, pool), *codecs)
        messages_of = _each if handler.stream_stream is not None else _first
        servicer = handler.stream_stream or handler.unary_stream
        return grpc.stream_stream_rpc_method_handler(self._stream(servicer, pool, messages_of), *codecs)

    def end_streams(self) -> None:
        """Cancel what is open and take no more: a stream would else last as long as its client likes."""
        with self._lock:
            self._ended = True
            contexts = list(self._open)
        for context in contexts:
            context.cancel()

    def _unary(self, servicer: Any, pool: CallPool) -> Any:
        def answer(messages: Iterator[Any], context: grpc.ServicerContext) -> Any:
            return servicer(_first(messages, context, pool), context)

        answer.experimental_thread_pool = pool  # type: ignore[attr-defined]
        return answer

    def _stream(self, servicer: Any, pool: CallPool, messages_of: Callable[..., Any]) -> Any:
        def answer(messages: Iterator[Any], context: grpc.ServicerContext) -> Any:
            self._open_stream(context)
            return servicer(messages_of(messages, context, pool), context)

        answer.experimental_thread_pool = pool  # type: ignore[attr-defined]
        return answer

    def _open_stream(self, context: grpc.ServicerContext) -> None:
        with self._lock:
            ended = self._ended
            self._open.add(context)
        if not context.add_callback(lambda: self._open.discard(context)):
            self._open.discard(context)
        if ended:
            context.abort(grpc.StatusCode.UNAVAILABLE, "the server is stopping")


def _first(messages: Iterator[Any], context: grpc.ServicerContext, pool: CallPool) -> Any:
    try:
        return pool.receive(messages, context)
    except StopIteration:
        pass
    context.abort(grpc.StatusCode.INVALID_ARGUMENT, "the call ended without a message")


def _each(messages: Iterator[Any], context: grpc.ServicerContext, pool: CallPool) -> Iterator[Any]:
    while True:
        try:
            yield pool.receive(messages, context)
        except StopIteration:
            return
