"""A streaming RPC of assayd: its end, its metrics, and a status for whatever its servicer raises."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from threading import Lock
from typing import Any

import grpc

from assayd_server.rpc import status
from assayd_server.rpc.guarded import GuardedMethod, ending
from assayd_server.rpc.held_requests import CallBytes
from assayd_server.rpc.mailbox import Mailbox
from assayd_server.rpc.pools import StalledError


class OpenStreams:
    """The streams of a server: when it stops, each ends with UNAVAILABLE, after an answer to what was received."""

    def __init__(self) -> None:
        self._open: set[Mailbox] = set()
        self._ended = False
        self._lock = Lock()

    def end(self) -> None:
        """Let every stream end once what it has received is answered, and receive no more messages."""
        with self._lock:
            self._ended = True
            streams = list(self._open)
        for mailbox in streams:
            mailbox.close()

    @contextmanager
    def added(self, mailbox: Mailbox) -> Iterator[None]:
        """A stream, for as long as the body takes; then nobody waits for its messages any more."""
        with self._lock:
            self._open.add(mailbox)
            ended = self._ended
        if ended:
            mailbox.close()
        try:
            yield
        finally:
            mailbox.close()
            with self._lock:
                self._open.discard(mailbox)


class GuardedStream(GuardedMethod):
    """One streaming RPC: an answer for each message, and a status whatever happens."""

    def __init__(self, streams: OpenStreams, **guard: Any) -> None:
        """Guard a method.

        Args:
            streams: where it is kept while it is open.
            **guard: as of GuardedMethod; the handler is one of streams.
        """
        super().__init__(**guard)
        self._streams = streams

    def answers(self, messages: Iterator[Any], context: grpc.ServicerContext) -> Iterator[Any]:
        """The servicer's responses, then perhaps an abort with the status of what it raised."""
        self._check_access(context)
        self._outcomes.start()
        began = time.perf_counter()
        failure: status.Failure | None = None
        code = grpc.StatusCode.CANCELLED  # where gRPC closes this generator: the caller is gone
        try:
            with self._requests.of_call() as held:
                mailbox = Mailbox(partial(self._held, messages, context, held))
                with self._streams.added(mailbox):
                    for response in self._servicer(self._each(mailbox, held), context):
                        with self._pool.sending(context):
                            yield response
            code = grpc.StatusCode.OK
        except (grpc.RpcError, StalledError):
            code = ending(context)
        except Exception as error:  # as for unary calls
            failure = self._outcomes.failure_of(error, context.invocation_metadata())
        finally:
            self._end(failure.code if failure else code, began, context)
        if failure is not None:
            context.abort_with_status(failure)  # raises, so it stands outside of the try

    def _held(self, messages: Iterator[Any], context: grpc.ServicerContext, held: CallBytes) -> bytes:
        """The next message, counted."""
        message: bytes = self._pool.receive(messages, context)
        held.add(len(message))
        return message

    def _each(self, mailbox: Mailbox, held: CallBytes) -> Iterator[Any]:
        """The messages, parsed, as they come; each is held until the next one is asked for."""
        while True:
            try:
                message = mailbox.take()
            except StopIteration:
                return
            size = len(message)
            yield self._parsed(message)
            held.drop(size)
