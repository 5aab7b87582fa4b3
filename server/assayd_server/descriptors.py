"""File descriptors: each connection takes one, and so does everything else that a server does."""

import sys
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread

from assayd_server import logs

if sys.platform != "win32":
    import resource

LOOK_SECONDS = 1.0
RESERVE = 256
"""That connections leave for models, probes, scrapes and the looks at the repository; at most half of all."""
LIMIT_WANTED = 65_536
"""Where the hard limit is no limit: tables of that size are made at times."""
UNLIMITED = 2**31 - 1
_OPEN = Path("/proc/self/fd")
_log = logs.get_logger()


def raise_limit() -> None:
    """Have as many as this process may allow itself: the soft limit is for programs that know no better."""
    if sys.platform == "win32":
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = LIMIT_WANTED if hard == resource.RLIM_INFINITY else min(hard, LIMIT_WANTED)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(OSError, ValueError):  # less than it says may be allowed, as on macOS
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def connections_allowed(connections_max: int) -> int:
    """How many connections may be open.

    Args:
        connections_max: the setting; 0 is as many as there are descriptors for.
    """
    if connections_max or sys.platform == "win32":
        return connections_max or UNLIMITED
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return UNLIMITED if soft == resource.RLIM_INFINITY else without_reserve(soft)


def without_reserve(limit: int) -> int:
    """What of so many descriptors connections may have."""
    return limit - min(RESERVE, limit // 2)


class DescriptorWatch:
    """Says in the log when there are about as many connections as there may be, and when there are fewer again."""

    def __init__(self, connections_max: int) -> None:
        """Begin to look.

        Args:
            connections_max: how many there may be; gRPC hangs up on further ones without a word.
        """
        self._connections_max = connections_max
        self._full = False
        self._stopped = Event()
        self._thread = Thread(target=self._run, name="descriptors", daemon=True)
        if _OPEN.is_dir():  # nobody tells elsewhere than on Linux
            self._thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._stopped.wait(LOOK_SECONDS):
            with suppress(OSError):  # there is none left to look with
                self._look(sum(1 for _ in _OPEN.iterdir()))

    def _look(self, descriptors: int) -> None:
        full = descriptors >= self._connections_max
        if full != self._full:
            self._full = full
            say = _log.warning if full else _log.info
            event = "connections are refused" if full else "connections are taken again"
            say(event, open_descriptors=descriptors, connections_max=self._connections_max)
