"""Calls in order: how many are in flight, when items are taken, and what is cancelled."""

from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from itertools import count

import pytest

from assayd.blocking import Blocking
from assayd.pipeline import Pipeline
from assayd.steps import END, Emit, Send, Steps, Take


@dataclass
class Call:
    """A call that is answered when it is asked."""

    item: int
    is_done: bool = False
    cancelled: bool = False

    def result(self) -> int:
        return self.item * 10

    def done(self) -> bool:
        return self.is_done

    def cancel(self) -> bool:
        self.cancelled = True
        return True


@dataclass
class Starter:
    """Starts calls and keeps them; refuses one item if told so."""

    fails_at: int | None = None
    done_at_once: bool = False
    calls: list[Call] = field(default_factory=list)

    def __call__(self, item: int) -> Call:
        if item == self.fails_at:
            raise RuntimeError(f"item {item} cannot be sent")
        self.calls.append(Call(item, is_done=self.done_at_once))
        return self.calls[-1]

    @property
    def cancelled(self) -> list[int]:
        return [call.item for call in self.calls if call.cancelled]


def in_order(items: Iterable[int], start: Starter, *, in_flight_max: int) -> Generator[tuple[int, Call]]:
    """The items and their calls, as a pipeline gives them."""

    def take() -> Steps[int | None]:
        item = yield Take()
        return None if item is END else item

    def send(item: int) -> Steps[Call]:
        return (yield Send("Score", item, seconds=1))

    def steps() -> Steps[None]:
        with closing(Pipeline(take, send, in_flight_max=in_flight_max)) as calls:
            while (given := (yield from calls.next())) is not None:
                yield Emit(given)

    return Blocking(lambda effect: start(effect.request), items).all(steps())


@pytest.mark.parametrize("in_flight_max", [1, 2, 3, 7, 100])
@pytest.mark.parametrize("item_count", [0, 1, 2, 3, 8])
@pytest.mark.parametrize("done_at_once", [False, True])
def test_every_item_is_answered_once_and_in_order(item_count: int, in_flight_max: int, done_at_once: bool) -> None:
    calls = in_order(range(item_count), Starter(done_at_once=done_at_once), in_flight_max=in_flight_max)
    answers = [(item, call.result()) for item, call in calls]
    assert answers == [(item, item * 10) for item in range(item_count)]


@pytest.mark.parametrize("in_flight_max", [1, 2, 5])
def test_as_many_calls_are_in_flight_as_allowed_and_no_more(in_flight_max: int) -> None:
    start = Starter()
    calls = in_order(range(9), start, in_flight_max=in_flight_max)
    in_flight = [len(start.calls) - answered for answered, _ in enumerate(calls)]
    falling = list(range(in_flight_max - 1, 0, -1))  # the items have run out
    assert in_flight == [in_flight_max] * (9 - len(falling)) + falling


def test_nothing_is_taken_before_the_first_answer_is_wanted() -> None:
    start = Starter()
    in_order(count(), start, in_flight_max=3)
    assert start.calls == []


def test_an_endless_iterable_is_taken_only_as_there_is_room() -> None:
    taken: list[int] = []

    def endless() -> Iterator[int]:
        for item in count():
            taken.append(item)
            yield item

    calls = in_order(endless(), Starter(), in_flight_max=3)
    lengths = []
    for _ in range(4):
        next(calls)
        lengths.append(len(taken))
    calls.close()
    assert lengths == [3, 4, 5, 6]


class Taken:
    """An endless iterable that knows how many items were taken."""

    def __init__(self) -> None:
        self.count = 0

    def __iter__(self) -> Iterator[int]:
        while True:
            self.count += 1
            yield self.count - 1


def test_a_call_that_is_done_is_given_before_the_next_item_is_taken() -> None:
    items = Taken()
    calls = in_order(items, Starter(done_at_once=True), in_flight_max=8)
    taken = []
    for _ in range(3):
        next(calls)
        taken.append(items.count)
    calls.close()
    assert taken == [1, 2, 3]


def test_all_that_are_done_are_given_before_the_next_item_is_taken() -> None:
    items, start = Taken(), Starter()
    calls = in_order(items, start, in_flight_max=4)
    next(calls)
    for call in start.calls:
        call.is_done = True
    given = [next(calls)[0] for _ in range(3)]
    assert (given, items.count) == ([1, 2, 3], 4)
    calls.close()


def test_a_call_that_is_done_waits_for_those_before_it() -> None:
    start = Starter()

    def items() -> Iterator[int]:
        yield from (0, 1)
        start.calls[1].is_done = True
        yield 2

    assert [item for item, _ in in_order(items(), start, in_flight_max=5)] == [0, 1, 2]


def test_what_was_given_as_done_is_not_cancelled() -> None:
    start = Starter(done_at_once=True)
    calls = in_order(count(), start, in_flight_max=3)
    next(calls)
    calls.close()
    assert start.cancelled == []


def test_closing_cancels_what_is_still_under_way() -> None:
    start = Starter()
    calls = in_order(count(), start, in_flight_max=3)
    next(calls)
    calls.close()
    assert start.cancelled == [1, 2]


def test_an_error_of_the_caller_cancels_what_is_still_under_way() -> None:
    start = Starter()
    calls = in_order(count(), start, in_flight_max=4)
    next(calls)
    with pytest.raises(KeyError):
        calls.throw(KeyError("from the caller"))
    assert start.cancelled == [1, 2, 3]


def test_a_call_that_cannot_be_started_cancels_those_that_were() -> None:
    start = Starter(fails_at=2)
    with pytest.raises(RuntimeError, match="item 2 cannot be sent"):
        list(in_order(range(5), start, in_flight_max=5))
    assert start.cancelled == [0, 1]


def test_an_iterable_that_fails_cancels_what_is_under_way() -> None:
    def failing() -> Iterator[int]:
        yield from (0, 1)
        raise OSError("the disk is gone")

    start = Starter()
    with pytest.raises(OSError, match="the disk is gone"):
        list(in_order(failing(), start, in_flight_max=5))
    assert start.cancelled == [0, 1]


def test_nothing_is_cancelled_where_all_was_answered() -> None:
    start = Starter()
    assert len(list(in_order(range(6), start, in_flight_max=2))) == 6
    assert start.cancelled == []
