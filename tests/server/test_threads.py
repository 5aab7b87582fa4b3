"""Threads where the system gives no more of them."""

import threading
from collections.abc import Iterator

import pytest

from assayd_server.errors import ResourceExhaustedError
from assayd_server.threads import SteadyPool, started

WAIT = 20


@pytest.fixture
def pool() -> Iterator[SteadyPool]:
    with SteadyPool(4, "pool") as pool:
        yield pool


@pytest.fixture
def no_more(pool: SteadyPool, monkeypatch: pytest.MonkeyPatch) -> None:
    """From here on no thread can be started; the pool has its first one."""

    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)


@pytest.mark.usefixtures("no_more")
def test_work_without_a_thread_of_its_own_is_done_by_the_one_that_there_is(pool: SteadyPool) -> None:
    released = threading.Event()
    first = pool.submit(released.wait, WAIT)
    others = [pool.submit(pow, 2, number) for number in range(5)]
    released.set()
    assert first.result(WAIT)
    assert [other.result(WAIT) for other in others] == [1, 2, 4, 8, 16]


@pytest.mark.usefixtures("no_more")
def test_a_pool_without_even_one_thread_is_none() -> None:
    with pytest.raises(ResourceExhaustedError, match="gives it no further thread"):
        SteadyPool(4, "another")


@pytest.mark.usefixtures("no_more")
def test_a_thread_that_there_is_none_for_is_said_to_be_a_matter_of_room() -> None:
    with pytest.raises(ResourceExhaustedError) as raised:
        started(lambda: None, "one more")
    assert raised.value.reason == "NO_THREAD"
    assert raised.value.retry_after_seconds


def test_as_many_threads_as_may_be_work_at_once(pool: SteadyPool) -> None:
    together = threading.Barrier(4)
    found = [pool.submit(together.wait, WAIT) for _ in range(4)]
    assert sorted(one.result(WAIT) for one in found) == [0, 1, 2, 3]


def test_an_error_is_that_of_its_work_alone(pool: SteadyPool) -> None:
    failed, fine = pool.submit(int, "x"), pool.submit(int, "7")
    with pytest.raises(ValueError, match="invalid literal"):
        failed.result(WAIT)
    assert fine.result(WAIT) == 7


def test_work_that_is_cancelled_before_its_turn_is_not_done() -> None:
    released, done = threading.Event(), threading.Event()
    with SteadyPool(1, "pool") as pool:
        pool.submit(released.wait, WAIT)
        waiting = pool.submit(done.set)
        assert waiting.cancel()
        released.set()
    assert not done.is_set()


def test_a_pool_that_has_ended_takes_no_work(pool: SteadyPool) -> None:
    pool.shutdown()
    with pytest.raises(RuntimeError, match="after shutdown"):
        pool.submit(int)
