"""Rows and what lies between them: scikit-learn's neighbours, and when a gap is more than chance."""

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from assayd_server.core.halfway import Gap, gap, nearest_alike

NAN = np.nan


def test_the_nearest_row_of_the_same_class_is_that_of_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    rows, classes = rng.normal(size=(300, 5)) * [1, 10, 0.1, 1, 1], rng.integers(0, 3, 300)
    nearest = nearest_alike(rows, classes)
    scaled = rows / rows.std(axis=0)
    for each in range(3):
        own = np.flatnonzero(classes == each)
        expected = NearestNeighbors(n_neighbors=2).fit(scaled[own]).kneighbors(scaled[own])[1][:, 1]
        np.testing.assert_array_equal(nearest[own], own[expected])


def test_a_row_that_is_alone_in_its_class_has_no_neighbour_and_a_constant_column_no_say() -> None:
    rows = np.array([[0.0, 7.0], [1.0, 7.0], [5.0, 7.0], [2.0, 7.0]])
    assert nearest_alike(rows, np.array([0, 0, 1, 0])).tolist() == [1, 0, -1, 1]


def test_rows_that_are_equal_are_each_others_neighbours() -> None:
    assert nearest_alike(np.ones((2, 3)), np.zeros(2)).tolist() == [1, 0]


def test_a_gap_by_hand() -> None:
    found = gap(np.array([0.9, 0.8, NAN, 1.0]), np.array([0.7, 0.7, 0.5, 0.7]))
    assert found.mean == pytest.approx(0.2)
    assert found.pair_count == 3
    assert found.deviations == pytest.approx(0.2 / (np.std([0.2, 0.1, 0.3]) / 3**0.5))


@pytest.mark.parametrize(
    ("mean", "deviations", "pair_count", "is_memory"),
    [
        (0.01, 5, 100, True),
        (0.009, 9, 900, False),
        (0.5, 4.9, 900, False),
        (0.5, 9, 99, False),
        (-0.5, -9, 900, False),
    ],
)
def test_memory_is_a_gap_that_matters_and_is_no_chance(
    mean: float, deviations: float, pair_count: int, is_memory: bool
) -> None:
    assert Gap(mean, deviations, pair_count).is_memory is is_memory


def test_a_single_pair_says_nothing() -> None:
    assert gap(np.array([1.0]), np.array([0.0])) == (0.0, 0.0, 1)
