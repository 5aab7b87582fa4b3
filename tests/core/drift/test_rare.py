"""Evidence from rare bins: SciPy's binomial test, and how often it is wrong."""

import numpy as np
import pytest
from scipy import stats

from assayd_server.core.drift.rare import rare_p_value, weighted


@pytest.mark.parametrize(
    "counts", [(0, 50_000, 3, 1000), (7, 10_000, 2, 200), (0, 20, 200, 200), (3, 100, 0, 100)]
)
def test_it_is_the_binomial_test_of_how_the_rare_rows_fall(counts: tuple[int, int, int, int]) -> None:
    rare_reference, reference_rows, rare_window, window_rows = counts
    share = window_rows / (reference_rows + window_rows)
    expected = stats.binomtest(rare_window, rare_reference + rare_window, share, "greater").pvalue
    assert rare_p_value(*counts) == pytest.approx(expected, rel=1e-9)


def test_no_rare_row_is_no_evidence() -> None:
    assert rare_p_value(0, 100, 0, 10) == rare_p_value(5, 100, 0, 10) == 1


def test_a_window_that_is_all_missing_is_evidence_beyond_doubt() -> None:
    assert rare_p_value(0, 50_000, 1000, 1000) < 1e-300


@pytest.mark.parametrize("rate", [1e-5, 1e-4, 1e-3, 5e-3])
def test_it_is_wrong_no_more_often_than_it_says(rate: float) -> None:
    rng = np.random.default_rng(2)
    pairs = zip(rng.binomial(20_000, rate, 20_000), rng.binomial(400, rate, 20_000), strict=True)
    p_values = np.array([rare_p_value(int(c), 20_000, int(k), 400) for c, k in pairs])
    for alpha in (0.1, 0.05, 0.01, 0.001):
        assert (p_values <= alpha).mean() <= alpha + 3 * np.sqrt(alpha / 20_000)


def test_the_rare_bins_take_a_small_share_of_the_level() -> None:
    assert weighted(0.049, 1.0) == pytest.approx(0.05)
    assert weighted(1.0, 0.001) == pytest.approx(0.05)
    assert weighted(1.0, 0.5) == 1


def test_two_p_values_by_chance_make_one_by_chance() -> None:
    draws = np.random.default_rng(0).random((50_000, 2))
    rate = np.mean([weighted(*pair) <= 0.05 for pair in draws])
    assert 0.047 < rate < 0.053
