"""Bytes that the server holds for callers, bounded."""

from threading import Lock

from assayd_server.errors import RETRY_AFTER_SECONDS, ResourceExhaustedError


class HeldBytes:
    """Counts bytes that are held, and refuses more than a limit; what comes when nothing is held passes."""

    def __init__(self, bytes_max: int, *, what: str, reason: str) -> None:
        """Begin with none.

        Args:
            bytes_max: how many may be held at one time.
            what: they are, for the refusal's sentence.
            reason: of the refusal, for programs.
        """
        self._bytes_max = bytes_max
        self._what = what
        self._reason = reason
        self._bytes = 0
        self._lock = Lock()

    @property
    def bytes(self) -> int:
        """What is held now."""
        return self._bytes

    def add(self, size: int) -> None:
        """Hold more.

        Raises:
            ResourceExhaustedError: too much is held already.
        """
        with self._lock:
            # what is larger than the limit passes when it is alone, or it never would
            if self._bytes and self._bytes + size > self._bytes_max:
                raise ResourceExhaustedError(
                    f"{self._bytes} bytes of {self._what}, allowed are {self._bytes_max}",
                    reason=self._reason,
                    retry_after_seconds=RETRY_AFTER_SECONDS,
                )
            self._bytes += size

    def drop(self, size: int) -> None:
        """Hold so much less."""
        with self._lock:
            self._bytes -= size
