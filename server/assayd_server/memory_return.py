"""Gives memory back when nothing is computed: what one large call took would else stay for good."""

import time
from collections.abc import Callable
from threading import Event, Thread

from assayd_server import heap, logs
from assayd_server.memory import anonymous_bytes

LOOK_SECONDS = 5.0
PAUSE_SECONDS = 60.0
"""The next large call pays for its pages anew, 0.2 s for 260 MiB: this makes it at most 0.3 % of the time."""
WORTH_BYTES = 32 * 1024 * 1024
"""Less than this is not worth it."""
_log = logs.get_logger()


class MemoryReturn:
    """Looks now and then whether the process has grown, and gives back what it can in a quiet moment."""

    def __init__(self, *, idle: Callable[[], bool], release: Callable[[], None]) -> None:
        """Begin to look.

        Args:
            idle: whether nothing is computed.
            release: lets go of what the models keep for their next passes.
        """
        self._idle = idle
        self._release = release
        self._least = anonymous_bytes()
        self._next = time.monotonic()
        self._stopped = Event()
        self._thread = Thread(target=self._run, name="memory-return", daemon=True)
        if self._least is not None:  # nobody tells elsewhere than on Linux
            self._thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._stopped.wait(LOOK_SECONDS):
            try:
                self._look()
            except Exception:  # nobody waits for this
                _log.exception("memory could not be given back")

    def _look(self) -> None:
        held = anonymous_bytes() or 0
        self._least = min(held, self._least or held)
        if held < self._least + WORTH_BYTES or time.monotonic() < self._next or not self._idle():
            return
        self._release()
        heap.return_free_pages()
        self._least = anonymous_bytes() or 0  # what stays is in use
        self._next = time.monotonic() + PAUSE_SECONDS
        _log.debug("memory given back", before_bytes=held, after_bytes=self._least)
