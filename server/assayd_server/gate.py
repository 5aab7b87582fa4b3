"""Lets one computation through at a time, and bounds how many rows may wait for it."""

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from assayd_server.caller import Caller
from assayd_server.errors import RETRY_AFTER_SECONDS, ResourceExhaustedError, ServiceError

_LOOK_UP_SECONDS = 0.1
"""How long a call that was cancelled while it waited can go unnoticed."""


class Gate:
    """One computation at a time: it uses every CPU by itself, and memory that several at once might not find.

    Rows that wait or are computed are counted; past the limit a call is refused at once.
    """

    def __init__(self, rows_pending_max: int) -> None:
        self._rows_pending_max = rows_pending_max
        self._rows_pending = 0
        self._taken = False
        self._queue: deque[threading.Event] = deque()
        self._lock = threading.Lock()

    @property
    def rows_pending(self) -> int:
        """Rows that wait for their turn or have it."""
        return self._rows_pending

    @contextmanager
    def enter(self, row_count: int, caller: Caller) -> Iterator[None]:
        """Wait for the turn, first come first served, and hold it for the body.

        Raises:
            ResourceExhaustedError: too many rows are waiting.
            DeadlineExceededError: the turn did not come in time.
            CallCancelledError: the caller went away meanwhile.
        """
        self._admit(row_count)
        try:
            self._wait(caller)
            try:
                caller.check()
                yield
            finally:
                self._pass_on()
        finally:
            self._leave(row_count)

    def _wait(self, caller: Caller) -> None:
        turn = self._line_up()
        try:
            while not turn.wait(min(caller.patience_seconds, _LOOK_UP_SECONDS)):
                caller.check()
        except ServiceError:
            self._give_up(turn)
            raise

    def _line_up(self) -> threading.Event:
        """An event that is set when the turn has come; at once where nobody has it."""
        turn = threading.Event()
        with self._lock:
            if self._taken:
                self._queue.append(turn)
            else:
                self._taken = True
                turn.set()
        return turn

    def _give_up(self, turn: threading.Event) -> None:
        with self._lock:
            given = turn not in self._queue
            if not given:
                self._queue.remove(turn)
        if given:  # it came in the same moment
            self._pass_on()

    def _pass_on(self) -> None:
        with self._lock:
            self._taken = bool(self._queue)
            if self._queue:
                self._queue.popleft().set()

    def _admit(self, row_count: int) -> None:
        with self._lock:
            # a request larger than the limit passes when it is alone, or it never would
            if self._rows_pending and self._rows_pending + row_count > self._rows_pending_max:
                raise ResourceExhaustedError(
                    f"{self._rows_pending} rows are waiting, allowed are {self._rows_pending_max}",
                    reason="TOO_MANY_PENDING_ROWS",
                    retry_after_seconds=RETRY_AFTER_SECONDS,
                )
            self._rows_pending += row_count

    def _leave(self, row_count: int) -> None:
        with self._lock:
            self._rows_pending -= row_count
