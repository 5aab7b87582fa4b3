"""Lets forward passes through one at a time, and bounds how many rows may wait for it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from assayd_server import deadline as deadlines
from assayd_server.errors import RETRY_AFTER_SECONDS, ResourceExhaustedError


class Gate:
    """One pass at a time: a pass uses every CPU by itself, two at once would only share them.

    Rows that wait or run are counted; past the limit a call is refused at once.
    """

    def __init__(self, rows_pending_max: int) -> None:
        self._rows_pending_max = rows_pending_max
        self._rows_pending = 0
        self._count = threading.Lock()
        self._turn = threading.Lock()

    @property
    def rows_pending(self) -> int:
        """Rows that wait for their pass or are in it."""
        return self._rows_pending

    @contextmanager
    def enter(self, row_count: int, deadline: float) -> Iterator[None]:
        """Wait for the turn, and hold it for the body.

        Raises:
            ResourceExhaustedError: too many rows are waiting.
            DeadlineExceededError: the turn did not come in time.
        """
        self._admit(row_count)
        try:
            remaining = deadlines.remaining_seconds(deadline)
            if not self._turn.acquire(timeout=-1 if remaining is None else min(remaining, threading.TIMEOUT_MAX)):
                raise deadlines.passed()
            try:
                deadlines.check(deadline)
                yield
            finally:
                self._turn.release()
        finally:
            self._leave(row_count)

    def _admit(self, row_count: int) -> None:
        with self._count:
            # a request larger than the limit passes when it is alone, or it never would
            if self._rows_pending and self._rows_pending + row_count > self._rows_pending_max:
                raise ResourceExhaustedError(
                    f"{self._rows_pending} rows are waiting, allowed are {self._rows_pending_max}",
                    reason="TOO_MANY_PENDING_ROWS",
                    retry_after_seconds=RETRY_AFTER_SECONDS,
                )
            self._rows_pending += row_count

    def _leave(self, row_count: int) -> None:
        with self._count:
            self._rows_pending -= row_count
