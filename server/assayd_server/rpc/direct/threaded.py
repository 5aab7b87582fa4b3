"""RPCs whose calls may take long: each gets a thread once its message is there."""

import time
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any, TypeAlias

import grpc
from google.protobuf.message import DecodeError

from assayd_server.rpc.direct.core_calls import CoreCall
from assayd_server.rpc.guarded import ending, not_of_this_type
from assayd_server.rpc.held_requests import CallBytes, HeldRequests
from assayd_server.rpc.outcomes import Outcomes
from assayd_server.rpc.unread import UnreadAnswers
from assayd_server.trace import CURRENT

Work: TypeAlias = Callable[[], bytes]
"""Makes the response to a call, on the thread that it has got."""


class ThreadedMethod:
    """One RPC: calls its servicer on a thread, and answers with a status whatever happens there."""

    def __init__(
        self,
        handler: Any,
        pool: Executor,
        *,
        outcomes: Outcomes,
        requests: HeldRequests,
        unread: UnreadAnswers,
    ) -> None:
        """Guard a method.

        Args:
            handler: what gRPC has for it, unary.
            pool: the threads on which it is answered.
            outcomes: how its calls end.
            requests: bounds the messages that are held at one time.
            unread: bounds the answers that nobody reads.
        """
        self.outcomes = outcomes
        self._servicer = handler.unary_unary
        self._parse = handler.request_deserializer
        self._serialize = handler.response_serializer
        self._pool = pool
        self._requests = requests
        self._unread = unread

    def take(self, call: CoreCall, message: bytes) -> None:
        """As of Method."""
        began = time.perf_counter()
        self.outcomes.start()
        call.trace = self.outcomes.trace(call.metadata)
        held = self._requests.call()
        try:
            held.add(len(message))
        except Exception as error:
            self.fail(call, error, began)
            return
        self.take_held(call, [message], held, began)

    def take_held(self, call: CoreCall, message: list[bytes], held: CallBytes, began: float) -> None:
        """A call that has been counted, with its message in a list, out of which it is taken."""
        self.take_work(call, [lambda: self._called(message, call)], held, began)

    def take_work(self, call: CoreCall, work: list[Work], held: CallBytes, began: float) -> None:
        """A call that has been counted, with what makes its answer in a list, out of which it is taken."""
        try:
            call.watch()
            self._pool.submit(self._answer, call, work, held, began)
        except Exception as error:  # the pool has ended, say
            if work:  # else one of its threads has taken it all the same
                work.clear()
                held.end()
                self.fail(call, error, began)

    def succeed(self, call: CoreCall, response: bytes, began: float) -> None:
        """Send a response."""
        self._unread.add(len(response), call)
        self.outcomes.end(
            grpc.StatusCode.OK if call.is_active() else ending(call), began, call.metadata, call.trace
        )
        call.answer(response)

    def fail(self, call: CoreCall, error: Exception, began: float) -> None:
        """Send the status of an error."""
        failure = self.outcomes.failure_of(error, call.metadata)
        self.outcomes.end(failure.code, began, call.metadata, call.trace)
        call.fail(failure)

    def _answer(self, call: CoreCall, work: list[Work], held: CallBytes, began: float) -> None:
        if not work:  # it has failed already
            return
        own = CURRENT.set(call.trace)
        try:
            if not call.is_active():  # it expired or was cancelled while it waited for its thread
                self.outcomes.end(ending(call), began, call.metadata, call.trace)
                call.drop()
                return
            self.succeed(call, work.pop()(), began)
        except Exception as error:  # a bug must not take the thread down
            self.fail(call, error, began)
        finally:
            held.end()
            CURRENT.reset(own)

    def _called(self, message: list[bytes], call: CoreCall) -> bytes:
        answer: bytes = self._serialize(self._servicer(self._parsed(message), call))
        return answer

    def _parsed(self, message: list[bytes]) -> Any:
        try:
            return self._parse(message.pop())
        except DecodeError:
            raise not_of_this_type() from None
