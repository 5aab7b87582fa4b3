"""Softmax and tempering: values worked by hand, an independent oracle, extremes, and properties."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from scipy import special

from assayd_server.core.softmax import softmax, tempered

INF, NAN = np.inf, np.nan
modest = settings(derandomize=True, deadline=None, max_examples=80)

finite_logits = npst.arrays(
    np.float64, npst.array_shapes(min_dims=2, max_dims=2, max_side=8), elements=st.floats(-1e4, 1e4)
)
temperatures = st.floats(0.05, 50)


def test_logarithms_of_weights_give_the_weights_as_shares() -> None:
    logits = np.log(np.array([[1.0, 2.0, 5.0]]))
    np.testing.assert_allclose(softmax(logits), [[0.125, 0.25, 0.625]], rtol=1e-14)


def test_a_temperature_of_two_takes_the_square_root_of_the_odds() -> None:
    logits = np.log(np.array([[1.0, 4.0]]))
    np.testing.assert_allclose(softmax(logits, 2.0), [[1 / 3, 2 / 3]], rtol=1e-14)


def test_a_temperature_of_a_half_squares_the_odds() -> None:
    logits = np.log(np.array([[1.0, 4.0]]))
    np.testing.assert_allclose(softmax(logits, 0.5), [[1 / 17, 16 / 17]], rtol=1e-14)


@given(logits=finite_logits, temperature=temperatures)
@modest
def test_softmax_agrees_with_scipy(logits: np.ndarray, temperature: float) -> None:
    expected = special.softmax(logits / temperature, axis=1)
    np.testing.assert_allclose(softmax(logits, temperature), expected, rtol=1e-9, atol=1e-300)


@given(logits=finite_logits, temperature=temperatures)
@modest
def test_rows_are_probabilities(logits: np.ndarray, temperature: float) -> None:
    rows = softmax(logits, temperature)
    assert ((rows >= 0) & (rows <= 1)).all()
    np.testing.assert_allclose(rows.sum(axis=1), 1, rtol=1e-12)


@given(logits=finite_logits, shift=st.floats(-1e4, 1e4))
@modest
def test_a_constant_added_to_a_row_changes_nothing(logits: np.ndarray, shift: float) -> None:
    np.testing.assert_allclose(softmax(logits + shift), softmax(logits), rtol=1e-8, atol=1e-300)


@given(logits=finite_logits, seed=st.integers(0, 2**32 - 1))
@modest
def test_permuted_classes_give_permuted_probabilities(logits: np.ndarray, seed: int) -> None:
    order = np.random.default_rng(seed).permutation(logits.shape[1])
    np.testing.assert_allclose(softmax(logits[:, order]), softmax(logits)[:, order], rtol=1e-12)


def test_a_single_class_is_certain() -> None:
    assert softmax(np.array([[-7.0], [3.0]])).tolist() == [[1.0], [1.0]]


def test_no_rows_give_no_rows() -> None:
    assert softmax(np.empty((0, 5))).shape == (0, 5)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_softmax_keeps_the_dtype(dtype: type[np.floating]) -> None:
    assert softmax(np.ones((2, 3), dtype), 1.7).dtype == dtype


def test_logits_are_left_as_they_were() -> None:
    logits = np.array([[1.0, 2.0], [3.0, 1.0]])
    before = logits.copy()
    logits.flags.writeable = False
    softmax(logits, 0.5)
    np.testing.assert_array_equal(logits, before)


@pytest.mark.parametrize("size", [1e4, 3e38])
@pytest.mark.parametrize("temperature", [0.001, 1.0])
def test_huge_logits_neither_overflow_nor_warn(size: float, temperature: float) -> None:
    logits = np.array([[size, -size, 0], [size, size, -size], [-size, -size, -size]], np.float32)
    expected = [[1, 0, 0], [0.5, 0.5, 0], [1 / 3, 1 / 3, 1 / 3]]
    np.testing.assert_allclose(softmax(logits, temperature), expected, rtol=1e-6)


def test_the_largest_doubles_neither_overflow_nor_warn() -> None:
    largest = np.finfo(np.float64).max
    assert softmax(np.array([[largest, -largest]])).tolist() == [[1, 0]]


def test_minus_infinity_is_an_impossible_class() -> None:
    np.testing.assert_allclose(softmax(np.array([[-INF, math.log(3), 0.0]])), [[0, 0.75, 0.25]], rtol=1e-14)


@pytest.mark.parametrize("bad", [[NAN, 1, 2], [INF, 1, 2], [INF, INF, INF], [-INF, -INF, -INF], [NAN, INF, -INF]])
def test_an_invalid_row_is_nan_and_its_neighbours_are_as_if_alone(bad: list[float]) -> None:
    good = np.array([[0.5, -1.0, 2.0]])
    rows = softmax(np.concatenate([good, [bad], good]))
    assert np.isnan(rows[1]).all()
    np.testing.assert_array_equal(rows[[0, 2]], np.concatenate([softmax(good)] * 2))


def test_tempering_by_one_returns_the_argument_itself() -> None:
    probabilities = np.array([[0.2, 0.8]])
    assert tempered(probabilities, 1.0) is probabilities


def test_tempering_by_two_takes_square_roots_and_normalises() -> None:
    np.testing.assert_allclose(tempered(np.array([[0.8, 0.2]]), 2.0), [[2 / 3, 1 / 3]], rtol=1e-14)


def test_tempering_by_a_half_squares_and_normalises() -> None:
    np.testing.assert_allclose(tempered(np.array([[0.8, 0.2]]), 0.5), [[0.64 / 0.68, 0.04 / 0.68]], rtol=1e-14)


def test_an_impossible_class_stays_impossible_and_does_not_warn() -> None:
    np.testing.assert_allclose(tempered(np.array([[0.0, 0.2, 0.8]]), 2.0), [[0, 1 / 3, 2 / 3]], rtol=1e-14)


@given(logits=npst.arrays(np.float64, (3, 4), elements=st.floats(-20, 20)), temperature=temperatures)
@modest
def test_tempering_is_what_the_softmax_of_the_logits_would_have_given(
    logits: np.ndarray, temperature: float
) -> None:
    np.testing.assert_allclose(
        tempered(softmax(logits), temperature), softmax(logits, temperature), rtol=1e-9, atol=1e-300
    )


def test_probabilities_are_left_as_they_were() -> None:
    probabilities = np.array([[0.25, 0.75]])
    before = probabilities.copy()
    probabilities.flags.writeable = False
    tempered(probabilities, 3.0)
    np.testing.assert_array_equal(probabilities, before)


def test_tempering_keeps_the_dtype() -> None:
    assert tempered(np.array([[0.25, 0.75]], np.float32), 3.0).dtype == np.float32
