"""The messages of one stream, received on a thread of its own: who waits for the next one can be told to stop."""

from collections.abc import Callable
from threading import Condition, Thread
from typing import Any

from assayd_server.errors import UnavailableError


class Mailbox:
    """Holds at most one message that has come and is not taken."""

    def __init__(self, receive: Callable[[], Any]) -> None:
        """Begin to receive.

        Args:
            receive: waits for the next message; raises StopIteration after the last, or what ended the stream. It
                must come back once the call has ended.
        """
        self._receive = receive
        self._changed = Condition()
        self._arrived: list[Any] = []
        self._ending: BaseException | None = None
        self._closed = False
        Thread(target=self._run, name="stream-messages", daemon=True).start()

    def take(self) -> Any:
        """Wait for the next message.

        Raises:
            UnavailableError: the mailbox was closed; a message that has come is not taken any more.
            BaseException: what receive raised.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._arrived or self._ending or self._closed)
            if self._closed:
                raise UnavailableError(
                    "the server is stopping: go on elsewhere by the last state", reason="STOPPING"
                )
            if self._arrived:
                self._changed.notify_all()
                return self._arrived.pop()
            assert self._ending is not None  # one of the three it was
            raise self._ending

    def close(self) -> None:
        """Let nobody wait any more."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _run(self) -> None:
        while not self._closed:
            try:
                message = self._receive()
            except BaseException as error:
                self._end(error)
                return
            self._hold(message)

    def _hold(self, message: Any) -> None:
        with self._changed:
            self._arrived.append(message)
            self._changed.notify_all()
            self._changed.wait_for(lambda: not self._arrived or self._closed)

    def _end(self, error: BaseException) -> None:
        with self._changed:
            self._ending = error
            self._changed.notify_all()
