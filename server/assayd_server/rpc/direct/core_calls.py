"""Calls as gRPC's core has them. The only file that uses grpc's own parts, which may change with any release."""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from threading import Lock
from typing import Any, Protocol

import grpc
from grpc._cython import cygrpc  # type: ignore[attr-defined]  # its names are made when it is loaded

from assayd_server import logs
from assayd_server.rpc.outcomes import CallTrace
from assayd_server.rpc.status import Failure

_log = logs.get_logger()
_NO_FLAGS = 0
_ASKED_AHEAD = 8
"""Calls of each method that the core may hand over at a time."""
_PARTS = {
    "Server": ("register_completion_queue", "register_method", "request_registered_call"),
    "CompletionQueue": ("poll", "shutdown"),
    "Call": ("start_server_batch", "cancel"),
    "ReceiveMessageOperation": ("message",),
    "ReceiveCloseOnServerOperation": ("cancelled",),
    "SendInitialMetadataOperation": (),
    "SendMessageOperation": (),
    "SendStatusFromServerOperation": (),
    "auth_context": (),
}
"""Of grpc's Cython module, with what is used of each."""


class Listener(Protocol):
    """Is told what becomes of calls, by the thread that waits for it where nothing else is said."""

    def arrived(self, call: "CoreCall") -> None:
        """A call has begun; its message is still on its way."""

    def received(self, call: "CoreCall", message: bytes | None) -> None:
        """The message of a call; None where it ended without one."""

    def answered(self, call: "CoreCall") -> None:
        """A call has its answer, which is on its way; told once of each call, by whichever thread has given it."""

    def closed(self, call: "CoreCall") -> None:
        """A call is over: its answer has gone, or its caller has."""


class CoreCall:
    """One call. It is answered once, by any thread."""

    __slots__ = (
        "_call",
        "_deadline",
        "_is_answered",
        "_listener",
        "_lock",
        "_on_close",
        "_watched",
        "is_cancelled",
        "is_closed",
        "metadata",
        "method",
        "trace",
    )

    def __init__(self, event: Any, method: str, listener: Listener) -> None:
        """Of the event that tells of it."""
        self.method = method
        self.metadata: tuple[tuple[str, str | bytes], ...] = event.invocation_metadata
        self.trace: CallTrace | None = None
        """Where its time goes, where somebody wants to know."""
        self.is_closed = False
        """Whether it is over."""
        self.is_cancelled = False
        """Whether it was over before its answer had gone."""
        self._call = event.call
        # told by the wall clock, which may be set to another time before the call ends
        self._deadline = time.monotonic() + (event.call_details.deadline - time.time())
        self._listener = listener
        self._lock = Lock()
        """Calls are watched by one thread and answered by another."""
        self._watched = False
        self._is_answered = False
        self._on_close: list[Callable[[], None]] = []

    def time_remaining(self) -> float:
        """Seconds until its deadline, 0 or more; very many where it has none."""
        return max(0.0, self._deadline - time.monotonic())

    def is_active(self) -> bool:
        """Whether somebody waits for the answer, as far as is known: who wants to know watches it."""
        return not self.is_closed

    def auth_context(self) -> Mapping[str, Sequence[bytes]]:
        """What is known of the far end, as of grpc.ServicerContext."""
        return {key.decode(): values for key, values in (cygrpc.auth_context(self._call) or {}).items()}

    def receive(self) -> None:
        """Wait for its message."""
        self._start((cygrpc.ReceiveMessageOperation(_NO_FLAGS),), self._received)

    def watch(self) -> None:
        """Be told at once when its caller goes away, for which there would else be word when it is answered."""
        with self._lock:
            if not self._watched and not self._is_answered:
                self._watched = True
                self._start((cygrpc.ReceiveCloseOnServerOperation(_NO_FLAGS),), self._closed)

    def answer(self, message: bytes) -> None:
        """Send a response, and the status OK."""
        self._end(
            cygrpc.SendInitialMetadataOperation(None, _NO_FLAGS),
            cygrpc.SendMessageOperation(message, _NO_FLAGS),
            cygrpc.SendStatusFromServerOperation(None, 0, b"", _NO_FLAGS),
        )

    def fail(self, failure: Failure) -> None:
        """Send another status."""
        details, code = failure.details.encode(), failure.code.value[0]
        self._end(
            cygrpc.SendInitialMetadataOperation(None, _NO_FLAGS),
            cygrpc.SendStatusFromServerOperation(failure.trailing_metadata, code, details, _NO_FLAGS),
        )

    def add_callback(self, callback: Callable[[], None]) -> bool:
        """Call back when it is over; False where it is already."""
        with self._lock:
            if not self.is_closed:
                self._on_close.append(callback)
            return not self.is_closed

    def cancel(self) -> None:
        """End it, and with it whatever of its answer has not gone yet."""
        self._call.cancel()

    def drop(self) -> None:
        """Send nothing: it is over."""
        self._end()

    def _end(self, *operations: Any) -> None:
        """Send the last that there is; after the first time nothing is."""
        with self._lock:
            if self._is_answered:
                return
            self._is_answered = True
            try:
                if not self._watched:
                    self._start((*operations, cygrpc.ReceiveCloseOnServerOperation(_NO_FLAGS)), self._closed)
                elif operations and not self.is_closed:
                    self._start(operations, _ignored)
            finally:  # no sooner: after the last answer the queue ends, and nothing may be sent
                self._listener.answered(self)

    def _start(self, operations: tuple[Any, ...], done: Callable[[Any], None]) -> None:
        refused = self._call.start_server_batch(operations, done)
        if refused:  # of what was started already: a mistake of ours
            raise RuntimeError(f"gRPC refused to go on with a call: {refused}")

    def _received(self, event: Any) -> None:
        self._listener.received(self, event.batch_operations[0].message())

    def _closed(self, event: Any) -> None:
        with self._lock:
            self.is_cancelled = event.batch_operations[-1].cancelled()
            self.is_closed = True
            callbacks, self._on_close = self._on_close, []
        for callback in callbacks:
            try:
                callback()
            except Exception:  # what others have to be told does not hang by it
                _log.exception("bug")
        self._listener.closed(self)


