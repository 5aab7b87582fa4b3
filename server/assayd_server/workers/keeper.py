"""Keeps one worker running: a thread that starts its process, and again where that dies."""

import signal
import threading
import time
from collections.abc import Callable

from assayd_server import logs, stop_signals
from assayd_server.config import Settings
from assayd_server.workers.backoff import Backoff
from assayd_server.workers.child import Child
from assayd_server.workers.events import Down, Ended, Event, NeverUp, Up
from assayd_server.workers.messages import CannotStart, Serving

_log = logs.get_logger()


class Keeper(threading.Thread):
    """One worker's, from its first start until it is told to stop."""

    def __init__(
        self,
        number: int,
        settings: Settings,
        *,
        tell: Callable[[Event], None],
        on_restart: Callable[[], None],
    ) -> None:
        """Nothing is started yet.

        Args:
            number: which of the workers it is.
            settings: those of the worker.
            tell: hears of what happens, on this thread; the last is Ended.
            on_restart: called when a process that died is started again.
        """
        super().__init__(name=f"worker {number}", daemon=True)
        self._number = number
        self._settings = settings
        self._tell = tell
        self._on_restart = on_restart
        self._backoff = Backoff()
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._child: Child | None = None

    def stop(self) -> None:
        """Have the worker finish and start it no more; the second time, skip the drain delay."""
        with self._lock:
            self._stopping.set()
            if self._child is not None:
                self._child.drain()

    def kill(self) -> None:
        """End the worker at once and start it no more."""
        with self._lock:
            self._stopping.set()
            if self._child is not None:
                self._child.kill()

    def run(self) -> None:
        """On this thread."""
        stop_signals.block()  # the worker inherits that
        try:
            self._keep()
        finally:
            self._tell(Ended(self._number))

    def _keep(self) -> None:
        was_up = False
        while not self._stopping.is_set():
            began = time.monotonic()
            served, reason = self._live()
            was_up = was_up or served
            if not was_up and not self._stopping.is_set():
                self._tell(NeverUp(reason))
                return
            self._pause(reason, lived_seconds=time.monotonic() - began)

    def _live(self) -> tuple[bool, str]:
        """One process from its start to its end: whether it served, and how it ended, as a sentence."""
        try:
            with self._lock:
                if self._stopping.is_set():
                    return False, ""
                child = self._child = Child(self._number, self._settings)
        except OSError as error:  # no memory, or too many processes
            return False, f"worker {self._number} cannot be started: {error.strerror}"
        report = child.report()
        if isinstance(report, Serving):
            _log.info("worker serving", worker=str(self._number), pid=child.pid)
            self._tell(Up(self._number, report.metrics_port))
        ended = f"worker {self._number} ended {_by(self._wait(child))}"
        if isinstance(report, Serving):
            self._tell(Down(self._number))
            return True, ended
        return False, report.sentence if isinstance(report, CannotStart) else f"{ended} before it served"

    def _wait(self, child: Child) -> int:
        code = child.wait()
        with self._lock:
            self._child = None
            child.close()
        return code

    def _pause(self, reason: str, *, lived_seconds: float) -> None:
        if self._stopping.is_set():
            return
        pause_seconds = self._backoff.pause_seconds(lived_seconds)
        _log.error(
            "worker died",
            worker=str(self._number),
            reason=reason,
            lived_seconds=round(lived_seconds, 3),
            restart_after_seconds=pause_seconds,
        )
        if not self._stopping.wait(pause_seconds):
            self._on_restart()


def _by(code: int) -> str:
    """Of a process's exit code: "with exit code 1", "by SIGKILL"."""
    if code >= 0:
        return f"with exit code {code}"
    names = {number.value: number.name for number in signal.Signals}
    return f"by {names.get(-code, f'signal {-code}')}"
