"""Lets one computation through at a time, and bounds how many rows may wait for it."""

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from assayd_server.caller import Caller, Lane
from assayd_server.errors import RETRY_AFTER_SECONDS, ResourceExhaustedError, ServiceError

_LOOK_UP_SECONDS = 0.1
"""How long a call that was cancelled while it waited can go unnoticed."""
ONLINE_RUN_MAX = 8
"""So many computations of the online lane in a row, and then one of the bulk lane, where both wait."""


class Place:
    """A place in the line, of a computation or of a job that another computation may do along with its own."""

    __slots__ = ("called", "job", "lane")

    def __init__(self, lane: Lane, job: Any) -> None:
        self.lane = lane
        self.job = job
        self.called = threading.Event()
        """Set when its turn has come, or when its job is done."""


class Gate:
    """One computation at a time: it uses every CPU by itself, and memory that several at once might not find.

    Rows that wait or are computed are counted; past the limit a call is refused at once. The online lane goes
    first.
    """

    def __init__(self, rows_pending_max: int) -> None:
        self._rows_pending_max = rows_pending_max
        self._rows_pending = 0
        self._taken = False
        self._lines: dict[Lane, deque[Place]] = {lane: deque() for lane in Lane}
        self._online_run = 0
        self._lock = threading.Lock()
        self._longer = threading.Condition(self._lock)
        """The line has become longer."""

    @property
    def rows_pending(self) -> int:
        """Rows that wait for their turn or have it."""
        return self._rows_pending

    @property
    def waiting(self) -> int:
        """How many places there are in the line."""
        return sum(map(len, self._lines.values()))

    @contextmanager
    def enter(self, row_count: int, caller: Caller) -> Iterator[None]:
        """Wait for the turn, first come first served in each lane, and hold it for the body.

        Raises:
            ResourceExhaustedError: too many rows are waiting.
            DeadlineExceededError: the turn did not come in time.
            CallCancelledError: the caller went away meanwhile.
        """
        with self.admitted(row_count):
            self.wait(self.line_up(caller.lane), caller)
            try:
                caller.check()
                yield
            finally:
                self.pass_on()

    @contextmanager
    def admitted(self, row_count: int) -> Iterator[None]:
        """Rows that wait or are computed, for as long as the body takes.

        Raises:
            ResourceExhaustedError: too many rows are waiting.
        """
        self.admit(row_count)
        try:
            yield
        finally:
            self.release(row_count)

    def admit(self, row_count: int) -> None:
        """Count rows that wait, or are computed, until they are released.

        Raises:
            ResourceExhaustedError: too many rows are waiting.
        """
        with self._lock:
            # a request larger than the limit passes when it is alone, or it never would
            if self._rows_pending and self._rows_pending + row_count > self._rows_pending_max:
                raise ResourceExhaustedError(
                    f"{self._rows_pending} rows are waiting, allowed are {self._rows_pending_max}",
                    reason="TOO_MANY_PENDING_ROWS",
                    retry_after_seconds=RETRY_AFTER_SECONDS,
                )
            self._rows_pending += row_count

    def release(self, row_count: int) -> None:
        """Rows that were admitted wait no more."""
        with self._lock:
            self._rows_pending -= row_count

    def try_enter(self) -> bool:
        """Take the turn where nobody has it, until it is passed on."""
        with self._lock:
            taken, self._taken = self._taken, True
            return not taken

    def line_up(self, lane: Lane, job: Any = None) -> Place:
        """A place that is called when its turn has come; at once where nobody has it.

        Args:
            lane: in which it waits.
            job: what another computation may do in its turn, which take() tells it of.
        """
        place = Place(lane, job)
        with self._lock:
            if self._taken:
                self._lines[lane].append(place)
                self._longer.notify_all()
            else:
                self._taken = True
                place.called.set()
        return place

    def wait(self, place: Place, caller: Caller) -> None:
        """Wait until a place is called.

        Raises:
            ServiceError: the caller stopped waiting before; the place is given up.
        """
        try:
            while not place.called.wait(min(caller.patience_seconds, _LOOK_UP_SECONDS)):
                caller.check()
        except ServiceError:
            self._give_up(place)
            raise

    def take(self, wanted: Callable[[Any], bool], lanes: tuple[Lane, ...]) -> list[Place]:
        """Places whose jobs are done in the turn of the calling thread, out of the line; call them when they are.

        Args:
            wanted: whether a job is taken; asked in the order of the lanes and in each of the line.
            lanes: which to look at.
        """
        with self._lock:
            return [place for lane in lanes for place in self._taken_from(self._lines[lane], wanted)]

    def wait_for_more(self, seconds: float) -> None:
        """In a turn: until the line has become longer, at most so long."""
        with self._lock:
            self._longer.wait(seconds)

    def pass_on(self) -> None:
        """End the turn of the calling thread."""
        with self._lock:
            line = self._next_line()
            self._taken = line is not None
            if line is not None:
                line.popleft().called.set()

    def _next_line(self) -> deque[Place] | None:
        online, bulk = self._lines[Lane.ONLINE], self._lines[Lane.BULK]
        if online and (not bulk or self._online_run < ONLINE_RUN_MAX):
            self._online_run += bool(bulk)
            return online
        self._online_run = 0
        return bulk or None

    @staticmethod
    def _taken_from(line: deque[Place], wanted: Callable[[Any], bool]) -> list[Place]:
        taken = [place for place in line if place.job is not None and wanted(place.job)]
        for place in taken:
            line.remove(place)
        return taken

    def _give_up(self, place: Place) -> None:
        with self._lock:
            line = self._lines[place.lane]
            waited = place in line
            if waited:
                line.remove(place)
        if not waited and place.called.is_set() and not _is_done(place):  # its turn came in the same moment
            self.pass_on()


def _is_done(place: Place) -> bool:
    return place.job is not None and place.job.done
