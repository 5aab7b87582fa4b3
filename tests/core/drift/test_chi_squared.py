"""Chi-squared and Cramér's V: worked values, and SciPy."""

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats

from assayd_server.core.drift.chi_squared import chi_squared, chi_squared_p_value, cramers_v

COUNTS = st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 10**6)), min_size=1, max_size=12)
modest = settings(derandomize=True, deadline=None, max_examples=60)


@given(counts=COUNTS)
@modest
def test_it_is_as_scipy_has_it(counts: list[tuple[int, int]]) -> None:
    table = np.array(counts).T
    table = table[:, table.any(axis=0)]
    assume(table.shape[1] > 1 and table.any(axis=1).all())
    expected = stats.chi2_contingency(table, correction=False)
    statistic, degrees = chi_squared(*table)
    assert (statistic, degrees) == (pytest.approx(expected.statistic, rel=1e-9, abs=1e-9), expected.dof)
    assert chi_squared_p_value(statistic, degrees) == pytest.approx(expected.pvalue, rel=1e-6, abs=1e-290)


def test_a_category_that_neither_has_does_not_count() -> None:
    with_it, without_it = (np.array([5, 0, 9]), np.array([3, 0, 1])), (np.array([5, 9]), np.array([3, 1]))
    assert chi_squared(*with_it) == chi_squared(*without_it)


@pytest.mark.parametrize(
    ("reference", "window"),
    [([], []), ([5], [7]), ([5, 0], [7, 0]), ([5, 5], [0, 0]), ([0, 0], [3, 4]), ([0, 0], [0, 0])],
)
def test_where_nothing_can_differ_there_is_no_evidence(reference: list[int], window: list[int]) -> None:
    counts = np.array(reference, np.int64), np.array(window, np.int64)
    assert chi_squared(*counts) == (0, 0)
    assert chi_squared_p_value(0.0, 0) == 1


def test_cramers_v_by_hand() -> None:
    # shares (1/2, 1/2) and (4/5, 1/5): 0.09 / 2.6 + 0.09 / 1.4
    shares = np.array([[50, 50], [80, 20]]) * 10**10
    assert cramers_v(*shares) == pytest.approx(math.sqrt(0.09 / 2.6 + 0.09 / 1.4), rel=1e-9)


def test_cramers_v_is_scipys_where_both_have_as_many_rows() -> None:
    table = np.array([[500, 300, 200], [350, 350, 300]]) * 10**9
    assert cramers_v(*table) == pytest.approx(stats.contingency.association(table, method="cramer"), rel=1e-7)


def test_cramers_v_does_not_depend_on_how_large_the_reference_is() -> None:
    window = np.array([2000, 8000])
    values = [cramers_v(np.array([size, size]), window) for size in (10**4, 10**6, 10**9)]
    assert max(values) - min(values) < 1e-4


@given(counts=COUNTS)
@modest
def test_cramers_v_lies_between_zero_and_one(counts: list[tuple[int, int]]) -> None:
    reference, window = np.array(counts).T
    assert 0 <= cramers_v(reference, window) <= 1
    assert cramers_v(window, window) == 0


def test_cramers_v_of_what_shares_nothing_is_nearly_one() -> None:
    assert cramers_v(np.array([10**6, 0]), np.array([0, 10**6])) == pytest.approx(1, abs=1e-5)
