"""Delivers what is found to receivers, each in a thread of its own: none of them ever holds up the watch."""

import queue
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol

from assayd import WatchReport
from assayd.cli.posting import Endpoint, NotDeliveredError

WAITING_MAX = 100
CLOSE_SECONDS_MAX = 10.0
_END: Final = object()


class Notifier(Protocol):
    """Makes of reports what a receiver takes."""

    @property
    def kind(self) -> str:
        """As people know it."""
        ...

    @property
    def endpoint(self) -> Endpoint:
        """Where it is posted."""
        ...

    def document(self, report: WatchReport) -> Any:
        """What is to be posted, None where that is nothing. Called with each report, in order."""
        ...


class Outbox:
    """Documents on their way to one receiver."""

    def __init__(self, notifier: Notifier, tell: Callable[[str], None]) -> None:
        """Ready to deliver.

        Args:
            notifier: what is posted, and where.
            tell: is told in a sentence what could not be delivered; from another thread, too.
        """
        self._notifier = notifier
        self._tell = tell
        self._waiting: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._deliver, daemon=True)
        self._thread.start()

    def add(self, report: WatchReport) -> None:
        """Have a report delivered, if it is of interest; where too many wait, it is dropped. From one thread."""
        document = self._notifier.document(report)
        if document is None:
            return
        if self._waiting.qsize() < WAITING_MAX:
            self._waiting.put(document)
        else:
            self._say(f"{self._notifier.endpoint.name} is too slow, an alert is lost")

    def end(self) -> None:
        """Take no more, and deliver what waits, without pauses."""
        self._notifier.endpoint.stopping.set()
        self._waiting.put(_END)

    def close(self, deadline: float) -> None:
        """Wait until all is delivered.

        Args:
            deadline: as of time.monotonic(); then it ends in any case.
        """
        self._thread.join(max(0.0, deadline - time.monotonic()))
        if self._thread.is_alive():
            self._say(f"{self._notifier.endpoint.name} did not take the last alerts in time")

    def _deliver(self) -> None:
        while (document := self._waiting.get()) is not _END:
            try:
                self._notifier.endpoint.post(document)
            except NotDeliveredError as error:
                self._say(str(error))

    def _say(self, sentence: str) -> None:
        self._tell(f"{self._notifier.kind}: {sentence}")


class Outboxes:
    """Documents on their way to all receivers."""

    def __init__(self, notifiers: Sequence[Notifier], tell: Callable[[str], None]) -> None:
        """Ready to deliver; the arguments are as of Outbox."""
        self._each = [Outbox(notifier, tell) for notifier in notifiers]

    def add(self, report: WatchReport) -> None:
        """Have a report delivered to those that it is of interest to."""
        for outbox in self._each:
            outbox.add(report)

    def close(self, seconds: float = CLOSE_SECONDS_MAX) -> None:
        """Deliver what waits, in so much time at the most."""
        deadline = time.monotonic() + seconds
        for outbox in self._each:
            outbox.end()
        for outbox in self._each:
            outbox.close(deadline)
