"""Rows drawn by chance: each once, never a taken one, the same for the same seed."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare

from assayd_server.core.exploration import drawn_rows


@given(st.integers(1, 60), st.integers(0, 70), st.sets(st.integers(0, 59)), st.integers(0, 2**64 - 1))
def test_free_rows_are_drawn_each_once(pool_rows: int, count: int, taken: set[int], seed: int) -> None:
    taken = {row for row in taken if row < pool_rows}
    drawn = drawn_rows(pool_rows, count, taken=np.array(sorted(taken), np.int64), seed=seed).tolist()
    assert len(drawn) == len(set(drawn)) == min(count, pool_rows - len(taken))
    assert taken.isdisjoint(drawn)
    assert all(0 <= row < pool_rows for row in drawn)


def test_a_longer_draw_begins_with_the_shorter_one() -> None:
    none = np.empty(0, np.int64)
    longer = drawn_rows(100_000, 500, taken=none, seed=3)
    np.testing.assert_array_equal(drawn_rows(100_000, 20, taken=none, seed=3), longer[:20])


def test_the_next_round_goes_on_where_the_last_one_stopped() -> None:
    first = drawn_rows(100_000, 20, taken=np.empty(0, np.int64), seed=3)
    both = drawn_rows(100_000, 40, taken=np.empty(0, np.int64), seed=3)
    np.testing.assert_array_equal(drawn_rows(100_000, 20, taken=np.sort(first), seed=3), both[20:])


def test_rows_that_are_taken_are_passed_over_however_many_come_first() -> None:
    none = np.empty(0, np.int64)
    first = drawn_rows(1000, 100, taken=none, seed=3)
    both = drawn_rows(1000, 120, taken=none, seed=3)
    np.testing.assert_array_equal(drawn_rows(1000, 20, taken=np.sort(first), seed=3), both[100:])


def test_another_seed_draws_other_rows() -> None:
    none = np.empty(0, np.int64)
    assert set(drawn_rows(10**6, 50, taken=none, seed=1)) != set(drawn_rows(10**6, 50, taken=none, seed=2))


@pytest.mark.parametrize("count", [10, 95])
def test_every_row_has_the_same_chance(count: int) -> None:
    drawn = [drawn_rows(100, count, taken=np.empty(0, np.int64), seed=seed)[:10] for seed in range(2000)]
    assert chisquare(np.bincount(np.concatenate(drawn), minlength=100)).pvalue > 0.001
