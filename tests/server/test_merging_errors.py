"""Calls that wait and are not answered: each fails alone, and leaves nothing behind."""

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import onnx_models
from assayd_server.asks import Ask
from assayd_server.caller import Caller, after
from assayd_server.errors import (
    CallCancelledError,
    DeadlineExceededError,
    InvalidArgumentError,
    NotFoundError,
    ResourceExhaustedError,
)
from assayd_server.wanted import ModelChoice, Wanted
from merging_bench import ROWS, WAIT, Bench, own

Make = Callable[..., Bench]


def test_a_bad_call_fails_alone(make_bench: Make) -> None:
    bench = make_bench(onnx_models.look_up())
    found = [bench.offer(np.array(rows)) for rows in ([1, 2], [99], [3])]
    bench.advance(*found)
    with pytest.raises(InvalidArgumentError):
        found[1].result()
    assert [len(own(found[place].result())) for place in (0, 2)] == [2, 1]
    assert bench.is_at_rest()


def test_a_bug_reaches_all_who_wait_and_none_after_them(make_bench: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = make_bench()

    def fail(*_: Any, **__: Any) -> None:
        raise KeyError("a bug")

    with monkeypatch.context() as patched:
        patched.setattr("assayd_server.scoring_pass.scored", fail)
        found = [bench.offer(ROWS[:1]), bench.offer(ROWS[:2])]
        bench.advance(*found)
    assert [type(one.exception()) for one in found] == [KeyError, KeyError]
    assert len(own(bench.score(ROWS[:3]))) == 3
    assert bench.is_at_rest()


def test_an_expired_or_cancelled_call_is_not_computed(make_bench: Make) -> None:
    bench = make_bench()
    found = [
        bench.offer(ROWS[:5], caller=Caller(after(0))),
        bench.offer(ROWS[:6], caller=Caller(gone=lambda: True)),
    ]
    bench.advance(*found)
    assert [type(one.exception()) for one in found] == [DeadlineExceededError, CallCancelledError]
    assert bench.value("assayd_abandoned_calls_total") == 2
    assert bench.value("assayd_executions_total") == 0
    assert bench.is_at_rest()


def test_a_call_whose_caller_goes_away_leaves_the_line_at_once(make_bench: Make) -> None:
    bench, is_gone = make_bench(), threading.Event()
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


def test_too_many_rows_are_refused_and_leave_nothing_behind(make_bench: Make) -> None:
    bench = make_bench(pending_max=10)
    with bench.gate.enter(8, Caller()):
        with pytest.raises(ResourceExhaustedError):
            bench.offer(ROWS[:3])
        assert bench.value("assayd_pending_rows") == 0
    assert len(own(bench.score(ROWS[:3]))) == 3


def test_an_unknown_model_is_said_at_once(make_bench: Make) -> None:
    with pytest.raises(NotFoundError):
        make_bench().offer(ROWS[:1], Ask(Wanted(model=ModelChoice(name="other"))))
