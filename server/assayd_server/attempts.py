"""Versions that could not be had or loaded, and when to try them again."""

from dataclasses import dataclass

from assayd_server.repository import Failure

_RETRY_SECONDS = 10.0
RETRY_SECONDS_MAX = 300.0
"""A large model that is broken for good is read no more often than this."""


@dataclass(frozen=True, slots=True)
class _Attempt:
    failure: Failure
    stamp: object
    tries: int
    again: float


class Attempts:
    """A version is tried again when its files have changed, else after a while, which doubles each time."""

    def __init__(self) -> None:
        self._failed: dict[tuple[str, int], _Attempt] = {}

    def failed(self, failure: Failure, stamp: object, now: float) -> None:
        """A version could not be had or loaded.

        Args:
            failure: which, and why.
            stamp: tells whether its files have changed since.
            now: in seconds, on any clock that only goes forward.
        """
        key = (failure.name, failure.version)
        before = self._failed.get(key)
        tries = before.tries + 1 if before is not None and before.stamp == stamp else 0
        seconds = min(_RETRY_SECONDS * 2.0**tries, RETRY_SECONDS_MAX)
        self._failed[key] = _Attempt(failure, stamp, tries, now + seconds)

    def standing(self, name: str, version: int, stamp: object, now: float) -> Failure | None:
        """The failure of a version that is not to be tried now.

        Args:
            name: of the model.
            version: of it.
            stamp: as that of failed() is now.
            now: on the clock of failed().
        """
        attempt = self._failed.get((name, version))
        if attempt is None or now >= attempt.again or attempt.stamp != stamp:
            return None
        return attempt.failure

    @property
    def names(self) -> set[str]:
        """The models that have such versions."""
        return {name for name, _ in self._failed}

    def keep(self, name: str, versions: set[int]) -> None:
        """Forget the versions of a model but these."""
        gone = [key for key in self._failed if key[0] == name and key[1] not in versions]
        for key in gone:
            del self._failed[key]
