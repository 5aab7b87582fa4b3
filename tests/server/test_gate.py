"""The gate in front of the model: one pass at a time, and a bound on the rows that wait."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from assayd_server.caller import Caller, Lane, after
from assayd_server.errors import (
    RETRY_AFTER_SECONDS,
    CallCancelledError,
    DeadlineExceededError,
    ResourceExhaustedError,
)
from assayd_server.gate import ONLINE_RUN_MAX, Gate
from waiting import wait_until

WAIT = 30
PATIENT = Caller()
NOTICED_SECONDS_MAX = 2
"""Much more than the gate takes to look up, much less than the pass before may take."""


def test_rows_are_pending_while_they_are_in_the_pass() -> None:
    gate = Gate(10)
    with gate.enter(7, PATIENT):
        assert gate.rows_pending == 7
    assert gate.rows_pending == 0


def test_passes_run_one_at_a_time() -> None:
    gate = Gate(1000)
    inside, most = 0, 0

    def call(_: int) -> None:
        nonlocal inside, most
        with gate.enter(1, PATIENT):
            inside += 1
            most = max(most, inside)
            sum(range(50_000))  # long enough for the others to come in, if anything lets them
            inside -= 1

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(call, range(64)))
    assert (most, gate.rows_pending) == (1, 0)


def test_a_pass_waits_for_the_one_before() -> None:
    gate, order = Gate(10), list[str]()

    def second() -> None:
        with gate.enter(1, PATIENT):
            order.append("second")

    with ThreadPoolExecutor(1) as pool:
        with gate.enter(1, PATIENT):
            call = pool.submit(second)
            wait_until(lambda: gate.rows_pending == 2)
            order.append("first")
        call.result(WAIT)
    assert order == ["first", "second"]


def test_rows_up_to_the_limit_may_wait() -> None:
    gate = Gate(10)

    def wait_and_pass() -> None:
        with gate.enter(6, PATIENT):
            pass

    with ThreadPoolExecutor(1) as pool:
        with gate.enter(4, PATIENT):
            call = pool.submit(wait_and_pass)
            wait_until(lambda: gate.rows_pending == 10)
        call.result(WAIT)


def test_rows_past_the_limit_are_refused_at_once() -> None:
    gate = Gate(10)
    began = time.monotonic()
    with (
        gate.enter(4, PATIENT),
        pytest.raises(ResourceExhaustedError) as caught,
        gate.enter(7, Caller(after(WAIT))),
    ):
        pytest.fail("it was let in")
    assert time.monotonic() - began < 1
    assert str(caught.value) == "4 rows are waiting, allowed are 10"


def test_a_refusal_says_when_to_try_again() -> None:
    gate = Gate(1)
    with gate.enter(1, PATIENT), pytest.raises(ResourceExhaustedError) as caught, gate.enter(1, PATIENT):
        pytest.fail("it was let in")
    assert (caught.value.reason, caught.value.retry_after_seconds) == (
        "TOO_MANY_PENDING_ROWS",
        RETRY_AFTER_SECONDS,
    )


def test_a_refusal_leaves_the_rows_that_were_let_in() -> None:
    gate = Gate(1)
    with gate.enter(1, PATIENT):
        with pytest.raises(ResourceExhaustedError), gate.enter(1, PATIENT):
            pytest.fail("it was let in")
        assert gate.rows_pending == 1
    assert gate.rows_pending == 0


def test_a_request_larger_than_the_limit_passes_when_it_is_alone() -> None:
    gate = Gate(10)
    with gate.enter(1000, PATIENT):
        assert gate.rows_pending == 1000


def test_a_request_larger_than_the_limit_does_not_pass_beside_another() -> None:
    gate = Gate(10)
    with gate.enter(1, PATIENT), pytest.raises(ResourceExhaustedError), gate.enter(1000, PATIENT):
        pytest.fail("it was let in")


def test_after_a_pass_there_is_room_again() -> None:
    gate = Gate(1)
    for _ in range(3):
        with gate.enter(1, PATIENT):
            pass
    assert gate.rows_pending == 0


def test_a_deadline_that_passed_before_the_turn_runs_nothing() -> None:
    with pytest.raises(DeadlineExceededError), Gate(10).enter(1, Caller(after(0))):
        pytest.fail("it was let in")


def test_a_deadline_that_passes_while_waiting_ends_the_wait() -> None:
    gate = Gate(10)
    began = time.monotonic()
    with gate.enter(1, PATIENT):
        with pytest.raises(DeadlineExceededError) as caught, gate.enter(1, Caller(after(0.05))):
            pytest.fail("it was let in")
        assert 0.05 <= time.monotonic() - began < WAIT
        assert gate.rows_pending == 1
    assert caught.value.reason == "DEADLINE_PASSED"


def test_after_a_deadline_that_passed_the_turn_is_free() -> None:
    gate = Gate(10)
    with pytest.raises(DeadlineExceededError), gate.enter(1, Caller(after(-1))):
        pytest.fail("it was let in")
    with gate.enter(1, Caller(after(WAIT))):
        assert gate.rows_pending == 1


def test_a_turn_that_comes_before_the_deadline_is_taken() -> None:
    gate, passed = Gate(10), list[int]()

    def wait_and_pass() -> None:
        with gate.enter(1, Caller(after(WAIT))):
            passed.append(gate.rows_pending)

    with ThreadPoolExecutor(1) as pool:
        with gate.enter(1, PATIENT):
            call = pool.submit(wait_and_pass)
            wait_until(lambda: gate.rows_pending == 2)
        call.result(WAIT)
    assert passed == [1]


def test_a_caller_that_went_away_before_its_turn_runs_nothing() -> None:
    with pytest.raises(CallCancelledError), Gate(10).enter(1, Caller(gone=lambda: True)):
        pytest.fail("it was let in")


def test_a_caller_that_goes_away_leaves_the_queue_while_the_pass_before_still_runs() -> None:
    gate, cancelled = Gate(10), threading.Event()

    def wait_and_fail() -> None:
        with gate.enter(3, Caller(gone=cancelled.is_set)):
            pytest.fail("it was let in")

    with ThreadPoolExecutor(1) as pool, gate.enter(1, PATIENT):
        call = pool.submit(wait_and_fail)
        wait_until(lambda: gate.rows_pending == 4)
        began = time.monotonic()
        cancelled.set()
        assert isinstance(call.exception(WAIT), CallCancelledError)
        assert time.monotonic() - began < NOTICED_SECONDS_MAX
        assert gate.rows_pending == 1


def test_the_turn_of_a_caller_that_went_away_goes_to_the_next() -> None:
    gate, cancelled, order = Gate(10), threading.Event(), list[str]()

    def wait(name: str, caller: Caller) -> None:
        with gate.enter(1, caller):
            order.append(name)

    with ThreadPoolExecutor(2) as pool:
        with gate.enter(1, PATIENT):
            leaver = pool.submit(wait, "leaver", Caller(gone=cancelled.is_set))
            stayer = pool.submit(wait, "stayer", PATIENT)
            wait_until(lambda: gate.rows_pending == 3)
            cancelled.set()
        assert isinstance(leaver.exception(WAIT), CallCancelledError)
        stayer.result(WAIT)
    assert (order, gate.rows_pending) == (["stayer"], 0)


def test_an_exception_in_the_pass_gives_the_turn_and_the_room_back() -> None:
    gate = Gate(1)
    with pytest.raises(ZeroDivisionError), gate.enter(1, PATIENT):
        raise ZeroDivisionError
    with gate.enter(1, Caller(after(WAIT))):
        assert gate.rows_pending == 1


def test_many_threads_leave_nothing_behind() -> None:
    gate, refused = Gate(8), threading.Semaphore(0)

    def call(number: int) -> int:
        try:
            with gate.enter(1 + number % 4, Caller(after(WAIT))):
                assert gate.rows_pending <= 8
                return 1
        except ResourceExhaustedError:
            refused.release()
            return 0

    with ThreadPoolExecutor(16) as pool:
        passed = sum(pool.map(call, range(400)))
    assert passed >= 1
    assert gate.rows_pending == 0


def test_the_turn_goes_to_who_came_first() -> None:
    gate, order = Gate(1000), []

    def take(number: int) -> None:
        with gate.enter(1, Caller()):
            order.append(number)

    threads = [threading.Thread(target=take, args=[number]) for number in range(20)]
    with gate.enter(1, Caller()):
        for number, thread in enumerate(threads):
            thread.start()
            wait_until(lambda number=number: gate.rows_pending == number + 2)
            wait_until(lambda number=number: gate.waiting == number + 1)
    for thread in threads:
        thread.join()
    assert order == list(range(20))


def test_who_gives_up_in_the_moment_of_the_turn_passes_it_on() -> None:
    gate = Gate(1000)
    gave_up = threading.Event()

    def gone() -> bool:
        return gave_up.is_set()

    def wait_and_give_up() -> None:
        with suppress(CallCancelledError), gate.enter(1, Caller(gone=gone)):
            pass

    with gate.enter(1, Caller()):
        thread = threading.Thread(target=wait_and_give_up)
        thread.start()
        wait_until(lambda: gate.waiting == 1)
        gave_up.set()
    thread.join()
    with gate.enter(1, Caller(deadline=time.monotonic() + 5)):  # the turn is free again
        pass


def test_the_online_lane_goes_first_and_the_bulk_lane_now_and_then() -> None:
    gate, order = Gate(1000), list[Lane]()
    gate.line_up(Lane.ONLINE)
    places = [gate.line_up(lane) for lane in [Lane.BULK] * 2 + [Lane.ONLINE] * 2 * ONLINE_RUN_MAX]
    for _ in range(len(places)):
        before = {place for place in places if place.called.is_set()}
        gate.pass_on()
        (called,) = {place for place in places if place.called.is_set()} - before
        order.append(called.lane)
    run = [Lane.ONLINE] * ONLINE_RUN_MAX
    assert order == [*run, Lane.BULK, *run, Lane.BULK]
