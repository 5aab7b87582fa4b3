"""Calls without a thread that are scored together: each has its own rows' answers, errors and deadline."""

import gc
import threading
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import onnx_models
from assayd_server.asks import Ask
from assayd_server.caller import Caller, Lane, after
from assayd_server.core.scores import scores_of_logits
from assayd_server.core.uncertainty import Measure
from assayd_server.errors import (
    CallCancelledError,
    DeadlineExceededError,
    InvalidArgumentError,
    NotFoundError,
    ResourceExhaustedError,
)
from assayd_server.gate import ONLINE_RUN_MAX
from assayd_server.rows import inputs_of
from assayd_server.score_job import Part
from assayd_server.servable import Servable
from assayd_server.wanted import ModelChoice, Output, Wanted
from merging_bench import ENTROPY, WAIT, Bench

Load = Callable[..., Servable]
ROWS = np.random.default_rng(0).normal(size=(60, 4)).astype(np.float32)


Make = Callable[..., Bench]


@pytest.fixture
def make(load: Load) -> Iterator[Make]:
    made: list[Bench] = []

    def make_one(content: bytes = b"", **limits: Any) -> Bench:
        made.append(Bench(load(content or onnx_models.identity()), **limits))
        return made[-1]

    yield make_one
    for bench in made:
        bench.merging.close()


def own(part: Part) -> np.ndarray:
    return part.scores.rows.probabilities[part.rows]


def entropies(part: Part) -> np.ndarray:
    return part.scores.rows.uncertainties[Measure.ENTROPY][part.rows]


def expected(rows: np.ndarray) -> np.ndarray:
    return scores_of_logits(rows, temperature=1.0).probabilities


@pytest.mark.parametrize("content", [onnx_models.network, onnx_models.forest, onnx_models.fixed_batch])
def test_calls_that_wait_share_a_pass_and_each_has_the_answers_that_it_has_alone(
    make: Make, content: Callable[[], bytes]
) -> None:
    bench = make(content())
    rows = np.random.default_rng(0).uniform(0, 16, (100, 64)).astype(np.float32)
    parts = np.split(rows, [1, 30, 33, 90])
    alone = [bench.score(part) for part in parts]
    assert bench.value("assayd_executions_total") == len(parts)
    found = [bench.offer(part) for part in parts]
    bench.advance(*found)
    assert bench.value("assayd_executions_total") == len(parts) + 1
    for one, other in zip(found, alone, strict=True):
        np.testing.assert_allclose(own(one.result()), own(other), atol=1e-5)
        np.testing.assert_allclose(entropies(one.result()), entropies(other), atol=1e-5)
    assert bench.value("assayd_rows_total") == 2 * len(rows)
    assert bench.is_at_rest()


def test_calls_that_ask_for_different_things_share_a_pass_too(make: Make) -> None:
    bench = make()
    asks = [
        ENTROPY,
        Ask(Wanted(top_k=2)),
        Ask(Wanted(outputs=frozenset({Output.LOGITS}), temperature=2.0)),
        ENTROPY,
    ]
    bench.score(ROWS[:1])
    found = [bench.offer(ROWS[place : place + 2], ask) for place, ask in enumerate(asks)]
    bench.advance(*found)
    assert bench.value("assayd_executions_total") == 2
    for place, (ask, one) in enumerate(zip(asks, found, strict=True)):
        rows, part = ROWS[place : place + 2], one.result()
        temperature = ask.wanted.temperature or 1.0
        scores = scores_of_logits(rows, temperature=temperature, top_k=ask.wanted.top_k)
        np.testing.assert_allclose(own(part), scores.probabilities, atol=1e-6)
        np.testing.assert_array_equal(part.scores.rows.top_classes[part.rows], scores.top_classes)
        np.testing.assert_array_equal(part.scores.forward.logits[part.rows], rows)


def test_what_is_not_known_to_be_quick_is_done_by_another_thread(make: Make) -> None:
    bench = make()
    first = bench.offer(ROWS[:2])
    bench.merging.advance()
    assert len(bench.watched) == 1  # it may take long: its caller may go away meanwhile
    np.testing.assert_allclose(own(first.result(WAIT)), expected(ROWS[:2]), atol=1e-6)


