"""The loop that takes all calls, from their headers to their messages, and hands them to their methods."""

import time
from collections.abc import Callable, Mapping
from threading import Thread
from typing import Protocol

import grpc

from assayd_server import logs
from assayd_server.errors import CallCancelledError
from assayd_server.rpc.authorization import Authorization
from assayd_server.rpc.direct.core_calls import CoreCall, CoreCalls
from assayd_server.rpc.guarded import ending, no_message
from assayd_server.rpc.outcomes import Outcomes
from assayd_server.rpc.pools import STALLED_AFTER_SECONDS
from assayd_server.rpc.status import Failure
from assayd_server.rpc.unread import UnreadAnswers

_TOGETHER_MAX = 64
"""Calls that are put off for others to go with them."""
_PUT_OFF_MAX = 4 * _TOGETHER_MAX
"""Events that they wait for, of which a call has three or four."""
_LOOK_SECONDS = 0.25
"""How late a call without a message may be noticed."""
_UNREAD_SECONDS = 1.0
"""How long an answer may wait for its caller while there is little room for those of others."""
_log = logs.get_logger()


class Method(Protocol):
    """One RPC."""

    outcomes: Outcomes

    def take(self, call: CoreCall, message: bytes) -> None:
        """Answer a call, now or later, or let it fail."""


class Quick(Protocol):
    """What can be put off until no more calls come, so that they go together."""

    @property
    def waiting(self) -> int:
        """How many calls."""

    def advance(self) -> None:
        """Do it, or have it done."""


