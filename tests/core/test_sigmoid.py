"""A probability for each label by itself: values worked by hand, an oracle, extremes, and properties."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from assayd_server.core.sigmoid import sigmoid, tempered_each
from assayd_server.core.softmax import softmax

INF, NAN = np.inf, np.nan
modest = settings(derandomize=True, deadline=None, max_examples=80)
logits = npst.arrays(
    np.float64, npst.array_shapes(min_dims=2, max_dims=2, max_side=8), elements=st.floats(-30, 30)
)
temperatures = st.floats(0.05, 50)


def test_the_odds_of_a_label_are_the_exponential_of_its_logit() -> None:
    np.testing.assert_allclose(sigmoid(np.log(np.array([[3.0, 1.0, 1 / 4]]))), [[3 / 4, 1 / 2, 1 / 5]], rtol=1e-14)


def test_a_temperature_of_two_takes_the_square_root_of_the_odds() -> None:
    np.testing.assert_allclose(sigmoid(np.log(np.array([[9.0, 1 / 4]])), 2.0), [[3 / 4, 1 / 3]], rtol=1e-14)


@given(logits=logits, temperature=temperatures)
@modest
def test_a_label_is_a_question_with_two_answers(logits: np.ndarray, temperature: float) -> None:
    two = np.stack([np.zeros_like(logits), logits], axis=-1).reshape(-1, 2)
    expected = softmax(two, temperature)[:, 1].reshape(logits.shape)
    np.testing.assert_allclose(sigmoid(logits, temperature), expected, rtol=1e-12)


@given(logits=logits, temperature=st.floats(0.5, 50))
@modest
def test_tempering_probabilities_equals_dividing_the_logits_behind_them(
    logits: np.ndarray, temperature: float
) -> None:
    np.testing.assert_allclose(
        tempered_each(sigmoid(logits), temperature), sigmoid(logits, temperature), rtol=1e-9, atol=1e-3
    )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_infinite_and_huge_logits_are_certain(dtype: type) -> None:
    row = np.array([[-INF, INF, -3e38, 3e38]], dtype)
    values = sigmoid(row, 0.001)
    assert (values.tolist(), values.dtype) == ([[0, 1, 0, 1]], dtype)


def test_nan_stays_nan() -> None:
    assert np.isnan(sigmoid(np.array([[NAN]]))).all()
    assert np.isnan(tempered_each(np.array([[NAN]]), 2.0)).all()


def test_impossible_and_certain_labels_stay_so_at_every_temperature() -> None:
    assert tempered_each(np.array([[0.0, 1.0, 0.5]]), 3.0).tolist() == [[0, 1, 0.5]]


def test_a_temperature_of_one_changes_nothing() -> None:
    probabilities = np.array([[0.2, 0.7]])
    assert tempered_each(probabilities, 1.0) is probabilities


def test_the_argument_is_not_changed() -> None:
    row = np.array([[1.0, 2.0]])
    row.flags.writeable = False
    sigmoid(row, 2.0)
    tempered_each(row / 4, 2.0)
