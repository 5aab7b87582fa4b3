"""Gives the rows of a stream to the client, and goes on where it was when a server comes back."""

import sys
import threading
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from typing import Any

from assayd import (
    CallCancelledError,
    Client,
    DeadlineExceededError,
    ResourceExhaustedError,
    UnavailableError,
    WatchReport,
)
from assayd.cli.sources.reading import Batch

PAUSE_SECONDS_MIN, PAUSE_SECONDS_MAX = 0.5, 10.0
_LATER = (UnavailableError, DeadlineExceededError, ResourceExhaustedError, CallCancelledError)


class Feed:
    """Batches, each of which comes again until it was answered."""

    def __init__(self, batches: Iterator[Batch], kind: str, *, rows_seen: int) -> None:
        """Nothing is taken yet.

        Args:
            batches: of the stream.
            kind: what its rows are, as the SDK calls it.
            rows_seen: how many rows of the stream came before.
        """
        self._batches = batches
        self._kind = kind
        self._waiting: Batch | None = None
        self._rows = rows_seen
        """With those of the batch that waits for its answer."""

    def __iter__(self) -> Iterator[Any]:
        """Itself."""
        return self

    def __next__(self) -> Any:
        """The batch that waits for its answer, or else the next one that has rows."""
        while self._waiting is None or not len(self._waiting):
            self._waiting = next(self._batches)
            self._rows += len(self._waiting)
        return self._waiting if self._kind == "x" else {self._kind: self._waiting}

    def answered(self, rows_seen: int) -> None:
        """So many rows of the stream were answered."""
        if rows_seen >= self._rows:
            self._waiting = None


class Patience:
    """Waits for a server that is away."""

    def __init__(
        self,
        seconds: float,
        stopping: threading.Event,
        *,
        pause_seconds: float = PAUSE_SECONDS_MIN,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Nothing is away yet.

        Args:
            seconds: how long in a row.
            stopping: ends the wait.
            pause_seconds: before the first attempt; it doubles each time.
            clock: seconds.
        """
        self._seconds = seconds
        self._stopping = stopping
        self._first_pause_seconds = pause_seconds
        self._clock = clock
        self._since: float | None = None
        self._pause_seconds = pause_seconds

    def waited(self, error: Exception) -> bool:
        """Wait a moment, and whether to try again then."""
        if self._stopping.is_set():
            return False
        if self._since is None:
            self._since, self._pause_seconds = self._clock(), self._first_pause_seconds
            if self._seconds:
                tell(f"{error}; trying again for up to {self._seconds:g} s")
        if self._clock() - self._since >= self._seconds:
            return False
        self._stopping.wait(self._pause_seconds)
        self._pause_seconds = min(2 * self._pause_seconds, PAUSE_SECONDS_MAX)
        return True

    def rewarded(self) -> None:
        """A server answers."""
        if self._since is not None:
            self._since = None
            tell("a server answers again")


def watched(client: Client, feed: Feed, wanted: Mapping[str, Any], patience: Patience) -> Generator[WatchReport]:
    """The reports on a stream, and one after each batch.

    Args:
        client: asks the server.
        feed: of the rows.
        wanted: the keywords of Client.watch_drift.
        patience: with a server that goes away after it has answered.

    Raises:
        AssaydError: a call failed, and patience was of no help.
    """
    answered, now = False, {**wanted, "every_batch": True}
    while True:
        try:
            for report in client.watch_drift(feed, **now):
                feed.answered(report.rows_seen)
                patience.rewarded()
                answered, now = True, {**now, **_place(report)}
                yield report
            return
        except _LATER as error:
            if not answered or not patience.waited(error):
                raise


def _place(report: WatchReport) -> dict[str, Any]:
    """From where to go on, and by what."""
    model = report.model
    return {
        "state": report.state,
        "reference_digest": report.reference_digest,
        "model": model.name,
        "version": model.version,
    }


def tell(sentence: str) -> None:
    """A sentence for people, at once."""
    print(f"assayctl: {sentence}", file=sys.stderr, flush=True)
