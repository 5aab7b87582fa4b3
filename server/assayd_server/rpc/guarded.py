"""One RPC of assayd: deadlines, metrics, and the turning of whatever its servicer raises into a status."""

import random
import re
import time
import uuid
from collections.abc import Iterator
from typing import Any

import grpc
from google.protobuf.message import DecodeError
from prometheus_client import Counter

from assayd_server import logs
from assayd_server.errors import (
    RETRY_AFTER_SECONDS,
    InvalidArgumentError,
    ResourceExhaustedError,
    ServiceError,
)
from assayd_server.metrics import MethodMetrics
from assayd_server.rpc import status
from assayd_server.rpc.held_requests import CallBytes, HeldRequests
from assayd_server.rpc.pools import CallPool, StalledError
from assayd_server.rpc.unread import UnreadAnswers

REQUEST_ID = "x-request-id"

_ID = re.compile(r"[\x21-\x7e]{1,128}")
_DOUBLINGS_MAX = 5
_log = logs.get_logger()


class GuardedMethod:
    """One RPC: calls its servicer, and answers with a status whatever happens there."""

    def __init__(
        self,
        name: str,
        handler: Any,
        pool: CallPool,
        *,
        metrics: MethodMetrics,
        refused: Counter,
        requests: HeldRequests,
        unread: UnreadAnswers,
        log_calls: bool,
    ) -> None:
        """Guard a method.

        Args:
            name: such as /assayd.v1.ScoringService/Score.
            handler: what gRPC has for it, unary or of streams in both directions.
            pool: the threads on which it is answered.
            metrics: of this method.
            refused: counts calls for which there was no room.
            requests: bounds the messages that are held at one time.
            unread: bounds the answers that nobody reads.
            log_calls: whether each call gets a line in the log.
        """
        self._servicer = handler.unary_unary or handler.stream_stream
        assert self._servicer is not None  # there are no other kinds
        self._parse = handler.request_deserializer or bytes
        self._pool = pool
        self._metrics = metrics
        self._refused = refused
        self._requests = requests
        self._unread = unread
        self._log = _log.bind(method=name)
        self._log_calls = log_calls

    def answer(self, messages: Iterator[Any], context: grpc.ServicerContext) -> Any:
        """The servicer's response, or an abort with the status of what it raised."""
        self._metrics.start()
        began = time.perf_counter()
        received = [self._received(messages, context, began)]
        began = time.perf_counter()
        try:
            with self._requests.of_call() as held:
                response = self._servicer(self._taken(received, held), context)
            self._unread.add(response.ByteSize(), context)
        except ServiceError as error:
            failure = self._deliberate(error, context)
        except Exception as error:  # the one place where anything is caught: a bug must not take the server down
            failure = self._bug(error, context)
        else:
            self._end(grpc.StatusCode.OK if context.is_active() else ending(context), began, context)
            return response
        self._end(failure.code, began, context)
        context.abort_with_status(failure)  # raises, so it stands outside of the try
        raise AssertionError("abort_with_status returned")

    def refuse(self, context: grpc.ServicerContext) -> Any:
        """Abort a call for which there is no thread."""
        self._metrics.start()
        self._end(grpc.StatusCode.RESOURCE_EXHAUSTED, time.perf_counter(), context)
        refuse(self._pool, context)

    def _received(self, messages: Iterator[Any], context: grpc.ServicerContext, began: float) -> bytes | None:
        """The call's message; None where it has none."""
        try:
            return self._pool.receive(messages, context)
        except StopIteration:
            return None
        except grpc.RpcError:  # it expired or was cancelled while it waited for its thread or its message
            self._end(ending(context), began, context)
            raise
        except StalledError:
            self._end(grpc.StatusCode.CANCELLED, began, context)
        context.abort(grpc.StatusCode.CANCELLED, "no message came in time")

    def _taken(self, received: list[bytes | None], held: CallBytes) -> Any:
        """The message of a call, out of the list: its bytes are not kept beside what is parsed of them."""
        message = received.pop()
        if message is None:
            raise InvalidArgumentError("the call ended without a message", reason="MESSAGE_MISSING")
        held.add(len(message))
        return self._parsed(message)

    def _parsed(self, message: bytes) -> Any:
        try:
            return self._parse(message)
        except DecodeError:
            raise InvalidArgumentError("the message is not of this call's type", reason="BAD_MESSAGE") from None

    def _deliberate(self, error: ServiceError, context: grpc.ServicerContext) -> status.Failure:
        if isinstance(error, ResourceExhaustedError):
            self._refused.inc()
        if error.__cause__ is not None:
            request_id = _request_id(context) or uuid.uuid4().hex
            self._log.warning(
                "call failed",
                request_id=request_id,
                error=error.message,
                cause=str(error.__cause__),
                **error.details,
            )
            error.add_detail("request_id", request_id)
        return _status_of(error, context)

    def _bug(self, error: Exception, context: grpc.ServicerContext) -> status.Failure:
        request_id = _request_id(context) or uuid.uuid4().hex
        self._log.error("bug", request_id=request_id, exc_info=error)
        return status.of_bug(request_id)

    def _end(self, code: grpc.StatusCode, began: float, context: grpc.ServicerContext) -> None:
        seconds = time.perf_counter() - began
        self._metrics.end(status.name(code), seconds)
        if self._log_calls:
            self._log.info(
                "call", request_id=_request_id(context), code=status.name(code), seconds=round(seconds, 6)
            )


def refuse(pool: CallPool, context: grpc.ServicerContext) -> None:
    """Abort a call because its pool is full.

    Raises:
        Exception: gRPC's way to abort.
    """
    error = ResourceExhaustedError(
        f"the server is full: {pool.calls} calls are being answered or wait",
        reason="TOO_MANY_CALLS",
        retry_after_seconds=RETRY_AFTER_SECONDS,
    )
    context.abort_with_status(_status_of(error, context))


def ending(context: grpc.ServicerContext) -> grpc.StatusCode:
    """How a call ended that nobody waits for any more."""
    expired = context.time_remaining() == 0
    return grpc.StatusCode.DEADLINE_EXCEEDED if expired else grpc.StatusCode.CANCELLED


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
