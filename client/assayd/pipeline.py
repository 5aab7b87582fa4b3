"""Keeps many unary calls in flight and gives them in order."""

from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

from assayd.steps import Pending, Steps

Item = TypeVar("Item")
Call = TypeVar("Call", bound=Pending)


class Pipeline(Generic[Item, Call]):
    """Sends a call for each item, at most in_flight_max at once, and gives the calls in the order of the items.

    Answers that have come by then are given before the next item is asked for; while an item itself is waited for,
    nothing is given. Items are taken only as there is room, so endless or huge sources will do.
    """

    def __init__(
        self, take: Callable[[], Steps[Item | None]], send: Callable[[Item], Steps[Call]], *, in_flight_max: int
    ) -> None:
        """Nothing is taken yet.

        Args:
            take: gives the next item, None after the last.
            send: begins the call of an item.
            in_flight_max: how many calls are under way at once.
        """
        self._take = take
        self._send = send
        self._in_flight_max = in_flight_max
        self._pending: deque[tuple[Item, Call]] = deque()
        self._exhausted = False

    def next(self) -> Steps[tuple[Item, Call] | None]:
        """The earliest call that was not given yet, with its item; None after the last."""
        while not self._exhausted and not self._due():
            item = yield from self._take()
            if item is None:
                self._exhausted = True
            else:
                self._pending.append((item, (yield from self._send(item))))
        return self._pending.popleft() if self._pending else None

    def close(self) -> None:
        """Cancel what was not given yet."""
        for _, call in self._pending:
            call.cancel()

    def _due(self) -> bool:
        """Whether the earliest call is to be given before another item is taken."""
        return len(self._pending) >= self._in_flight_max or (bool(self._pending) and self._pending[0][1].done())
