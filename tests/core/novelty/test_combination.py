"""The combined measure: worked values, and the rate that it promises although its parts share their rows."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assayd_server.core.novelty.combination import calibrated_combination, combined_score
from assayd_server.core.novelty.conformal import Calibration, calibrated


def test_the_combined_score_is_the_mean_of_minus_ln_p() -> None:
    found = combined_score([-np.log([1.0, 0.5, np.nan]), -np.log([1.0, 0.125, 0.5])])
    assert found[:2] == pytest.approx([0, 2 * np.log(2)])
    assert np.isnan(found[2])
    assert found.dtype == np.float32


def test_a_row_of_the_calibration_counts_itself() -> None:
    one, other = np.array([1, 2, 3], np.float32), np.array([6, 5, 4], np.float32)
    calibration = calibrated_combination([one, other], np.array([3, 4, 5]))
    shares = [3 * 1, 2 * 2, 1 * 3]
    expected = sorted((-np.log(share / 16) / 2, name) for share, name in zip(shares, (3, 4, 5), strict=True))
    np.testing.assert_allclose(calibration.scores, [score for score, _ in expected], rtol=1e-6)
    assert calibration.classes.tolist() == [name for _, name in expected]


def p_value(scores: np.ndarray, place: int) -> float:
    """Of one row against the others: (rows, measures)."""
    others, none = np.delete(scores, place, axis=0), np.zeros(len(scores) - 1, int)
    parts: list[Calibration] = [calibrated(column, none) for column in others.T]
    own = [part.surprises(scores[place : place + 1, number]) for number, part in enumerate(parts)]
    return float(calibrated_combination(list(others.T), none).p_values(combined_score(own))[0])


@given(data=st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), min_size=2, max_size=25))
@settings(derandomize=True, deadline=None, max_examples=200)
def test_of_exchangeable_rows_a_share_of_at_most_a_has_a_p_value_of_at_most_a(data: list[tuple[int, int]]) -> None:
    """Each row in turn against the others, ties and all: so for any rows in a random order."""
    scores = np.array(data, np.float32)
    found = np.sort([p_value(scores, place) for place in range(len(scores))])
    assert (found >= np.arange(1, len(found) + 1) / len(found) - 1e-12).all()


def test_the_rate_is_hardly_less_than_what_is_promised() -> None:
    scores = np.random.default_rng(0).normal(size=(200, 2)).astype(np.float32)
    found = np.array([p_value(scores, place) for place in range(200)])
    for rate in (0.05, 0.1, 0.5):
        assert rate - 0.02 <= (found <= rate).mean() <= rate
