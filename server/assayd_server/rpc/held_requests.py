"""Messages of callers that have come and are not answered yet."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from assayd_server.rpc.held_bytes import HeldBytes


class HeldRequests:
    """Bounds the bytes of messages that are held for the calls of a server."""

    def __init__(self, bytes_max: int) -> None:
        self._held = HeldBytes(bytes_max, what="requests are being answered", reason="TOO_MANY_REQUEST_BYTES")

    @property
    def bytes(self) -> int:
        """What is held now."""
        return self._held.bytes

    def call(self) -> "CallBytes":
        """What one call holds, until it is told of its end."""
        return CallBytes(self._held)

    @contextmanager
    def of_call(self) -> Iterator["CallBytes"]:
        """What one call holds, for as long as the body takes; then it holds nothing."""
        call = self.call()
        try:
            yield call
        finally:
            call.end()


class CallBytes:
    """The bytes of one call's messages; they may come and go in different threads."""

    def __init__(self, held: HeldBytes) -> None:
        self._held = held
        self._bytes = 0
        self._ended = False
        self._lock = Lock()

    def add(self, size: int) -> None:
        """Hold a message; nothing is held of one that comes after the end.

        Raises:
            ResourceExhaustedError: the server holds too much already.
        """
        with self._lock:
            if not self._ended:
                self._held.add(size)
                self._bytes += size

    def drop(self, size: int) -> None:
        """A message has been answered."""
        with self._lock:
            if not self._ended:
                self._held.drop(size)
                self._bytes -= size

    def end(self) -> None:
        """The call has ended: drop whatever it holds."""
        with self._lock:
            self._ended = True
            self._held.drop(self._bytes)
            self._bytes = 0