def test_what_is_quick_is_done_at_once_by_the_thread_that_asks(make: Make) -> None:
    bench = make()
    bench.score(ROWS[:2])
    bench.watched.clear()
    second = bench.offer(ROWS[2:4])
    bench.merging.advance()
    assert second.done()
    assert bench.watched == []


def test_while_another_computation_has_the_turn_calls_wait_for_the_thread(make: Make) -> None:
    bench = make()
    bench.score(ROWS[:2])
    with bench.gate.enter(1, Caller()):
        found = [bench.offer(ROWS[:2]), bench.offer(ROWS[2:3])]
        bench.merging.advance()
        assert not any(one.done() for one in found)
    assert [len(own(one.result(WAIT))) for one in found] == [2, 1]


def test_a_pass_takes_no_more_rows_than_it_may(make: Make) -> None:
    bench = make(rows_max=10)
    bench.score(ROWS[:1])
    found = [bench.offer(ROWS[:count]) for count in (4, 7, 5, 1)]
    bench.advance(*found)
    assert [len(own(one.result())) for one in found] == [4, 7, 5, 1]
    assert bench.value("assayd_executions_total") == 3  # 1, 4 + 5 + 1, and 7


def test_a_quick_pass_takes_more_along_than_another(make: Make) -> None:
    bench = make(rows_enough=4)
    bench.score(ROWS[:4])
    (known,) = bench.merging._known.values()
    for _ in range(64):
        known[ENTROPY].pace.observe(16, 0.0)  # however busy the machine is
    while not bench.merging._changed._waiters:  # until the thread has found nothing to do
        threading.Event().wait(0.001)
    with bench.merging._changed:  # it cannot come to the line meanwhile
        found = [bench.offer(ROWS[:4]) for _ in range(6)]
        bench.merging.advance()
        assert [one.done() for one in found] == [True] * 4 + [False] * 2
    bench.advance(*found)
    assert bench.value("assayd_executions_total") == 3


def test_more_rows_than_a_pass_takes_are_not_for_here(make: Make) -> None:
    bench = make(rows_max=10)
    assert [bench.merging.takes(ENTROPY, count) for count in (0, 1, 10, 11)] == [False, True, True, False]


def test_a_bad_call_fails_alone(make: Make) -> None:
    bench = make(onnx_models.look_up())
    found = [bench.offer(np.array(rows)) for rows in ([1, 2], [99], [3])]
    bench.advance(*found)
    with pytest.raises(InvalidArgumentError):
        found[1].result()
    assert [len(own(found[place].result())) for place in (0, 2)] == [2, 1]
    assert bench.is_at_rest()


