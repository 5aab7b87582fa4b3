"""Scores of bins: mean 0 and variance 1 on the reference, whatever the distribution was."""

import numpy as np
import pytest

from assayd_server.core.drift.bins import interval_bins
from assayd_server.core.drift.watch.normal_scores import SCORE_UNITS, normal_scores

RNG = np.random.default_rng(0)


def counts_of(values: np.ndarray) -> np.ndarray:
    return interval_bins(values).counts(values)


@pytest.mark.parametrize(
    "values",
    [RNG.normal(0, 1, 20_000), RNG.exponential(1, 20_000), RNG.lognormal(0, 2, 20_000), RNG.poisson(3, 20_000)],
    ids=["normal", "exponential", "lognormal", "counts"],
)
def test_scores_ascend_and_are_standardised(values: np.ndarray) -> None:
    counts = counts_of(values)
    scores, known = normal_scores(counts) / SCORE_UNITS, counts[:-1]
    assert (np.diff(scores[:-1]) >= 0).all()
    assert scores[-1] == 0
    assert known @ scores[:-1] / known.sum() == pytest.approx(0, abs=0.02)
    assert known @ scores[:-1] ** 2 / known.sum() == pytest.approx(1, abs=0.03)


def test_deciles_have_the_means_of_a_normal_variable_between_its_quantiles() -> None:
    scores = normal_scores(np.array([*[100_000] * 10, 0])) / SCORE_UNITS
    # From tables of the normal law: the mean of the top tenth is 1.755, and the deviation of all ten is 0.9792.
    assert scores[9] == pytest.approx(1.755 / 0.9792, abs=1 / SCORE_UNITS)
    np.testing.assert_array_equal(scores[:10], -scores[9::-1])


@pytest.mark.parametrize("counts", [[0, 10_000, 0, 0], [0, 5, 0, 0], [0, 0], [0, 7], [10**9, 0, 1, 0]], ids=str)
def test_a_column_that_hardly_varies_has_scores_within_bounds(counts: list[int]) -> None:
    scores = normal_scores(np.array(counts)) / SCORE_UNITS
    assert (np.abs(scores) <= 4).all()
    assert scores[-1] == 0
    assert abs(scores[np.argmax(counts[:-1])]) < 0.5


def test_missing_rows_do_not_move_the_scores_of_the_others() -> None:
    counts = np.array([100, 200, 300, 200, 0])
    missing = np.array([100, 200, 300, 200, 800])
    np.testing.assert_allclose(normal_scores(counts), normal_scores(missing), atol=1)
