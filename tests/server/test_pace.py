"""How long a pass may take, told by those before it."""

import pytest

from assayd_server.pace import UNKNOWN_SECONDS, Pace

SIZES = [(1, 1), (2, 3), (4, 7), (8, 15), (512, 1023), (1024, 2047)]
"""The least and the most rows that are told of together."""


def paced(*passes: tuple[int, float]) -> Pace:
    pace = Pace()
    for row_count, seconds in passes:
        pace.observe(row_count, seconds)
    return pace


@pytest.mark.parametrize("row_count", [1, 2, 1000])
def test_before_the_first_pass_nothing_is_known(row_count: int) -> None:
    assert Pace().expected(row_count) == UNKNOWN_SECONDS == float("inf")


@pytest.mark.parametrize(("least", "most"), SIZES)
def test_the_first_pass_tells_of_all_of_its_size(least: int, most: int) -> None:
    for observed in (least, most):
        pace = paced((observed, 0.25))
        assert (pace.expected(least), pace.expected(most)) == (0.25, 0.25)


@pytest.mark.parametrize(("least", "most"), SIZES[:-1])
def test_the_next_size_is_expected_to_take_twice_as_long(least: int, most: int) -> None:
    assert paced((least, 0.25)).expected(most + 1) == 0.5


def test_many_more_rows_are_expected_to_take_as_much_longer() -> None:
    assert paced((1, 0.25)).expected(64) == 0.25 * 64


def test_of_several_smaller_sizes_the_nearest_tells() -> None:
    assert paced((1, 100.0), (16, 0.5), (4, 100.0)).expected(64) == 0.5 * 4


def test_larger_passes_tell_nothing_of_smaller_ones() -> None:
    assert paced((16, 0.25), (1024, 0.5)).expected(15) == UNKNOWN_SECONDS


def test_a_size_that_is_known_is_not_told_by_others() -> None:
    assert paced((8, 0.25), (4, 9.0), (16, 9.0)).expected(8) == 0.25


def test_a_newer_pass_counts_for_an_eighth() -> None:
    assert paced((8, 1.0), (9, 9.0)).expected(15) == 2.0
    assert paced((8, 9.0), (8, 1.0)).expected(8) == 8.0


def test_one_slow_pass_among_many_is_soon_forgotten() -> None:
    pace = paced((1, 1.0), *[(1, 0.001)] * 60)
    assert pace.expected(1) == pytest.approx(0.001 + 0.999 * (7 / 8) ** 60)
    assert pace.expected(1) < 0.002


def test_equal_passes_leave_what_is_expected_as_it_is() -> None:
    assert paced(*[(3, 0.25)] * 100).expected(2) == 0.25


@pytest.mark.parametrize("row_count", [0, 1, 5, 10**9])
def test_passes_that_take_no_time_are_known_all_the_same(row_count: int) -> None:
    assert paced((0, 0.0)).expected(row_count) == 0.0


def test_a_larger_pass_that_stalled_is_forgotten_by_smaller_ones_alone() -> None:
    pace = paced((512, 0.002), (512, 0.1), *[(128, 0.0005)] * 200)
    assert 0.002 < pace.expected(512) < 0.003


def test_a_larger_pass_is_not_expected_to_be_quicker_than_it_was_by_its_rows() -> None:
    assert paced((512, 0.001), *[(128, 0.001)] * 200).expected(512) == 0.001
    assert paced((512, 0.009), *[(128, 0.001)] * 1000).expected(512) == pytest.approx(0.004, rel=1e-3)


def test_smaller_passes_are_not_told_by_larger_ones() -> None:
    assert paced((8, 1.0), *[(16, 0.001)] * 200).expected(8) == 1.0
