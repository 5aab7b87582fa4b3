"""Which rows of a batch are discoveries: values by hand, and SciPy as the oracle."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import false_discovery_control

from assayd.false_discoveries import discoveries, threshold

ALPHA = 0.1


def test_values_by_hand() -> None:
    # of 5 rows the k-th smallest must be at most k / 50: 0.02, 0.04, 0.06, 0.08, 0.1
    p_values = np.array([0.9, 0.059, 0.03, 0.041, 0.2])
    assert discoveries(p_values, ALPHA).tolist() == [False, True, True, True, False]


def test_a_row_that_alone_would_be_too_likely_is_one_beside_others() -> None:
    assert discoveries(np.array([0.06, 0.07, 0.08]), ALPHA).all()
    assert not discoveries(np.array([0.06, 0.07, 0.9]), ALPHA).any()


def test_rows_without_a_p_value_are_none_and_do_not_count() -> None:
    p_values = np.array([0.09, np.nan, np.nan])
    assert discoveries(p_values, ALPHA).tolist() == [True, False, False]


@pytest.mark.parametrize("p_values", [[], [np.nan], [0.2, 1.0]])
def test_there_may_be_none(p_values: list[float]) -> None:
    found = discoveries(np.array(p_values), ALPHA)
    assert (found.dtype, found.tolist()) == (np.bool_, [False] * len(p_values))


def test_the_threshold_is_that_of_as_many_rows_as_are_counted() -> None:
    values, counts = np.array([0.01, 0.05, 0.5]), np.array([3, 4, 7])
    assert threshold(values, counts, ALPHA) == 0.05  # 7 of 14 are at most 0.05, and 0.05 x 14 / 7 is 0.1
    assert threshold(values, np.array([3, 4, 8]), ALPHA) == 0.01
    assert threshold(values, np.array([1, 4, 8]), 0.001) == -1


@given(st.integers(1, 300), st.integers(0, 2**32 - 1), st.sampled_from([0.01, 0.05, 0.3, 0.5]))
def test_they_are_those_of_scipy(count: int, seed: int, alpha: float) -> None:
    rng = np.random.default_rng(seed)
    p_values = rng.random(count) ** rng.integers(1, 6)
    np.testing.assert_array_equal(discoveries(p_values, alpha), false_discovery_control(p_values) <= alpha)
