"""Health and reflection: on threads that no scoring call can take, and that wait for no message for long."""

from collections.abc import Callable, Iterator
from threading import Lock
from typing import Any

import grpc
from google.protobuf.message import DecodeError

from assayd_server.rpc.guarded import not_of_this_type
from assayd_server.rpc.health import WATCH
from assayd_server.rpc.pools import CallPool

Handler = Any


class ControlGuard:
    """Lets the servicers of health and reflection wait for messages no longer than their pools allow.

    Messages come as bytes: gRPC itself has those that it cannot parse as INTERNAL, logs them as errors, and may
    count the end of such a stream twice, after which the server never stops.
    """

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
        received = _Received(pool, handler.request_deserializer)
        serializer = handler.response_serializer
        if handler.unary_unary is not None:
            unary = self._unary(handler.unary_unary, received)
            return grpc.stream_unary_rpc_method_handler(unary, response_serializer=serializer)
        messages_of = received.each if handler.stream_stream is not None else received.first
        servicer = handler.stream_stream or handler.unary_stream
        stream = self._stream(servicer, pool, messages_of)
        return grpc.stream_stream_rpc_method_handler(stream, response_serializer=serializer)

    def end_streams(self) -> None:
        """Cancel what is open and take no more: a stream would else last as long as its client likes."""
        with self._lock:
            self._ended = True
            contexts = list(self._open)
        for context in contexts:
            context.cancel()

    def _unary(self, servicer: Any, received: "_Received") -> Any:
        def answer(messages: Iterator[bytes], context: grpc.ServicerContext) -> Any:
            return servicer(received.first(messages, context), context)

        answer.experimental_thread_pool = received.pool  # type: ignore[attr-defined]
        return answer

    def _stream(self, servicer: Any, pool: CallPool, messages_of: Callable[..., Any]) -> Any:
        def answer(messages: Iterator[bytes], context: grpc.ServicerContext) -> Any:
            self._open_stream(context)
            return servicer(messages_of(messages, context), context)

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


class _Received:
    """The messages of one method's calls."""

    def __init__(self, pool: CallPool, parse: Callable[[bytes], Any]) -> None:
        self.pool = pool
        self._parse = parse

    def first(self, messages: Iterator[bytes], context: grpc.ServicerContext) -> Any:
        """The only one."""
        try:
            message = self.pool.receive(messages, context)
        except StopIteration:
            message = None
        if message is None:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "the call ended without a message")
        return self._parsed(message, context)

    def each(self, messages: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[Any]:
        """All of them, as they come."""
        while True:
            try:
                message = self.pool.receive(messages, context)
            except StopIteration:
                return
            yield self._parsed(message, context)

    def _parsed(self, message: bytes, context: grpc.ServicerContext) -> Any:
        try:
            return self._parse(message)
        except DecodeError:
            pass
        context.abort(grpc.StatusCode.INVALID_ARGUMENT, not_of_this_type().message)
