"""Where the class changes between two rows, against values worked by hand and a walk in small steps."""

import numpy as np
import pytest
from scipy.special import softmax as scipy_softmax

from assayd_server.core.boundaries import between, boundaries, have_direction

RNG = np.random.default_rng(3)
FIRST, SECOND = RNG.normal(size=(2, 200, 6)) * 3
FOUND = boundaries(FIRST, SECOND)
THERE = FOUND.next_classes >= 0
WALK = np.linspace(0, 1, 20_001)


def on_the_way(pair: int, shares: np.ndarray) -> np.ndarray:
    """(s, c) the scores at some shares of the way of a pair."""
    return np.outer(1 - shares, FIRST[pair]) + np.outer(shares, SECOND[pair])


def test_a_gap_of_three_that_turns_into_one_of_minus_one_closes_at_three_quarters() -> None:
    found = boundaries(np.array([[3.0, 0.0]]), np.array([[0.0, 1.0]]))
    assert found.positions.tolist() == [0.75]
    assert (found.first_classes[0], found.second_classes[0], found.next_classes[0]) == (0, 1, 1)
    assert found.probabilities[0] == pytest.approx(0.5)


def test_a_third_class_that_lies_between_is_the_next_one() -> None:
    found = boundaries(np.array([[4.0, 0.0, 3.0]]), np.array([[0.0, 4.0, 3.0]]))
    assert found.positions.tolist() == [0.25]
    assert (found.second_classes[0], found.next_classes[0]) == (1, 2)


def test_a_third_class_that_is_as_probable_leaves_a_third_for_each() -> None:
    found = boundaries(np.array([[2.0, 0.0, 1.0]]), np.array([[0.0, 2.0, 1.0]]))
    assert (found.positions[0], found.next_classes[0]) == (0.5, 1)
    assert found.probabilities[0] == pytest.approx(1 / 3)


def test_the_boundary_is_where_a_walk_in_small_steps_leaves_the_class() -> None:
    for pair in np.flatnonzero(THERE):
        classes = on_the_way(pair, WALK).argmax(axis=1)
        leaves = (classes != FOUND.first_classes[pair]).argmax()
        assert WALK[leaves - 1] <= FOUND.positions[pair] <= WALK[leaves]
        assert classes[leaves] == FOUND.next_classes[pair]
        assert (classes[leaves:] != FOUND.first_classes[pair]).all()


def test_both_classes_are_as_probable_there_at_any_temperature() -> None:
    found = boundaries(FIRST, SECOND, temperature=2.5)
    np.testing.assert_array_equal(found.positions, FOUND.positions)
    for pair in np.flatnonzero(THERE):
        probabilities = scipy_softmax(on_the_way(pair, found.positions[[pair]])[0] / 2.5)
        both = probabilities[[found.first_classes[pair], found.next_classes[pair]]]
        np.testing.assert_allclose(both, found.probabilities[pair], rtol=1e-9)
        assert probabilities.max() == pytest.approx(both[0])


def test_the_same_way_back_meets_the_boundary_of_the_other_class() -> None:
    back = boundaries(SECOND[:, :2], FIRST[:, :2])
    forth = boundaries(FIRST[:, :2], SECOND[:, :2])
    np.testing.assert_allclose(back.positions, 1 - forth.positions)


def test_rows_of_one_class_have_no_boundary() -> None:
    assert 0 < (~THERE).sum() < 200
    np.testing.assert_array_equal(THERE, FIRST.argmax(axis=1) != SECOND.argmax(axis=1))
    assert np.isnan(FOUND.positions[~THERE]).all()
    assert np.isnan(FOUND.probabilities[~THERE]).all()
    np.testing.assert_array_equal(FOUND.first_classes, FIRST.argmax(axis=1))


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf, 1.7e308])
def test_scores_that_cannot_be_compared_have_no_class(wrong: float) -> None:
    first = np.array([[1.0, 0.0], [-wrong, wrong]])
    found = boundaries(first, np.array([[0.0, 1.0], [1.0, 0.0]]))
    assert found.first_classes.tolist() == [0, -1]
    assert found.second_classes.tolist() == [1, -1]
    assert found.next_classes.tolist() == [1, -1]
    assert np.isnan(found.positions).tolist() == [False, True]


def test_ties_at_an_end_go_to_the_lower_class() -> None:
    first, second = np.array([[1.0, 1.0], [0.0, 2.0]]), np.array([[0.0, 2.0], [1.0, 1.0]])
    found = boundaries(first, second)
    assert found.first_classes.tolist() == [0, 1]
    assert found.second_classes.tolist() == [1, 0]
    assert found.positions.tolist() == [0, 1]


def test_no_pairs_have_no_boundaries_and_nothing_is_changed() -> None:
    assert boundaries(FIRST[:0], SECOND[:0]).positions.shape == (0,)
    first, second = FIRST.astype(np.float32), SECOND.astype(np.float32)
    kept = first.copy(), second.copy()
    boundaries(first, second)
    np.testing.assert_array_equal(first, kept[0])
    np.testing.assert_array_equal(second, kept[1])


def test_points_between_opposite_rows_have_no_direction() -> None:
    first = np.array([[1.0, 2.0], [1.0, 2.0], [1.0, 2.0]], np.float32)
    second = np.array([[-2.0, -4.0], [-2.0, -4.0], [2.0, 1.0]], np.float32)
    points = between(first, second, np.array([1 / 3, 0.5, np.nan]))
    np.testing.assert_allclose(points[1], [-0.5, -1.0])
    assert have_direction(points, first, second).tolist() == [False, True, False]
