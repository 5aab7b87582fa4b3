"""A streaming RPC of assayd: its end, its metrics, and a status for whatever its servicer raises."""

import time
from collections.abc import Iterator
from threading import Lock
from typing import Any

import grpc

from assayd_server.errors import ServiceError, UnavailableError
from assayd_server.rpc import status
from assayd_server.rpc.guarded import GuardedMethod, ending
from assayd_server.rpc.pools import StalledError


class OpenStreams:
    """The streams of a server: when it stops, those that wait for a message are cut, others after their answer."""

    def __init__(self) -> None:
        self._waiting: set[grpc.ServicerContext] = set()
        self._ended = False
        self._lock = Lock()

    def end(self) -> None:
        """Let every stream end, and take no more messages."""
        with self._lock:
            self._ended = True
            waiting = list(self._waiting)
        for context in waiting:
            context.cancel()

    def wait(self, context: grpc.ServicerContext) -> None:
        """A stream is about to wait for a message.

        Raises:
            UnavailableError: the server is stopping.
        """
        with self._lock:
            if self._ended:
                raise UnavailableError(
                    "the server is stopping: go on elsewhere by the last state", reason="STOPPING"
                )
            self._waiting.add(context)

    def busy(self, context: grpc.ServicerContext) -> None:
        """A stream has its message, or is over."""
        with self._lock:
            self._waiting.discard(context)


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
        self._metrics.start()
        began = time.perf_counter()
        failure: status.Failure | None = None
        code = grpc.StatusCode.CANCELLED  # where gRPC closes this generator: the caller is gone
        try:
            yield from self._servicer(self._each(messages, context), context)
            code = grpc.StatusCode.OK
        except ServiceError as error:
            failure = self._deliberate(error, context)
        except (grpc.RpcError, StalledError):
            code = ending(context)
        except Exception as error:  # as for unary calls
            failure = self._bug(error, context)
        finally:
            self._streams.busy(context)
            self._end(failure.code if failure else code, began, context)
        if failure is not None:
            context.abort_with_status(failure)  # raises, so it stands outside of the try

    def _each(self, messages: Iterator[Any], context: grpc.ServicerContext) -> Iterator[Any]:
        """The messages, parsed, as they come."""
        while True:
            self._streams.wait(context)
            try:
                message = self._pool.receive(messages, context)
            except StopIteration:
                return
            finally:
                self._streams.busy(context)
            yield self._parsed(message)
