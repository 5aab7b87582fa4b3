"""Answers that are made but not sent: gRPC keeps them for as long as their caller does not read."""

from threading import Lock

import grpc

from assayd_server.errors import RETRY_AFTER_SECONDS, ResourceExhaustedError


class UnreadAnswers:
    """Bounds the bytes of answers that wait for their callers."""

    def __init__(self, bytes_max: int) -> None:
        self._bytes_max = bytes_max
        self._bytes = 0
        self._lock = Lock()

    @property
    def bytes(self) -> int:
        """What waits now."""
        return self._bytes

    def add(self, size: int, context: grpc.ServicerContext) -> None:
        """Count an answer until its call has ended.

        Raises:
            ResourceExhaustedError: too much waits already; an answer is always taken when nothing does.
        """
        with self._lock:
            if self._bytes and self._bytes + size > self._bytes_max:
                raise ResourceExhaustedError(
                    f"{self._bytes} bytes of answers wait to be read, allowed are {self._bytes_max}",
                    reason="TOO_MANY_UNREAD_ANSWERS",
                    retry_after_seconds=RETRY_AFTER_SECONDS,
                )
            self._bytes += size
        if not context.add_callback(lambda: self._drop(size)):
            self._drop(size)  # the call has ended meanwhile

    def _drop(self, size: int) -> None:
        with self._lock:
            self._bytes -= size
