"""Keeps many unary calls in flight and yields their answers in order."""

from collections import deque
from collections.abc import Callable, Generator, Iterable
from typing import Protocol, TypeVar

Item = TypeVar("Item")
Answer = TypeVar("Answer")
Answer_co = TypeVar("Answer_co", covariant=True)


class Pending(Protocol[Answer_co]):
    """A call under way."""

    def result(self) -> Answer_co:
        """Wait for the answer, or raise."""
        ...

    def done(self) -> bool:
        """Whether it has ended, well or not."""
        ...

    def cancel(self) -> bool:
        """Give the call up."""
        ...


def in_order(
    items: Iterable[Item], start: Callable[[Item], Pending[Answer]], *, in_flight_max: int
) -> Generator[tuple[Item, Pending[Answer]]]:
    """Start a call for each item, at most in_flight_max at once, and yield the calls in the order of the items.

    Answers that have come by then are yielded before the next item is asked for; while the items themselves are
    waited for, nothing is yielded. Items are taken only as there is room, so an endless or huge iterable will do.
    What is still under way when the caller stops, or when something raises, is cancelled.
    """
    pending: deque[tuple[Item, Pending[Answer]]] = deque()
    try:
        for item in items:
            pending.append((item, start(item)))
            while pending and (len(pending) >= in_flight_max or pending[0][1].done()):
                yield pending.popleft()
        while pending:
            yield pending.popleft()
    finally:
        for _, call in pending:
            call.cancel()
