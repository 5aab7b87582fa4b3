"""A thread that looks at the repository from time to time."""

import threading
from collections.abc import Mapping

from prometheus_client import Counter

from assayd_server import logs
from assayd_server.errors import ArtefactError
from assayd_server.reloading import Reloading

_log = logs.get_logger()


class RepositoryWatch:
    """Polls until it is stopped; whatever goes wrong is logged and counted, and the models stay."""

    def __init__(self, reloading: Reloading, *, seconds: float, polls: Mapping[str, Counter]) -> None:
        """Begin.

        Args:
            reloading: is polled.
            seconds: between the end of one poll and the beginning of the next.
            polls: counted by result: ok, failed.
        """
        self._reloading = reloading
        self._seconds = seconds
        self._polls = polls
        self._reason = ""
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="repository", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Poll no more; a poll that is under way is left to itself."""
        self._stopped.set()

    @property
    def is_polling(self) -> bool:
        """Once it is stopped: whether a poll is still under way, which nothing can end."""
        return self._thread.is_alive()

    def _run(self) -> None:
        while not self._stopped.wait(self._seconds):
            self._polls["failed" if self._failed() else "ok"].inc()

    def _failed(self) -> bool:
        try:
            self._reloading.poll()
        except ArtefactError as error:
            self._tell(str(error))
            return True
        except Exception:  # the next poll may do better, and nobody else would start this thread again
            _log.exception("repository could not be looked at")
            return True
        self._tell("")
        return False

    def _tell(self, reason: str) -> None:
        """Once of each change."""
        if reason and reason != self._reason:
            _log.error("repository cannot be read: the models stay as they are", reason=reason)
        elif self._reason and not reason:
            _log.info("repository can be read again")
        self._reason = reason
