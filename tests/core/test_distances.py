"""Squared distances by matrix products: where they cancel, far from zero, and of rows that are not finite."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from assayd_server.core.distances import squared_distances, squares


def distances(rows: np.ndarray, points: np.ndarray) -> np.ndarray:
    return squared_distances(rows, points, row_squares=squares(rows), point_squares=squares(points)).T


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("offset", [0, 30, 1000])
def test_distances_keep_four_digits_however_far_from_zero_the_rows_are(dtype: str, offset: float) -> None:
    random = np.random.default_rng(0)
    rows = (random.normal(size=(200, 12)) + offset).astype(dtype)
    points = (random.normal(size=(9, 12)) * 1e-3 + rows[:9]).astype(dtype)
    exact = cdist(rows.astype(float), points.astype(float)) ** 2
    np.testing.assert_allclose(distances(rows, points), exact, rtol=1e-3)


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_equal_rows_are_no_distance_apart(dtype: str) -> None:
    rows = (100 + np.random.default_rng(1).random((500, 37))).astype(dtype)
    assert np.diag(distances(rows, rows)).tolist() == [0] * 500


def test_a_row_that_is_not_finite_has_no_distance_and_spoils_no_other() -> None:
    rows = np.array([[np.nan, 1], [np.inf, 1], [1e30, 1], [3, 4]], np.float32)
    with np.errstate(all="raise"):
        found = distances(rows, np.zeros((1, 2), np.float32))[:, 0]
    assert np.isfinite(found).tolist() == [False, False, False, True]
    assert found[3] == 25


def test_more_near_pairs_than_a_block_holds_are_all_computed_again() -> None:
    rows = np.full((300, 50), 7.0)
    assert (distances(rows, rows) == 0).all()
