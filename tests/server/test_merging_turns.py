"""Who scores the calls that wait, and when: the thread that takes calls, another one, or somebody else first."""

import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np

from assayd_server.caller import Caller, Lane
from assayd_server.errors import CallCancelledError
from assayd_server.gate import ONLINE_RUN_MAX
from merging_bench import ROWS, WAIT, Bench, expected, own

Make = Callable[..., Bench]


def test_what_is_not_known_to_be_quick_is_done_by_another_thread(make_bench: Make) -> None:
    bench = make_bench()
    first = bench.offer(ROWS[:2])
    bench.merging.advance()
    assert len(bench.watched) == 1  # it may take long: its caller may go away meanwhile
    np.testing.assert_allclose(own(first.result(WAIT)), expected(ROWS[:2]), atol=1e-6)


def test_what_is_quick_is_done_at_once_by_the_thread_that_asks(make_bench: Make) -> None:
    bench = make_bench()
    bench.score(ROWS[:2])
    bench.watched.clear()
    second = bench.offer(ROWS[2:4])
    bench.merging.advance()
    assert second.done()
    assert bench.watched == []


def test_a_quick_pass_takes_more_along_than_another(make_bench: Make) -> None:
    bench = make_bench(rows_enough=4)
    bench.score(ROWS[:4])
    for row_count in [4, 8, 16] * 64:
        bench.watched[0].known.pace.observe(row_count, 0.0)  # however busy the machine is
    while not bench.merging._changed._waiters:  # until the thread has found nothing to do
        threading.Event().wait(0.001)
    with bench.merging._changed:  # it cannot come to the line meanwhile
        found = [bench.offer(ROWS[:4]) for _ in range(6)]
        bench.merging.advance()
        assert [one.done() for one in found] == [True] * 4 + [False] * 2
    bench.advance(*found)
    assert bench.value("assayd_executions_total") == 3


def test_while_another_computation_has_the_turn_calls_wait_for_the_thread(make_bench: Make) -> None:
    bench = make_bench()
    bench.score(ROWS[:2])
    with bench.gate.enter(1, Caller()):
        found = [bench.offer(ROWS[:2]), bench.offer(ROWS[2:3])]
        bench.merging.advance()
        assert not any(one.done() for one in found)
    assert [len(own(one.result(WAIT))) for one in found] == [2, 1]


def test_a_caller_that_goes_away_while_the_thread_wakes_leaves_it_able_to_wake_again(make_bench: Make) -> None:
    bench = make_bench()
    bench.score(ROWS[:1])
    with bench.merging._changed:  # the thread cannot come to the line meanwhile
        bench.watched.clear()
        gone = bench.offer(ROWS[:40], caller=Caller(gone=lambda: bool(bench.watched)))
        with bench.gate.enter(1, Caller()):
            bench.merging.advance()
        bench.merging.drop(bench.watched[0])
        assert isinstance(gone.exception(0), CallCancelledError)
    while not bench.merging._changed._waiters:  # until it has found nothing to do
        threading.Event().wait(0.001)
    found = bench.offer(ROWS[:50])
    bench.advance(found)
    assert len(own(found.result())) == 50


def test_the_other_lane_has_one_turn_in_nine_while_calls_wait(make_bench: Make) -> None:
    bench, turns, is_over = make_bench(rows_max=1), [], threading.Event()
    bench.score(ROWS[:1])

    def take_turns() -> None:
        while not is_over.is_set():
            with bench.gate.enter(1, Caller(lane=Lane.BULK)):
                turns.append("bulk")

    threads = [threading.Thread(target=take_turns) for _ in range(3)]
    with bench.gate.enter(1, Caller()):
        for thread in threads:
            thread.start()
        while bench.gate.waiting < len(threads):
            threading.Event().wait(0.001)
        found = [bench.offer(ROWS[:1]) for _ in range(90)]
        for one in found:
            one.add_done_callback(lambda _: turns.append("online"))
        bench.merging.advance()
        while bench.gate.waiting == len(threads):  # until the calls have lined up too
            threading.Event().wait(0.001)
    for one in found:
        one.result(WAIT)
    order = "".join(turn[0] for turn in turns)
    is_over.set()
    for thread in threads:
        thread.join()
    assert order[: order.rindex("o")].count("b") <= 90 // ONLINE_RUN_MAX + 2


def test_what_waits_at_the_end_is_scored(make_bench: Make) -> None:
    bench = make_bench()
    with bench.gate.enter(1, Caller()):
        found = bench.offer(ROWS[:2])
        bench.merging.advance()
    bench.merging.close()
    assert len(own(found.result(0))) == 2


def test_calls_of_many_threads_beside_other_computations_all_have_their_own_answers(
    make_bench: Make, tmp_path: Path
) -> None:
    bench, stop = make_bench(), threading.Event()

    def hold_the_turn() -> None:
        while not stop.is_set():
            with bench.gate.enter(1, Caller()):
                threading.Event().wait(0.002)

    holder = threading.Thread(target=hold_the_turn)
    holder.start()
    rng = np.random.default_rng(1)
    rows = [rng.normal(size=(count, 4)).astype(np.float32) for count in rng.integers(1, 9, 300)]
    found = []
    for part in rows:
        found.append(bench.offer(part))
        if bench.merging.waiting > 5:
            bench.merging.advance()
    bench.advance(*found)
    stop.set()
    holder.join()
    for part, one in zip(rows, found, strict=True):
        np.testing.assert_allclose(own(one.result()), expected(part), atol=1e-6)
    assert bench.is_at_rest()
