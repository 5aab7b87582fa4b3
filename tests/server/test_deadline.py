"""Deadlines on the monotonic clock."""

import math
import time

import pytest

from assayd_server import deadline
from assayd_server.errors import DeadlineExceededError


def test_a_deadline_in_no_seconds_is_never() -> None:
    assert deadline.after(None) == deadline.NEVER


def test_a_deadline_lies_so_many_seconds_ahead() -> None:
    before = time.monotonic()
    at = deadline.after(60)
    assert before + 60 <= at <= time.monotonic() + 60


def test_never_leaves_no_limit() -> None:
    assert deadline.remaining_seconds(deadline.NEVER) is None


def test_an_infinite_number_of_seconds_is_never() -> None:
    assert deadline.remaining_seconds(deadline.after(math.inf)) is None


def test_what_is_left_shrinks_with_time() -> None:
    remaining = deadline.remaining_seconds(deadline.after(60))
    assert remaining is not None
    assert 0 < remaining <= 60


@pytest.mark.parametrize("seconds", [0, -1, -1e9])
def test_nothing_is_left_of_a_deadline_that_passed(seconds: float) -> None:
    assert deadline.remaining_seconds(deadline.after(seconds)) == 0


@pytest.mark.parametrize("seconds", [None, 3600])
def test_a_deadline_ahead_is_no_error(seconds: float | None) -> None:
    deadline.check(deadline.after(seconds))


def test_a_deadline_that_passed_is_an_error_that_programs_can_tell() -> None:
    with pytest.raises(DeadlineExceededError, match=r"^the deadline passed before the work began") as caught:
        deadline.check(deadline.after(0))
    assert caught.value.reason == "DEADLINE_PASSED"
