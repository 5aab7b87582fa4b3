"""Who waits for an answer: a deadline on the monotonic clock, and whether the call was cancelled."""

import math
import time

import pytest

from assayd_server.caller import NEVER, Caller, after
from assayd_server.errors import CallCancelledError, DeadlineExceededError


def gone() -> bool:
    return True


def test_a_deadline_in_no_seconds_is_never() -> None:
    assert after(None) == NEVER


def test_a_deadline_lies_so_many_seconds_ahead() -> None:
    before = time.monotonic()
    at = after(60)
    assert before + 60 <= at <= time.monotonic() + 60


def test_a_caller_of_whom_nothing_is_said_waits_for_ever() -> None:
    assert Caller().patience_seconds == math.inf


def test_a_caller_of_whom_nothing_is_said_stays() -> None:
    Caller().check()


def test_an_infinite_number_of_seconds_is_never() -> None:
    assert Caller(after(math.inf)).patience_seconds == math.inf


def test_patience_shrinks_with_time() -> None:
    caller = Caller(after(60))
    first = caller.patience_seconds
    assert 0 <= caller.patience_seconds <= first <= 60


@pytest.mark.parametrize("seconds", [0, -1, -1e9])
def test_no_patience_is_left_after_the_deadline(seconds: float) -> None:
    assert Caller(after(seconds)).patience_seconds == 0


@pytest.mark.parametrize("seconds", [None, 3600])
def test_a_deadline_ahead_is_no_error(seconds: float | None) -> None:
    Caller(after(seconds)).check()


def test_a_deadline_that_passed_is_an_error_that_programs_can_tell() -> None:
    with pytest.raises(DeadlineExceededError, match=r"^the deadline passed before the work began") as caught:
        Caller(after(0)).check()
    assert caught.value.reason == "DEADLINE_PASSED"


def test_a_caller_that_went_away_is_an_error_that_programs_can_tell() -> None:
    with pytest.raises(CallCancelledError, match=r"^the call was cancelled before the work began") as caught:
        Caller(gone=gone).check()
    assert caught.value.reason == "CALLER_GONE"


def test_a_caller_that_went_away_after_its_deadline_was_late() -> None:
    with pytest.raises(DeadlineExceededError):
        Caller(after(0), gone).check()


def test_a_caller_is_asked_anew_each_time_whether_it_is_there() -> None:
    answers = iter((False, True))
    caller = Caller(gone=lambda: next(answers))
    caller.check()
    with pytest.raises(CallCancelledError):
        caller.check()
