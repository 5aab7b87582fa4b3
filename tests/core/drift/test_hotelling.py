"""Hotelling's test: a direct computation, Student's test, and its law."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from assayd_server.core.drift.hotelling import hotelling
from assayd_server.core.drift.moments import moments
from assayd_server.core.drift.reduction import COORDINATE_MAX

NAN = np.nan


def rows_of(count: int, width: int = 4, *, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 1, (count, width))


def test_it_is_what_comes_of_the_rows_themselves() -> None:
    first, second = rows_of(300), rows_of(80, seed=1) + 0.1
    pooled = (299 * np.cov(first.T) + 79 * np.cov(second.T)) / 378
    gap = first.mean(axis=0) - second.mean(axis=0)
    squared = gap @ np.linalg.inv(pooled) @ gap
    statistic = squared * 300 * 80 / 380
    expected = stats.f.sf(statistic * 375 / (378 * 4), 4, 375)
    found = hotelling(moments(first), moments(second))
    assert found == pytest.approx((np.sqrt(squared), statistic, expected), rel=2e-3)


def test_of_one_coordinate_it_is_students_test() -> None:
    first, second = rows_of(200, 1), rows_of(50, 1, seed=1) + 0.3
    expected = stats.ttest_ind(first[:, 0], second[:, 0])
    found = hotelling(moments(first), moments(second))
    assert found is not None
    assert found[1:] == pytest.approx((expected.statistic**2, expected.pvalue), rel=5e-3)


def test_windows_like_the_reference_are_rejected_as_often_as_is_said() -> None:
    reference = moments(rows_of(20_000, seed=2))
    found = [hotelling(reference, moments(rows_of(100, seed=100 + seed))) for seed in range(1000)]
    assert abs(np.mean([result is not None and result[2] <= 0.05 for result in found]) - 0.05) < 0.02


def test_constant_coordinates_that_agree_have_no_say_and_those_that_differ_are_beyond_doubt() -> None:
    first, second = np.ones((50, 2)), np.ones((20, 2))
    assert hotelling(moments(first), moments(second)) == (0, 0, 1)
    found = hotelling(moments(first), moments(second + 0.5))
    assert found is not None
    assert np.isfinite(found).all()
    assert found[2] < 1e-100


@pytest.mark.parametrize(("first", "second"), [(0, 5), (5, 0), (3, 2), (0, 0)])
def test_of_too_few_rows_it_says_nothing(first: int, second: int) -> None:
    assert hotelling(moments(rows_of(first)), moments(rows_of(second))) is None


def test_without_coordinates_it_says_nothing() -> None:
    assert hotelling(moments(np.empty((9, 0))), moments(np.empty((9, 0)))) is None


def test_rows_with_nan_are_left_out() -> None:
    rows = rows_of(20)
    found = moments(np.concatenate([rows, [[NAN, 1, 1, 1]]]))
    assert found.rows == 20
    assert found.sums.tolist() == moments(rows).sums.tolist()


@given(cuts=st.lists(st.integers(0, 500), max_size=5), seed=st.integers(0, 50))
@settings(derandomize=True, deadline=None, max_examples=40)
def test_moments_of_parts_add_up_to_those_of_the_whole(cuts: list[int], seed: int) -> None:
    rows = rows_of(500, 17, seed=seed) * 10
    parts = [moments(part) for part in np.split(np.random.default_rng(seed).permutation(rows), sorted(cuts))]
    whole = moments(rows)
    assert sum(part.rows for part in parts) == whole.rows
    assert sum(part.sums for part in parts).tolist() == whole.sums.tolist()
    assert sum(part.products for part in parts).tolist() == whole.products.tolist()


def test_the_largest_coordinates_are_added_exactly() -> None:
    found = moments(np.full((100_000, 2), COORDINATE_MAX))
    assert found.products.tolist() == [[100_000 * 2**34] * 2] * 2
