"""The messages of one stream, received on a thread of its own: who waits for the next one can be told to stop."""

from collections.abc import Callable
from threading import Condition
from typing import Any

from assayd_server.errors import UnavailableError
from assayd_server.threads import started


class Mailbox:
    """Holds at most one message that has come and is not taken."""

    def __init__(self, receive: Callable[[], Any]) -> None:
        """Begin to receive.

        Args:
            receive: waits for the next message; raises StopIteration after the last, or what ended the stream. It
                must come back once the call has ended.

        Raises:
            ResourceExhaustedError: there is no thread for it.
        """
        self._receive = receive
        self._changed = Condition()
        self._arrived: list[Any] = []
        self._ending: BaseException | None = None
        self._closed = False
        started(self._run, "stream-messages")

    def take(self) -> Any:
        """Wait for the next message.

        Raises:
            UnavailableError: the mailbox was closed before the caller's last message came; one that came is taken
                first.
            BaseException: what receive raised.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._arrived or self._ending or self._closed)
            if self._arrived:  # it is answered, whether or not the server stops
                self._changed.notify_all()
                return self._arrived.pop()
            if self._ending:
                raise self._ending
            raise UnavailableError("the server is stopping: go on elsewhere by the last state", reason="STOPPING")

    def close(self) -> None:
        """Let nobody wait any more, and receive nothing more."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _run(self) -> None:
        """To the end of the call, or to the message after which the mailbox is closed."""
        while True:
            try:
                message = self._receive()
            except BaseException as error:
                self._end(error)
                return
            if not self._taken(message):
                return

    def _taken(self, message: Any) -> bool:
        """Hold a message until it is, or the mailbox is closed."""
        with self._changed:
            self._arrived.append(message)
            self._changed.notify_all()
            self._changed.wait_for(lambda: not self._arrived or self._closed)
            return not self._closed

    def _end(self, error: BaseException) -> None:
        with self._changed:
            self._ending = error
            self._changed.notify_all()
