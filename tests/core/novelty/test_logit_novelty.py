"""Novelty from logits and probabilities: worked values, SciPy in double precision, and rows that are not valid."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from scipy.special import logsumexp, softmax

from assayd_server.core.novelty.logit_novelty import (
    energy,
    gen_of_logits,
    gen_of_probabilities,
    max_logit,
    msp_of_logits,
    msp_of_probabilities,
)

INF, NAN = np.inf, np.nan
OF_LOGITS = (max_logit, energy, msp_of_logits, gen_of_logits)
SHAPES = [(7, 2), (400, 10), (3, 60), (5, 300)]


def logits_of(shape: tuple[int, int], *, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 3, shape)


def complements_of(p: np.ndarray) -> np.ndarray:
    """1 - p as the sum of the others, which keeps all digits."""
    return np.stack([np.delete(p, place, axis=1).sum(axis=1) for place in range(p.shape[1])], axis=1)


def plain_gen(logits: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    """The formula as the paper has it."""
    p = softmax(logits / temperature, axis=1)
    complements = complements_of(p)
    order = np.argsort(-p, axis=1)[:, :100]
    terms = (np.take_along_axis(p, order, 1) * np.take_along_axis(complements, order, 1)) ** 0.1
    return terms.sum(axis=1)


def test_worked_values() -> None:
    logits = np.log([[0.5, 0.25, 0.25]]) + 2
    assert max_logit(logits) == pytest.approx([np.log(2) - 2])
    assert energy(logits) == pytest.approx([-2])
    assert msp_of_logits(logits) == pytest.approx([0.5])
    assert gen_of_logits(logits) == pytest.approx([0.25**0.1 + 2 * 0.1875**0.1])


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
@pytest.mark.parametrize(("dtype", "tolerance"), [("f4", 3e-6), ("f8", 1e-12)])
def test_scores_are_those_of_a_plain_recomputation(
    shape: tuple[int, int], temperature: float, dtype: str, tolerance: float
) -> None:
    logits = logits_of(shape).astype(dtype)
    exact = logits.astype(float)
    p = softmax(exact / temperature, axis=1)
    expected = {
        energy: -temperature * logsumexp(exact / temperature, axis=1),
        msp_of_logits: complements_of(p).min(axis=1),
        gen_of_logits: plain_gen(exact, temperature),
    }
    for score, values in expected.items():
        found = score(logits, temperature)
        assert found.dtype == dtype
        np.testing.assert_allclose(found, values, rtol=tolerance, err_msg=score.__name__)
    np.testing.assert_array_equal(max_logit(logits), -logits.max(axis=1))


@pytest.mark.parametrize("shape", SHAPES)
def test_probabilities_give_what_their_logits_give(shape: tuple[int, int]) -> None:
    logits = logits_of(shape, seed=1)
    p = softmax(logits, axis=1)
    np.testing.assert_allclose(msp_of_probabilities(p), msp_of_logits(logits), rtol=1e-11)
    np.testing.assert_allclose(gen_of_probabilities(p), gen_of_logits(logits), rtol=1e-11)


def test_rows_that_single_precision_rounds_to_certain_are_still_told_apart() -> None:
    logits = np.array([[25, 0, 0], [30, 0, 0], [80, 0, 0]], np.float32)
    expected = 2 / (2 + np.exp([25.0, 30.0, 80.0]))
    np.testing.assert_allclose(msp_of_logits(logits), expected, rtol=1e-6)
    np.testing.assert_allclose(msp_of_probabilities(softmax(logits, axis=1)), expected, rtol=1e-5)
    np.testing.assert_allclose(gen_of_logits(logits), plain_gen(logits.astype(float)), rtol=1e-6)
    assert (np.diff(gen_of_probabilities(softmax(logits, axis=1))) < 0).all()


@pytest.mark.parametrize("class_count", [2, 10, 100, 150])
def test_gen_is_least_for_a_certain_row_and_most_for_one_spread_over_the_classes_that_count(
    class_count: int,
) -> None:
    certain, spread = np.zeros((2, class_count))
    counted = min(class_count, 100)
    certain[1], spread[:counted] = 1, 1 / counted
    found = gen_of_probabilities(np.stack([certain, spread]))
    assert found == pytest.approx([0, counted * ((counted - 1) / counted**2) ** 0.1])
    others = softmax(logits_of((200, class_count)), axis=1)
    assert (gen_of_probabilities(others) < found[1]).all()


def test_beyond_a_hundred_classes_the_rest_of_the_classes_does_not_count() -> None:
    logits = np.sort(logits_of((4, 130)), axis=1)
    p = softmax(logits, axis=1)[:, 30:]
    np.testing.assert_allclose(gen_of_logits(logits), ((p * (1 - p)) ** 0.1).sum(axis=1), rtol=1e-12)


@given(
    logits=npst.arrays(
        np.float64, st.tuples(st.integers(1, 6), st.integers(2, 60)), elements=st.floats(-30, 30, width=16)
    ),
    shift=st.floats(-100, 100, width=16),
    temperature=st.sampled_from([0.25, 1.0, 4.0]),
)
@settings(derandomize=True, deadline=None, max_examples=100)
def test_a_constant_added_to_all_logits_moves_energy_alone_and_the_order_of_classes_nothing(
    logits: np.ndarray, shift: float, temperature: float
) -> None:
    reversed_ = logits[:, ::-1]
    for score in (msp_of_logits, gen_of_logits):
        np.testing.assert_allclose(score(logits + shift, temperature), score(logits, temperature), rtol=1e-9)
        np.testing.assert_allclose(score(reversed_, temperature), score(logits, temperature), rtol=1e-9)
    moved, before = energy(logits + shift, temperature), energy(logits, temperature)
    np.testing.assert_allclose(moved, before - shift, rtol=1e-9, atol=1e-9)
    assert (moved <= max_logit(logits + shift) + 1e-9).all()


@pytest.mark.parametrize("score", OF_LOGITS)
@pytest.mark.parametrize("width", [3, 80])
def test_a_row_that_is_not_valid_gives_nan_and_leaves_its_neighbours_alone(
    score: Callable[[np.ndarray], np.ndarray], width: int
) -> None:
    logits = logits_of((5, width)).astype(np.float32)
    expected = score(logits)
    logits[1, 0], logits[2, 1], logits[3] = NAN, INF, -INF
    with np.errstate(all="raise"):
        found = score(logits)
    assert np.isnan(found).tolist() == [False, True, True, True, False]
    np.testing.assert_array_equal(found[[0, 4]], expected[[0, 4]])


@pytest.mark.parametrize("score", OF_LOGITS)
def test_an_impossible_class_is_as_if_it_were_not_there(score: Callable[[np.ndarray], np.ndarray]) -> None:
    np.testing.assert_allclose(score(np.array([[1.0, -INF, 2.0]])), score(np.array([[1.0, 2.0]])), rtol=1e-14)


@pytest.mark.parametrize("score", [msp_of_probabilities, gen_of_probabilities])
def test_a_row_of_probabilities_with_nan_gives_nan(score: Callable[[np.ndarray], np.ndarray]) -> None:
    found = score(np.array([[0.5, 0.5], [NAN, 0.5]]))
    assert np.isnan(found).tolist() == [False, True]


@pytest.mark.parametrize("score", [*OF_LOGITS, msp_of_probabilities, gen_of_probabilities])
@pytest.mark.parametrize("order", ["C", "F"])
def test_rows_are_left_as_they_were_and_there_may_be_none(
    score: Callable[[np.ndarray], np.ndarray], order: str
) -> None:
    rows = np.asarray(softmax(logits_of((6, 4)), axis=1), order=order)
    before = rows.copy()
    rows.flags.writeable = False
    score(rows)
    np.testing.assert_array_equal(rows, before)
    assert score(rows[:0]).shape == (0,)