def test_a_bug_reaches_all_who_wait_and_none_after_them(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = make()

    def fail(*_: Any, **__: Any) -> None:
        raise KeyError("a bug")

    with monkeypatch.context() as patched:
        patched.setattr("assayd_server.scoring_pass.scored", fail)
        found = [bench.offer(ROWS[:1]), bench.offer(ROWS[:2])]
        bench.advance(*found)
    assert [type(one.exception()) for one in found] == [KeyError, KeyError]
    assert len(own(bench.score(ROWS[:3]))) == 3
    assert bench.is_at_rest()


def test_an_expired_or_cancelled_call_is_not_computed(make: Make) -> None:
    bench = make()
    found = [
        bench.offer(ROWS[:5], caller=Caller(after(0))),
        bench.offer(ROWS[:6], caller=Caller(gone=lambda: True)),
    ]
    bench.advance(*found)
    assert [type(one.exception()) for one in found] == [DeadlineExceededError, CallCancelledError]
    assert bench.value("assayd_abandoned_calls_total") == 2
    assert bench.value("assayd_executions_total") == 0
    assert bench.is_at_rest()


def test_a_call_whose_caller_goes_away_leaves_the_line_at_once(make: Make) -> None:
    bench, is_gone = make(), threading.Event()
    with bench.gate.enter(1, Caller()):
        found = bench.offer(ROWS[:5], caller=Caller(gone=is_gone.is_set))
        bench.merging.advance()
        other = bench.offer(ROWS[:1])
        is_gone.set()
        for job in bench.watched:
            if job.row_count == 5:
                bench.merging.drop(job)
        assert isinstance(found.exception(0), CallCancelledError)
        assert bench.gate.rows_pending == 2  # the other's, and the turn's own
    assert len(own(other.result(WAIT))) == 1


def test_a_caller_that_goes_away_while_the_thread_wakes_leaves_it_able_to_wake_again(make: Make) -> None:
    bench = make()
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


def test_the_other_lane_has_one_turn_in_nine_while_calls_wait(make: Make) -> None:
    bench, turns, is_over = make(rows_max=1), [], threading.Event()
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
    for one in found:
        one.result(WAIT)
    order = "".join(turn[0] for turn in turns)
    is_over.set()
    for thread in threads:
        thread.join()
    calls = order[order.index("o") : order.rindex("o")]  # from when their thread had lined up
    assert calls.count("b") <= 90 // ONLINE_RUN_MAX + 2


def test_too_many_rows_are_refused_and_leave_nothing_behind(make: Make) -> None:
    bench = make(pending_max=10)
    with bench.gate.enter(8, Caller()):
        with pytest.raises(ResourceExhaustedError):
            bench.offer(ROWS[:3])
        assert bench.value("assayd_pending_rows") == 0
    assert len(own(bench.score(ROWS[:3]))) == 3


def test_an_ask_is_checked_once_for_as_many_rows_or_fewer(make: Make) -> None:
    bench = make()
    for count in (3, 2, 3, 4, 1):
        bench.score(ROWS[:count])
    assert [plan.rows.count for plan in bench.checked] == [3, 4]


def test_the_more_ways_to_ask_the_fewer_forms_of_answers_each_of_them_keeps(make: Make) -> None:
    bench = make()
    known = []
    for number in range(200):
        ask = Ask(Wanted(temperature=1 + number / 100))
        bench.merging.offer(
            ask,
            inputs_of({"": ROWS[:1]}),
            Caller(),
            finish=lambda job, _: known.append(job.known.forms_max),
            watch=lambda _: None,
        )
        bench.merging.advance()
        bench.until(lambda number=number: len(known) > number)
    assert known[:16] == [256] * 16
    assert known == sorted(known, reverse=True)
    assert known[-1] >= 8
    assert sum(known) < 16_000


def test_a_delay_lets_more_calls_come(make: Make) -> None:
    bench = make(rows_enough=10, delay_seconds_max=WAIT)
    first = bench.offer(ROWS[:4])
    bench.merging.advance()
    second = bench.offer(ROWS[:6])  # which is enough
    bench.advance(first, second)
    assert bench.value("assayd_executions_total") == 1


def test_a_model_that_is_gone_is_kept_by_nothing(make: Make, load: Load) -> None:
    bench = make()
    bench.score(ROWS[:1])
    gone = weakref.ref(bench.repository.find("m", 1))
    bench.checked.clear()
    bench.watched.clear()
    gc.collect()
    gc.disable()  # as of what is left in place: no circle of references may lead through a model
    try:
        bench.repository.publish("m", [load(onnx_models.identity())], [])
        bench.score(ROWS[:1])
        assert gone() is None
    finally:
        gc.enable()


def test_an_unknown_model_is_said_at_once(make: Make) -> None:
    with pytest.raises(NotFoundError):
        make().offer(ROWS[:1], Ask(Wanted(model=ModelChoice(name="other"))))


def test_what_waits_at_the_end_is_scored(make: Make) -> None:
    bench = make()
    with bench.gate.enter(1, Caller()):
        found = bench.offer(ROWS[:2])
        bench.merging.advance()
    bench.merging.close()
    assert len(own(found.result(0))) == 2


def test_calls_of_many_threads_beside_other_computations_all_have_their_own_answers(
    make: Make, tmp_path: Path
) -> None:
    bench, stop = make(), threading.Event()

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
