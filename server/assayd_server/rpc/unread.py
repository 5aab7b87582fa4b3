"""Answers that are made but not sent: gRPC keeps them for as long as their caller does not read."""

from assayd_server.rpc.held_bytes import HeldBytes
from assayd_server.rpc.waiting import Waiting


class UnreadAnswers:
    """Bounds the bytes of answers that wait for their callers."""

    def __init__(self, bytes_max: int) -> None:
        self._held = HeldBytes(bytes_max, what="answers wait to be read", reason="TOO_MANY_UNREAD_ANSWERS")
        self._bytes_max = bytes_max

    @property
    def bytes(self) -> int:
        """What waits now."""
        return self._held.bytes

    @property
    def is_crowded(self) -> bool:
        """Whether more than half of what may wait does."""
        return 2 * self.bytes > self._bytes_max

    def add(self, size: int, context: Waiting) -> None:
        """Count an answer until its call has ended.

        Raises:
            ResourceExhaustedError: too much waits already; an answer is always taken when nothing does.
        """
        self._held.add(size)
        if not context.add_callback(lambda: self._held.drop(size)):
            self._held.drop(size)  # the call has ended meanwhile