class CoreCalls:
    """The calls of some methods of a grpc.Server, which never gets to see them."""

    def __init__(self, server: grpc.Server, methods: Collection[str], listener: Listener) -> None:
        """Take the methods over; before the server is started.

        Args:
            server: has no handlers for them.
            methods: such as /assayd.v1.ScoringService/Score.
            listener: is told of their calls.
        """
        self.core = _core_of(server)
        self.listener = listener
        self.queue = cygrpc.CompletionQueue()
        self.core.register_completion_queue(self.queue)
        for method in methods:
            self.core.register_method(method)
        self.asked = 0
        """Calls that the core has been asked for and has not handed over."""
        self._doors = [_Door(self, method) for method in methods]

    @property
    def is_ended(self) -> bool:
        """Whether no further call will come: the server stops."""
        return self.asked == 0

    def start(self) -> None:
        """Ask for calls; once the server is started."""
        for door in self._doors:
            for _ in range(_ASKED_AHEAD):
                door.ask()

    def turn(self, seconds: float) -> bool:
        """Wait for what happens next, and tell the listener.

        Args:
            seconds: at most so long; with 0 only for what has happened already.

        Returns:
            Whether anything has happened.
        """
        event = self.queue.poll(time.time() + seconds if seconds else 0)
        if event.tag is None:
            return False
        event.tag(event)
        return True

    def close(self) -> None:
        """Once no call is open: take what has happened meanwhile, and end."""
        self.queue.shutdown()
        while self.turn(1):
            pass


class _Door:
    """Where the calls of one method come in. An event of the queue is told of a call by calling it."""

    __slots__ = ("_calls", "_method")

    def __init__(self, calls: CoreCalls, method: str) -> None:
        self._calls = calls
        self._method = method

    def __call__(self, event: Any) -> None:
        self._calls.asked -= 1
        if event.success:
            self.ask()
            listener = self._calls.listener
            listener.arrived(CoreCall(event, self._method, listener))

    def ask(self) -> None:
        """For one more call; not of a server that stops."""
        queue = self._calls.queue
        with suppress(ValueError):
            self._calls.core.request_registered_call(queue, queue, self._method, self)
            self._calls.asked += 1


def why_not() -> str:
    """What of grpc is not as it has to be; empty where all is."""
    for name, attributes in _PARTS.items():
        kind = getattr(cygrpc, name, None)
        lacking = next((attribute for attribute in attributes if not hasattr(kind, attribute)), None)
        if kind is None or lacking is not None:
            return f"grpc {grpc.__version__} has no {name}{'.' if lacking else ''}{lacking or ''}"
    return ""


def _core_of(server: Any) -> Any:
    return server._state.server


def _ignored(_: Any) -> None:
    """What has been sent needs nothing more."""