class DirectCalls:
    """Open calls, bounded in number, and in the time that their messages may take."""

    def __init__(
        self,
        server: grpc.Server,
        methods: Mapping[str, Method],
        *,
        authorization: Authorization,
        quick: Quick,
        calls_max: int,
        message_wait_max_seconds: float,
        on_stalled: Callable[[], None],
        unread: UnreadAnswers,
    ) -> None:
        """Take these methods over from a server that is not started.

        Args:
            server: has no handlers for them.
            methods: by path.
            authorization: says which calls may be made.
            quick: is told to go on whenever there is nothing else to do.
            calls_max: open at one time; the next one is refused at once.
            message_wait_max_seconds: after this a call whose message has not come is cancelled.
            on_stalled: is told of each that was.
            unread: where answers wait for callers who do not read them.
        """
        self._methods = methods
        self._authorization = authorization
        self._quick = quick
        self._calls_max = calls_max
        self._message_wait_max_seconds = message_wait_max_seconds
        self._on_stalled = on_stalled
        self._open: set[CoreCall] = set()
        self._waiting: dict[CoreCall, float] = {}
        """Calls without a message, oldest first, and since when."""
        self._unread = unread
        self._sending: dict[CoreCall, float] = {}
        """Calls whose answers are on their way, oldest first, and since when."""
        self._unclosed = 0
        self._put_off = 0
        """Events since something was put off."""
        self._core = CoreCalls(server, methods, self)
        self._thread = Thread(target=self._run, name="direct-calls", daemon=True)

    @property
    def calls(self) -> int:
        """Calls that are not answered yet."""
        return len(self._open)

    def start(self) -> None:
        """Take calls; once the server is started."""
        self._core.start()
        self._thread.start()

    def join(self) -> None:
        """Wait for the end of the last call; once the server stops."""
        if self._thread.is_alive():
            self._thread.join()

    def arrived(self, call: CoreCall) -> None:
        """As of Listener."""
        self._unclosed += 1
        try:
            self._take(call)
        except Exception as error:  # a call without an answer would be open for ever
            self._waiting.pop(call, None)
            self._fail(call, error)

    def received(self, call: CoreCall, message: bytes | None) -> None:
        """As of Listener."""
        if self._waiting.pop(call, None) is None:  # it was cancelled for being late
            return
        if message is None:
            self._fail(call, no_message())
            return
        try:
            self._methods[call.method].take(call, message)
        except Exception as error:  # as above
            self._fail(call, error)

    def answered(self, call: CoreCall) -> None:
        """As of Listener."""
        self._open.discard(call)
        if not call.is_closed:
            self._sending[call] = time.monotonic()

    def closed(self, call: CoreCall) -> None:
        """As of Listener."""
        self._unclosed -= 1
        self._sending.pop(call, None)

    def _take(self, call: CoreCall) -> None:
        """Let a call in and wait for its message, or answer it at once."""
        others = len(self._open)
        self._open.add(call)
        denial = self._authorization.refusal(call.method, call.metadata, call.auth_context)
        if denial is not None:
            self._fail(call, denial)
        elif others >= self._calls_max and not self._make_room():
            self._refuse(call)
        else:
            self._waiting[call] = time.monotonic()
            call.receive()

    def _make_room(self) -> bool:
        """Refuse the oldest call without a message, where these hold more than half of all places and it is late.

        Who means harm could else keep everybody out with headers alone; half is for those whose messages are long.
        """
        if 2 * len(self._waiting) <= self._calls_max:
            return False
        call, began = next(iter(self._waiting.items()))
        if began > time.monotonic() - STALLED_AFTER_SECONDS:
            return False
        del self._waiting[call]
        self._on_stalled()
        self._refuse(call)
        return True

    def _fail(self, call: CoreCall, error: Exception) -> None:
        """Answer a call that has no message; that its caller went away instead is known once it is closed."""
        outcomes = self._methods[call.method].outcomes
        self._end(call, outcomes, outcomes.failure_of(error, call.metadata))

    def _refuse(self, call: CoreCall) -> None:
        outcomes = self._methods[call.method].outcomes
        self._end(call, outcomes, outcomes.refusal(self._calls_max, call.metadata))

    def _end(self, call: CoreCall, outcomes: Outcomes, failure: Failure) -> None:
        began = time.perf_counter()
        outcomes.start()
        call.add_callback(
            lambda: outcomes.end(ending(call) if call.is_cancelled else failure.code, began, call.metadata)
        )
        call.fail(failure)

    def _run(self) -> None:
        look = 0.0
        while not (self._core.is_ended and self._unclosed == 0 and not self._open):
            try:
                self._turn()
                if (now := time.monotonic()) > look:
                    look = now + _LOOK_SECONDS
                    self._cancel_stalled(now - self._message_wait_max_seconds)
                    self._cancel_unread(now - _UNREAD_SECONDS)
            except Exception:  # whatever it was, the other calls go on
                _log.exception("bug")
        self._core.close()

    def _turn(self) -> None:
        """Take what comes. Once nothing more does, or enough has, what was put off is done."""
        waiting = self._quick.waiting
        if not waiting:
            self._put_off = 0
            self._core.turn(_LOOK_SECONDS)
        elif self._is_enough(waiting) or not self._core.turn(0):
            self._put_off = 0
            self._quick.advance()
            self._take_what_has_come()
        else:
            self._put_off += 1

    def _take_what_has_come(self) -> None:
        """Before more is computed: a full server refuses at once, however much waits."""
        for _ in range(_PUT_OFF_MAX):
            if not self._core.turn(0):
                return

    def _is_enough(self, waiting: int) -> bool:
        return waiting >= min(len(self._open), _TOGETHER_MAX) or self._put_off >= _PUT_OFF_MAX

    def _cancel_stalled(self, since: float) -> None:
        """Calls whose messages should have come."""
        while self._waiting:
            call, began = next(iter(self._waiting.items()))
            if began > since:
                return
            del self._waiting[call]
            self._on_stalled()
            self._fail(call, CallCancelledError("no message came in time", reason="MESSAGE_LATE"))

    def _cancel_unread(self, since: float) -> None:
        """Calls whose answers nobody reads, the oldest first, until there is room for the answers of others."""
        if not self._unread.is_crowded:
            return
        for call, began in list(self._sending.items()):
            if began > since:
                return
            self._sending.pop(call, None)
            self._on_stalled()
            call.cancel()
