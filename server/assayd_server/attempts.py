"""Versions that could not be loaded, and when to try them again."""

from dataclasses import dataclass

from assayd_server.repository import Failure
from assayd_server.version_folders import Stamp, VersionFolder

_RETRY_SECONDS = 10.0
RETRY_SECONDS_MAX = 300.0
"""A large model that is broken for good is read no more often than this."""


@dataclass(frozen=True, slots=True)
class _Attempt:
    failure: Failure
    stamp: Stamp
    tries: int
    again: float


class Attempts:
    """A version is tried again when its files have changed, else after a while, which doubles each time."""

    def __init__(self) -> None:
        self._failed: dict[tuple[str, int], _Attempt] = {}

    def failed(self, failure: Failure, folder: VersionFolder, now: float) -> None:
        """A version could not be loaded.

        Args:
            failure: which, and why.
            folder: where it lies.
            now: in seconds, on any clock that only goes forward.
        """
        key, stamp = (failure.name, failure.version), folder.stamp()
        before = self._failed.get(key)
        tries = before.tries + 1 if before is not None and before.stamp == stamp else 0
        seconds = min(_RETRY_SECONDS * 2.0**tries, RETRY_SECONDS_MAX)
        self._failed[key] = _Attempt(failure, stamp, tries, now + seconds)

    def standing(self, name: str, folder: VersionFolder, now: float) -> Failure | None:
        """The failure of a version that is not to be tried now.

        Args:
            name: of the model.
            folder: where it lies.
            now: on the clock of failed().
        """
        attempt = self._failed.get((name, folder.version))
        if attempt is None or now >= attempt.again or attempt.stamp != folder.stamp():
            return None
        return attempt.failure

    def keep(self, name: str, versions: set[int]) -> None:
        """Forget the versions of a model but these."""
        gone = [key for key in self._failed if key[0] == name and key[1] not in versions]
        for key in gone:
            del self._failed[key]
