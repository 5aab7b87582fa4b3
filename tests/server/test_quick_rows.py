"""A pass takes more calls along while it is quick."""

from collections.abc import Callable

import pytest

from assayd_server.quick_rows import QUICK_SECONDS_MAX, TIMES, quick_rows

ENOUGH = 128


def of_a_row(seconds: float) -> Callable[[int], float]:
    return lambda row_count: row_count * seconds


FAST, SLOW = of_a_row(QUICK_SECONDS_MAX / 10_000), of_a_row(QUICK_SECONDS_MAX)


def test_a_quick_pass_takes_some_times_as_many_rows() -> None:
    assert quick_rows([256] * 8, FAST, enough=ENOUGH, rows_max=1024) == TIMES * ENOUGH


def test_no_pass_takes_more_rows_than_it_may() -> None:
    assert quick_rows([256] * 8, FAST, enough=ENOUGH, rows_max=300) == 300
    assert quick_rows([64] * 8, FAST, enough=ENOUGH, rows_max=100) == 100


@pytest.mark.parametrize(("quick", "rows"), [(513, 512), (512, 256), (257, 256), (256, 128), (129, 128), (128, 0)])
def test_it_takes_no_more_than_it_is_quick_with(quick: int, rows: int) -> None:
    of_so_many = of_a_row(QUICK_SECONDS_MAX / quick)
    assert quick_rows([32] * 100, of_so_many, enough=ENOUGH, rows_max=1024) == rows


def test_where_few_rows_wait_a_pass_of_these_is_to_be_quick() -> None:
    a_hundred = of_a_row(QUICK_SECONDS_MAX / 100)
    assert quick_rows([64, 35], a_hundred, enough=ENOUGH, rows_max=1024) == TIMES * ENOUGH
    assert quick_rows([64, 36], a_hundred, enough=ENOUGH, rows_max=1024) == 0


def test_a_call_that_is_not_quick_by_itself_is_for_another_thread() -> None:
    assert quick_rows([1], SLOW, enough=ENOUGH, rows_max=1024) == 0
    assert quick_rows([800, 1], of_a_row(QUICK_SECONDS_MAX / 800), enough=ENOUGH, rows_max=1024) == 0
