"""Kolmogorov and Smirnov's test: SciPy's on the rows, and what the grid makes of it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from scipy import stats

from assayd_server.core.drift.bins import interval_bins
from assayd_server.core.drift.kolmogorov import grid_distance, kolmogorov_p_value

NAN = np.nan
COLUMNS = npst.arrays(
    np.float64,
    st.integers(5, 40),  # of fewer SciPy warns
    elements=st.one_of(st.sampled_from([0.0, 1.0, 1.0, -3.0, 1e300]), st.floats(-4, 4)),
)
WHOLE = npst.arrays(np.float64, st.integers(5, 40), elements=st.sampled_from([-2.0, -1.0, 0.0, 1.0, 2.0]))
modest = settings(derandomize=True, deadline=None, max_examples=80)


@given(reference=COLUMNS, window=COLUMNS)
@modest
def test_the_distance_on_a_grid_is_the_gap_at_its_points_and_never_larger(
    reference: np.ndarray, window: np.ndarray
) -> None:
    bins = interval_bins(reference, 5)
    found = grid_distance(bins.counts(reference)[:-1], bins.counts(window)[:-1])
    gaps = [abs((reference <= point).mean() - (window <= point).mean()) for point in bins.points]
    assert found == pytest.approx(max(gaps), abs=1e-12)
    assert found <= stats.ks_2samp(reference, window, method="asymp").statistic + 1e-12


@given(reference=WHOLE, window=WHOLE)
@modest
def test_the_distance_on_a_grid_is_scipys_where_each_value_has_a_bin(
    reference: np.ndarray, window: np.ndarray
) -> None:
    bins = interval_bins(np.arange(-2.0, 3.0), 5)
    found = grid_distance(bins.counts(reference)[:-1], bins.counts(window)[:-1])
    assert found == pytest.approx(stats.ks_2samp(reference, window, method="asymp").statistic, abs=1e-12)


def test_missing_values_are_left_out_of_the_distance() -> None:
    reference, window = np.array([1.0, 2.0, 3.0, NAN]), np.array([2.5, NAN, NAN])
    bins = interval_bins(reference, 5)
    assert grid_distance(bins.counts(reference)[:-1], bins.counts(window)[:-1]) == pytest.approx(2 / 3)


def test_histograms_are_compared_along_the_last_axis() -> None:
    reference, window = np.array([[5, 5, 0], [2, 0, 0]]), np.array([[0, 2, 2], [0, 0, 0]])
    assert grid_distance(reference, window).tolist() == [0.5, 0]


def test_a_histogram_without_rows_is_no_distance_apart() -> None:
    assert grid_distance(np.array([0, 0]), np.array([1, 2])) == 0


def test_the_p_value_is_that_of_the_law_for_large_samples() -> None:
    expected = stats.kstwobign.sf(np.sqrt(1000 * 200 / 1200) * 0.1)
    assert kolmogorov_p_value(0.1, 1000, 200) == pytest.approx(expected, rel=1e-10)
    assert kolmogorov_p_value(0.0, 0, 0) == 1


def test_the_p_value_is_near_the_exact_one() -> None:
    rng = np.random.default_rng(3)
    reference, window = rng.normal(0, 1, 900), rng.normal(0.15, 1, 300)
    exact = stats.ks_2samp(reference, window, method="exact")
    assert kolmogorov_p_value(exact.statistic, 900, 300) == pytest.approx(exact.pvalue, rel=0.1)


def test_on_a_grid_alarms_are_rarer_than_is_said() -> None:
    rng = np.random.default_rng(4)
    references = rng.multinomial(20_000, np.full(10, 0.1), 3000)
    windows = rng.multinomial(400, np.full(10, 0.1), 3000)
    p_values = kolmogorov_p_value(grid_distance(references, windows), 20_000, 400)
    assert (p_values <= 0.05).mean() < 0.05


def test_nothing_that_is_given_is_changed() -> None:
    reference, window = np.array([[2, 1]]), np.array([[4, 3]])
    for array in (reference, window):
        array.flags.writeable = False
    kolmogorov_p_value(grid_distance(reference, window), reference.sum(axis=1), window.sum(axis=1))
