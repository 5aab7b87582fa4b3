"""Distances to the k-th neighbour: against scikit-learn, and rows without a direction."""

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import normalize

from assayd_server.core.novelty import knn_distance as module
from assayd_server.core.novelty.knn_distance import ROWS_MAX, Neighbors, fit_neighbors, knn_distance

NAN, INF = np.nan, np.inf


def rows_of(row_count: int, width: int = 8, *, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0.5, 1, (row_count, width)).astype(np.float32)


def plain_distances(reference: np.ndarray, rows: np.ndarray, k: int) -> np.ndarray:
    searcher = NearestNeighbors(n_neighbors=k, algorithm="brute").fit(normalize(reference.astype(float)))
    return searcher.kneighbors(normalize(rows.astype(float)))[0][:, -1]


@pytest.mark.parametrize(
    ("row_count", "k"), [(60, 1), (60, 50), (60, 60), (900, 50), (5000, 50), (5000, 1), (4001, 7)]
)
def test_distances_are_those_of_scikit_learn(row_count: int, k: int) -> None:
    reference, rows = rows_of(row_count), rows_of(700, seed=1)
    found = knn_distance(Neighbors(fit_neighbors(reference).directions, np.array(k)), rows)
    np.testing.assert_allclose(found, plain_distances(reference, rows, k), rtol=1e-5)
    assert found.dtype == np.float32


@pytest.mark.parametrize(
    ("row_count", "class_count", "k"), [(1000, 10, 50), (1000, 20, 25), (30, 1, 15), (3, 3, 1), (1, 1, 1)]
)
def test_the_kth_nearest_is_no_farther_than_half_of_a_class(row_count: int, class_count: int, k: int) -> None:
    assert int(fit_neighbors(rows_of(row_count), class_count).k) == k


def test_only_the_direction_counts_however_long_a_row_is() -> None:
    neighbors, rows = fit_neighbors(rows_of(100)), rows_of(20, seed=2)
    expected = knn_distance(neighbors, rows)
    for scale in (1e-30, 1e30):
        np.testing.assert_allclose(knn_distance(neighbors, rows * np.float32(scale)), expected, rtol=1e-5)


def test_a_row_that_is_in_the_reference_k_times_is_no_distance_away() -> None:
    reference = np.repeat(rows_of(30), 50, axis=0)
    assert knn_distance(fit_neighbors(reference), reference[::50]).max() < 1e-6


@pytest.mark.parametrize("row_count", [10, 5000])
def test_a_reference_of_one_direction_is_a_reference(row_count: int) -> None:
    reference = np.full((row_count, 3), 2.0)
    found = knn_distance(fit_neighbors(reference), np.array([[1.0, 1.0, 1.0], [-1.0, -1.0, -1.0]]))
    assert found == pytest.approx([0, 2], abs=1e-6)


def test_rows_without_a_direction_are_no_part_of_the_reference() -> None:
    odd = np.zeros((6, 8), np.float32)
    odd[:2, 0], odd[2:4, 1] = NAN, INF
    found = fit_neighbors(np.concatenate([odd, rows_of(40)]))
    np.testing.assert_array_equal(found.directions, fit_neighbors(rows_of(40)).directions)
    with pytest.raises(ValueError, match="finite and other than 0"):
        fit_neighbors(odd)


def test_a_row_of_zeros_is_1_away_and_one_that_is_not_finite_nowhere() -> None:
    rows = np.zeros((4, 8))
    rows[1, 3], rows[2, 0], rows[3] = NAN, -INF, rows_of(1)[0]
    found = knn_distance(fit_neighbors(rows_of(300)), rows)
    assert found[0] == 1
    assert np.isnan(found).tolist() == [False, True, True, False]


def test_a_large_reference_keeps_rows_evenly_spread_over_it() -> None:
    angles = np.linspace(0, np.pi, 3 * ROWS_MAX)
    kept = fit_neighbors(np.column_stack([np.cos(angles), np.sin(angles)])).directions
    assert len(kept) == ROWS_MAX
    np.testing.assert_allclose(np.arccos(np.clip(kept[:, 0], -1, 1)), np.linspace(0, np.pi, ROWS_MAX), atol=2e-3)


def test_the_boundaries_of_blocks_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    neighbors, rows = fit_neighbors(rows_of(900)), rows_of(50, seed=3)
    rows[7] = NAN
    expected = knn_distance(neighbors, rows)
    monkeypatch.setattr(module, "_BLOCK_ELEMENTS", 900 * 7)
    np.testing.assert_allclose(knn_distance(neighbors, rows), expected, rtol=1e-5)


def test_rows_are_left_as_they_were_and_there_may_be_none() -> None:
    rows = rows_of(20)
    rows.flags.writeable = False
    assert knn_distance(fit_neighbors(rows), rows[:0]).shape == (0,)
    np.testing.assert_array_equal(rows, rows_of(20))
