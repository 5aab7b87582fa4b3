"""What every call passes through: admission, deadlines, metrics, and the turning of exceptions into statuses."""

import random
import re
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import grpc
import structlog

from assayd_server.errors import (
    RETRY_AFTER_SECONDS,
    InvalidArgumentError,
    ResourceExhaustedError,
    ServiceError,
)
from assayd_server.metrics import MethodMetrics, Metrics
from assayd_server.rpc import status
from assayd_server.rpc.pools import CallPool

REQUEST_ID = "x-request-id"

Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"

_ID = re.compile(r"[\x21-\x7e]{1,128}")
_DOUBLINGS_MAX = 5
_log = structlog.get_logger()


class Boundary(grpc.ServerInterceptor):
    """Guards every RPC of assayd; health and reflection pass untouched, on threads of their own."""

    def __init__(self, pool: CallPool, metrics: Metrics, *, log_calls: bool) -> None:
        """Guard calls.

        Args:
            pool: the threads that answer.
            metrics: where calls are counted.
            log_calls: whether each call gets a line in the log, and not only those that went wrong.
        """
        self._pool = pool
        self._metrics = metrics
        self._log_calls = log_calls
        self._guarded: dict[str, tuple[Handler, Handler]] = {}

    def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], "Handler | None"],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> "Handler | None":
        """Runs on gRPC's own thread before the call has one: here it can be refused at no cost."""
        handler = continuation(handler_call_details)
        method = handler_call_details.method
        if handler is None or not method.startswith("/assayd."):
            return handler
        if method not in self._guarded:
            self._guarded[method] = self._guard(handler, method)
        answer, refuse = self._guarded[method]
        return refuse if self._pool.full else answer

    def _guard(self, handler: Handler, method: str) -> tuple[Handler, Handler]:
        assert handler.unary_unary is not None  # streams get a boundary of their own when there are any
        log = _log.bind(method=method) if self._log_calls else None
        call = GuardedMethod(handler.unary_unary, self._pool, self._metrics.method(method), log=log)

        def answer(messages: Iterator[Any], context: grpc.ServicerContext) -> Any:
            return call.answer(messages, context)

        def refuse(_: Iterator[Any], context: grpc.ServicerContext) -> Any:
            self._metrics.refused.inc()
            return call.refuse(context)

        answer.experimental_thread_pool = self._pool  # type: ignore[attr-defined]
        return (
            # To gRPC both take a stream, which is the same on the wire as one message: so it is up to the pool how
            # long to wait for the message, and a refusal waits for none.
            grpc.stream_unary_rpc_method_handler(
                answer, handler.request_deserializer, handler.response_serializer
            ),
            grpc.stream_unary_rpc_method_handler(refuse),
        )


class GuardedMethod:
    """One RPC: calls its servicer, and answers with a status whatever happens there."""

    def __init__(
        self,
        servicer: Callable[[Any, grpc.ServicerContext], Any],
        pool: CallPool,
        metrics: MethodMetrics,
        *,
        log: Any = None,
    ) -> None:
        """Guard a method.

        Args:
            servicer: answers the calls.
            pool: the threads on which it does.
            metrics: of this method.
            log: gets a line for each call; None for no lines.
        """
        self._servicer = servicer
        self._pool = pool
        self._metrics = metrics
        self._log = log

    def answer(self, messages: Iterator[Any], context: grpc.ServicerContext) -> Any:
        """The servicer's response, or an abort with the status of what it raised.

        A call that expired or was cancelled while it waited for its thread or its message is not begun and not
        counted: gRPC raises at the message.
        """
        try:
            request = self._pool.receive(messages, context)
        except StopIteration:
            request = None
        self._metrics.start()
        began = time.perf_counter()
        try:
            if request is None:
                raise InvalidArgumentError("the call ended without a message", reason="MESSAGE_MISSING")
            response = self._servicer(request, context)
        except ServiceError as error:
            failure = self._deliberate(error, context)
        except Exception as error:  # the one place where anything is caught: a bug must not take the server down
            failure = self._bug(error, context)
        else:
            self._end(grpc.StatusCode.OK, began, context)
            return response
        self._end(failure.code, began, context)
        context.abort_with_status(failure)  # raises, so it stands outside of the try
        raise AssertionError("abort_with_status returned")

    def refuse(self, context: grpc.ServicerContext) -> Any:
        """Abort a call for which there is no thread."""
        self._metrics.start()
        error = ResourceExhaustedError(
            f"the server is full: {self._pool.calls} calls are being answered or wait",
            reason="TOO_MANY_CALLS",
            retry_after_seconds=RETRY_AFTER_SECONDS,
        )
        self._end(grpc.StatusCode.RESOURCE_EXHAUSTED, time.perf_counter(), context)
        context.abort_with_status(_status_of(error, context))
        raise AssertionError("abort_with_status returned")

    def _deliberate(self, error: ServiceError, context: grpc.ServicerContext) -> status.Failure:
        if error.__cause__ is not None:
            _log.warning(
                "call failed", request_id=_request_id(context), error=str(error), cause=str(error.__cause__)
            )
        return _status_of(error, context)

    def _bug(self, error: Exception, context: grpc.ServicerContext) -> status.Failure:
        request_id = _request_id(context) or uuid.uuid4().hex
        _log.error("bug", request_id=request_id, exc_info=error)
        return status.of_bug(request_id)

    def _end(self, code: grpc.StatusCode, began: float, context: grpc.ServicerContext) -> None:
        seconds = time.perf_counter() - began
        self._metrics.end(status.name(code), seconds)
        if self._log is not None:
            self._log.info(
                "call", request_id=_request_id(context), code=status.name(code), seconds=round(seconds, 6)
            )


def _status_of(error: ServiceError, context: grpc.ServicerContext) -> status.Failure:
    """With a longer wait at each attempt, and some chance in it, so that callers do not all come back at once."""
    if error.retry_after_seconds is not None:
        attempts = _metadata(context, "grpc-previous-rpc-attempts")
        doublings = min(int(attempts), _DOUBLINGS_MAX) if attempts.isdecimal() else 0
        error.retry_after_seconds *= 2**doublings * random.uniform(0.5, 1.5)  # noqa: S311
    return status.of_error(error)


def _request_id(context: grpc.ServicerContext) -> str:
    """The caller's own id for the call; empty where it sent none that a log can hold."""
    value = _metadata(context, REQUEST_ID)
    return value if _ID.fullmatch(value) else ""


def _metadata(context: grpc.ServicerContext, key: str) -> str:
    values = (value for name, value in context.invocation_metadata() if name == key)
    return str(next(values, ""))
