"""The most probable classes, against a naive loop: every k, with and without ties, on each path of the code."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from assayd_server.core.ranking import top_classes


def naive(probabilities: np.ndarray, count: int) -> list[list[int]]:
    """Sort the classes of each row by falling probability, then by rising position."""
    return [
        sorted(range(len(row)), key=lambda position: (-row[position], position))[:count]
        for row in probabilities.tolist()
    ]


@st.composite
def rows_and_count(draw: st.DrawFn) -> tuple[np.ndarray, int]:
    """Rows of few distinct values, so that most have ties, and any k that the classes allow."""
    shape = draw(st.tuples(st.integers(0, 5), st.integers(2, 40)))
    values = draw(st.sampled_from([[0.0, 0.1], [0.0, 0.1, 0.2, 0.3], [0.25]]))
    return draw(npst.arrays(np.float64, shape, elements=st.sampled_from(values))), draw(st.integers(0, shape[1]))


@given(case=rows_and_count())
@settings(derandomize=True, deadline=None, max_examples=200)
def test_rows_with_ties_are_ranked_as_by_a_naive_loop(case: tuple[np.ndarray, int]) -> None:
    probabilities, count = case
    assert top_classes(probabilities, count).tolist() == naive(probabilities, count)


@pytest.mark.parametrize("count", [0, 1, 2, 5, 24, 25, 26, 99, 100])
def test_rows_without_ties_are_ranked_as_by_a_naive_loop(count: int) -> None:
    probabilities = np.random.default_rng(count).dirichlet(np.ones(100), size=20)
    assert top_classes(probabilities, count).tolist() == naive(probabilities, count)


@pytest.mark.parametrize("class_count", [3, 12, 13, 400])
def test_ties_go_to_the_lower_class(class_count: int) -> None:
    uniform = np.full((2, class_count), 1 / class_count)
    assert top_classes(uniform, 3).tolist() == [[0, 1, 2]] * 2


def test_a_tie_at_the_last_place_goes_to_the_lower_class_whatever_is_above_it() -> None:
    row = np.zeros((1, 50))
    row[0, [7, 20, 30]] = 0.2
    row[0, 40] = 0.4
    assert top_classes(row, 3).tolist() == [[40, 7, 20]]


def test_the_first_place_is_the_lower_of_two_equal_classes() -> None:
    assert top_classes(np.array([[0.1, 0.45, 0.45]]), 1).tolist() == [[1]]


@pytest.mark.parametrize("count", [0, 1, 2, 60])
def test_no_rows_give_no_rows_of_the_width_asked_for(count: int) -> None:
    assert top_classes(np.empty((0, 60)), count).shape == (0, count)


@pytest.mark.parametrize("count", [0, 1, 2, 60])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_positions_are_int64(count: int, dtype: type[np.floating]) -> None:
    assert top_classes(np.full((2, 60), 1 / 60, dtype), count).dtype == np.int64


@pytest.mark.parametrize("count", [0, 1, 2, 60])
def test_probabilities_are_left_as_they_were(count: int) -> None:
    probabilities = np.random.default_rng(7).dirichlet(np.ones(60), size=3)
    before = probabilities.copy()
    probabilities.flags.writeable = False
    top_classes(probabilities, count)
    np.testing.assert_array_equal(probabilities, before)


@pytest.mark.parametrize("count", [1, 3, 20])
def test_permuted_rows_give_permuted_rankings(count: int) -> None:
    rng = np.random.default_rng(8)
    probabilities, order = rng.dirichlet(np.ones(40), size=12), rng.permutation(12)
    np.testing.assert_array_equal(
        top_classes(probabilities[order], count), top_classes(probabilities, count)[order]
    )
