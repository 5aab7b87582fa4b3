"""The channel that calls begin on: a new one once there are other certificates, while calls on the old one end."""

from collections.abc import Callable, Mapping
from threading import Lock
from typing import Any

from assayd.connection import Connection
from assayd.methods import methods_of


class _Line:
    """One channel, and how many of its calls are open; where certificates cannot change, nobody counts."""

    def __init__(self, channel: Any) -> None:
        self.channel = channel
        self.methods: Mapping[str, Any] = methods_of(channel)
        self.open_calls = 0


class Lines:
    """The channel of a client, and those before it."""

    def __init__(self, connection: Connection, api: Any) -> None:
        """Open the first one.

        Args:
            connection: says how.
            api: grpc or grpc.aio.
        """
        self._connection = connection
        self._api = api
        self._lock = Lock()
        self._line = _Line(connection.open(api))
        self._old: list[_Line] = []

    def begin(self, start: Callable[[Mapping[str, Any]], Any]) -> Any:
        """Begin a call.

        Args:
            start: does so, of the methods by name.
        """
        if not self._connection.has_files:
            return start(self._line.methods)
        line = self._taken()
        try:
            call = start(line.methods)
        except BaseException:
            self._end(line)
            raise
        call.add_done_callback(lambda _: self._end(line))
        return call

    def ended(self) -> list[Any]:
        """Old channels without open calls, which the client is to close; each is told of once."""
        if not self._old:
            return []
        with self._lock:
            idle = [line.channel for line in self._old if not line.open_calls]
            self._old = [line for line in self._old if line.open_calls]
        return idle

    def all(self) -> list[Any]:
        """Every channel, to close them at the end."""
        return [line.channel for line in (self._line, *self._old)]

    def _taken(self) -> _Line:
        """The line for one more call."""
        with self._lock:
            if self._connection.certificates_changed():
                self._old.append(self._line)
                self._line = _Line(self._connection.open(self._api))
            self._line.open_calls += 1
            return self._line

    def _end(self, line: _Line) -> None:
        with self._lock:
            line.open_calls -= 1
