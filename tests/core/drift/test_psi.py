"""PSI: worked values, and the law that it follows."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from assayd_server.core.drift.psi import psi, psi_critical, psi_p_value, psi_statistic, smoothed

COUNTS = st.lists(st.tuples(st.integers(0, 10**9), st.integers(0, 10**9)), min_size=1, max_size=12)
modest = settings(derandomize=True, deadline=None, max_examples=60)


def test_proportions_are_smoothed_by_half_a_row_a_bin() -> None:
    assert smoothed(np.array([0, 3])).tolist() == [0.125, 0.875]
    assert smoothed(np.array([0, 0])).tolist() == [0.5, 0.5]


def test_psi_of_two_bins_by_hand() -> None:
    # e = (1/4, 3/4), a = (3/4, 1/4): each bin gives 1/2 ln 3
    assert psi(np.array([0, 1]), np.array([1, 0])) == pytest.approx(math.log(3), rel=1e-14)


def test_psi_of_shares_without_smoothing_is_its_limit() -> None:
    shares = np.array([[0.2, 0.3, 0.5], [0.1, 0.3, 0.6]])
    expected = 0.1 * math.log(2) + 0.1 * math.log(1.2)
    assert psi(*(shares * 10**12).astype(np.int64)) == pytest.approx(expected, rel=1e-9)


def test_the_statistic_is_psi_over_what_chance_makes_of_it() -> None:
    reference, window = np.array([900, 100]), np.array([80, 20])
    assert psi_statistic(reference, window) == pytest.approx(psi(reference, window) / (1 / 1000 + 1 / 100))


def test_the_p_value_is_that_of_chi_squared_with_a_degree_less_than_there_are_bins() -> None:
    assert psi_p_value(7.5, 3) == pytest.approx(stats.chi2.sf(7.5, 2), rel=1e-10)
    assert psi_p_value(0.0, 1) == 1


def test_the_critical_value_is_where_the_p_value_is_alpha() -> None:
    assert psi_critical(10, 0.05) == pytest.approx(stats.chi2.isf(0.05, 9), rel=1e-10)
    assert psi_critical(2, 1e-9) == pytest.approx(stats.chi2.isf(1e-9, 1), rel=1e-10)


@pytest.mark.parametrize("window_rows", [100, 200, 1000, 10_000])
def test_windows_like_the_reference_are_rejected_as_often_as_is_said(window_rows: int) -> None:
    rng = np.random.default_rng(5)
    shares = np.full(10, 0.1)
    references = rng.multinomial(50 * window_rows, shares, 4000)
    windows = rng.multinomial(window_rows, shares, 4000)
    rate = np.mean(
        [psi_p_value(psi_statistic(*pair), 10) <= 0.05 for pair in zip(references, windows, strict=True)]
    )
    assert 0.04 <= rate <= 0.06


@given(counts=COUNTS)
@modest
def test_psi_is_finite_at_least_zero_and_symmetric(counts: list[tuple[int, int]]) -> None:
    reference, window = np.array(counts).T
    value, p_value = psi(reference, window), psi_p_value(psi_statistic(reference, window), len(counts))
    assert math.isfinite(value)
    assert value >= 0
    assert value == pytest.approx(psi(window, reference), rel=1e-12)
    assert 0 <= p_value <= 1


@given(counts=st.lists(st.integers(0, 1000), min_size=1, max_size=12))
@modest
def test_counts_have_no_psi_to_themselves(counts: list[int]) -> None:
    assert psi(np.array(counts), np.array(counts)) == 0
    assert psi_statistic(np.array(counts), np.array(counts)) == 0


def test_nothing_at_all_is_no_evidence() -> None:
    assert psi_statistic(np.zeros(3, np.int64), np.zeros(3, np.int64)) == 0
    assert psi_statistic(np.array([5, 7]), np.zeros(2, np.int64)) == 0
    assert psi_statistic(np.zeros(0, np.int64), np.zeros(0, np.int64)) == 0
