"""One RPC of assayd: deadlines, metrics, and the turning of whatever its servicer raises into a status."""

import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from typing import Any

import grpc
from google.protobuf.message import DecodeError

from assayd_server.errors import InvalidArgumentError, ServiceError
from assayd_server.rpc import status
from assayd_server.rpc.authorization import Authorization
from assayd_server.rpc.held_requests import CallBytes, HeldRequests
from assayd_server.rpc.outcomes import CallTrace, Outcomes
from assayd_server.rpc.pools import CallPool, StalledError
from assayd_server.rpc.refusals import refusal
from assayd_server.rpc.unread import UnreadAnswers
from assayd_server.rpc.waiting import Waiting
from assayd_server.trace import CURRENT


class GuardedMethod:
    """One RPC: calls its servicer, and answers with a status whatever happens there."""

    def __init__(
        self,
        handler: Any,
        pool: CallPool,
        *,
        authorization: Authorization,
        outcomes: Outcomes,
        requests: HeldRequests,
        unread: UnreadAnswers,
    ) -> None:
        """Guard a method.

        Args:
            handler: what gRPC has for it, unary or of streams in both directions.
            pool: the threads on which it is answered.
            authorization: says which calls may be made.
            outcomes: how its calls end.
            requests: bounds the messages that are held at one time.
            unread: bounds the answers that nobody reads.
        """
        self._servicer = handler.unary_unary or handler.stream_stream
        assert self._servicer is not None  # there are no other kinds
        self._parse = handler.request_deserializer or bytes
        self._pool = pool
        self._authorization = authorization
        self._outcomes = outcomes
        self._requests = requests
        self._unread = unread

    def answer(self, messages: Iterator[Any], context: grpc.ServicerContext) -> Any:
        """The servicer's response, or an abort with the status of what it raised."""
        self._check_access(context)
        trace = self._outcomes.trace(context.invocation_metadata())
        with nullcontext() if trace is None else traced(trace):
            return self._answer(messages, context)

    def _answer(self, messages: Iterator[Any], context: grpc.ServicerContext) -> Any:
        self._outcomes.start()
        began = time.perf_counter()
        received = [self._received(messages, context, began)]
        began = time.perf_counter()
        try:
            with self._requests.of_call() as held:
                response = self._servicer(self._taken(received, held), context)
            self._unread.add(response.ByteSize(), context)
        except Exception as error:  # the one place where anything is caught: a bug must not take the server down
            failure = self._outcomes.failure_of(error, context.invocation_metadata())
        else:
            self._end(grpc.StatusCode.OK if context.is_active() else ending(context), began, context)
            return response
        self._end(failure.code, began, context)
        context.abort_with_status(failure)  # raises, so it stands outside of the try
        raise AssertionError("abort_with_status returned")

    def refuse(self, context: grpc.ServicerContext) -> Any:
        """Abort a call for which there is no thread."""
        self._outcomes.start()
        self._end(grpc.StatusCode.RESOURCE_EXHAUSTED, time.perf_counter(), context)
        refuse(self._pool, context)

    def deny(self, error: ServiceError, context: grpc.ServicerContext) -> Any:
        """Abort a call that its caller may not make."""
        self._outcomes.start()
        self._end(status.STATUS[type(error)], time.perf_counter(), context)
        context.abort_with_status(status.of_error(error))

    def _check_access(self, context: grpc.ServicerContext) -> None:
        """Before a message is waited for. By its token a call was let in already, but not by its certificate."""
        error = self._authorization.later_refusal(
            self._outcomes.name, context.invocation_metadata(), context.auth_context
        )
        if error is not None:
            self.deny(error, context)

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
            raise no_message()
        held.add(len(message))
        return self._parsed(message)

    def _parsed(self, message: bytes) -> Any:
        try:
            return self._parse(message)
        except DecodeError:
            raise not_of_this_type() from None

    def _end(self, code: grpc.StatusCode, began: float, context: grpc.ServicerContext) -> None:
        self._outcomes.end(code, began, context.invocation_metadata(), TRACED.get())


def refuse(pool: CallPool, context: grpc.ServicerContext) -> None:
    """Abort a call because its pool is full.

    Raises:
        Exception: gRPC's way to abort.
    """
    context.abort_with_status(refusal(pool.calls_max, context.invocation_metadata()))


TRACED: ContextVar[CallTrace | None] = ContextVar("traced", default=None)
"""The call that the thread answers, where it is traced: the one to tell of its end."""


@contextmanager
def traced(trace: CallTrace) -> Iterator[None]:
    """Whoever works for the call in the body can tell its trace of it."""
    ends, stages = TRACED.set(trace), CURRENT.set(trace)
    try:
        yield
    finally:
        CURRENT.reset(stages)
        TRACED.reset(ends)


def no_message() -> InvalidArgumentError:
    """Of a call that ended before it began."""
    return InvalidArgumentError("the call ended without a message", reason="MESSAGE_MISSING")


def not_of_this_type() -> InvalidArgumentError:
    """Of bytes that are something else."""
    return InvalidArgumentError("the message is not of this call's type", reason="BAD_MESSAGE")


def ending(context: Waiting) -> grpc.StatusCode:
    """How a call ended that nobody waits for any more."""
    expired = context.time_remaining() == 0
    return grpc.StatusCode.DEADLINE_EXCEEDED if expired else grpc.StatusCode.CANCELLED
