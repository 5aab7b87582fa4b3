"""Files that say something together and are read again when they change, without a restart."""

import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Generic, Protocol, TypeVar

from assayd_server import logs
from assayd_server.errors import StartError
from assayd_server.metrics.credentials import ReloadMetrics

Content = TypeVar("Content")
_SETTLED_SECONDS = 1.0
"""A file that is younger may change once more without a newer time; so long it is read at every look."""
_LOOK_SECONDS = 1.0
_log = logs.get_logger()


class WatchedFiles(Generic[Content]):
    """What some files say. Where they say nothing that can be used, what they said before stays in force."""

    def __init__(
        self,
        name: str,
        paths: Mapping[str, Path],
        read: Callable[[Mapping[str, bytes]], Content],
        *,
        metrics: ReloadMetrics,
    ) -> None:
        """Read them.

        Args:
            name: of all together, for people.
            paths: by the setting that names each.
            read: makes of their bytes what they say, or raises StartError.
            metrics: what is told of them.

        Raises:
            StartError: they cannot be used.
        """
        self._name = name
        self._paths = dict(paths)
        self._read = read
        self._metrics = metrics
        self._reason = ""
        self._lock = Lock()
        self._state = _states(self._paths.values())
        self._bytes = self._contents()
        self.current: Content = read(self._bytes)
        """What holds now."""

    def look(self) -> Content:
        """What holds now, after a look at whether the files are others; from any thread."""
        with self._lock:
            state = _states(self._paths.values())
            if state != self._state or _is_young(state):
                self._reload(state)
        return self.current

    def _reload(self, state: "_States") -> None:
        try:
            contents = self._contents()
            if contents == self._bytes:
                self._accept(state, "")
                return
            said = self._read(contents)
        except StartError as error:
            self._accept(state, str(error))
            return
        if _states(self._paths.values()) != state:  # somebody writes: the next look will do
            return
        self._bytes, self.current = contents, said
        self._metrics.ok.inc()
        self._accept(state, "")
        _log.info("files reloaded", files=self._name)

    def _accept(self, state: "_States", reason: str) -> None:
        """Remember what was looked at; a new reason why it cannot be used is told once."""
        self._state = state
        if reason and reason != self._reason:
            self._metrics.failed.inc()
            _log.error("files cannot be used: those before stay in force", files=self._name, reason=reason)
        self._reason = reason
        self._metrics.outdated.set(bool(reason))

    def _contents(self) -> dict[str, bytes]:
        return {setting: _contents(setting, path) for setting, path in self._paths.items()}


class Looked(Protocol):
    """What is looked at."""

    def look(self) -> object:
        """Take note of what has changed."""


class FilesWatch:
    """Looks at files once a second, until it is stopped."""

    def __init__(self, files: Iterable[Looked]) -> None:
        """Begin; without files there is nothing to do."""
        self._files = tuple(files)
        self._stopped = Event()
        self._thread = Thread(target=self._run, name="files", daemon=True)
        if self._files:
            self._thread.start()

    def stop(self) -> None:
        """Look no more; a look that is under way is left to itself."""
        self._stopped.set()

    def _run(self) -> None:
        while not self._stopped.wait(_LOOK_SECONDS):
            for files in self._files:
                try:
                    files.look()
                except Exception:  # nobody would start this anew, and files that are taken back must be noticed
                    _log.exception("files could not be looked at")


_States = tuple[tuple[int, ...], ...]


def _states(paths: Iterable[Path]) -> _States:
    """What tells that files are others: which they are, how long, and of when; nothing where one is not there."""
    return tuple(_state(path) for path in paths)


def _state(path: Path) -> tuple[int, ...]:
    try:
        found = path.stat()
    except OSError:
        return ()
    return (found.st_mtime_ns, found.st_size, found.st_ino, found.st_dev)


def _is_young(states: _States) -> bool:
    newest = max((state[0] for state in states if state), default=0)
    return newest > 1e9 * (time.time() - _SETTLED_SECONDS)


def _contents(setting: str, path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise StartError(f"{setting}: {path}: cannot be read: {error.strerror}") from None
