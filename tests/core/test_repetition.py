"""How much a batch repeats itself: by hand, by brute force over pairs, and where there is nothing to compare."""

import math
from itertools import combinations

import numpy as np
import pytest
from scipy import stats

from assayd_server.core.repetition import effective_size, mean_cosine


def rows(count: int, dimension: int, seed: int = 0) -> np.ndarray:
    embeddings = np.random.default_rng(seed).normal(0.5, 1, (count, dimension))
    embeddings.flags.writeable = False
    return embeddings


def test_mean_cosine_of_three_directions_is_worked_by_hand() -> None:
    embeddings = np.array([[2.0, 0.0], [0.0, 3.0], [-1.0, 0.0]])
    assert mean_cosine(embeddings) == pytest.approx(-1 / 3)  # 0, -1 and 0


def test_mean_cosine_is_the_mean_over_pairs() -> None:
    embeddings = rows(12, 5)
    cosines = [a @ b / np.linalg.norm(a) / np.linalg.norm(b) for a, b in combinations(embeddings, 2)]
    assert mean_cosine(embeddings) == pytest.approx(np.mean(cosines), rel=1e-12)


def test_orthogonal_rows_count_each_by_itself() -> None:
    assert effective_size(3 * np.eye(4, 9)) == pytest.approx(4)
    assert mean_cosine(np.eye(4, 9)) == pytest.approx(0, abs=1e-15)


def test_rows_that_repeat_each_other_count_as_one() -> None:
    embeddings = np.outer([1.0, 2.0, 0.1], [0.3, -0.4, 0.5])
    assert effective_size(embeddings) == pytest.approx(1)
    assert mean_cosine(embeddings) == pytest.approx(1)


def test_two_groups_of_unequal_size_count_by_the_entropy_of_their_shares() -> None:
    embeddings = np.repeat(np.eye(2), [3, 1], axis=0)
    assert effective_size(embeddings) == pytest.approx(math.exp(stats.entropy([0.75, 0.25])))


@pytest.mark.parametrize(("count", "dimension"), [(5, 20), (20, 5), (8, 8)])
def test_effective_size_is_by_the_eigenvalues_of_the_gram_matrix(count: int, dimension: int) -> None:
    embeddings = rows(count, dimension)
    units = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
    shares = np.linalg.eigvalsh(units @ units.T / count).clip(0)
    assert effective_size(embeddings) == pytest.approx(math.exp(stats.entropy(shares)))


def test_a_copy_of_every_row_changes_nothing() -> None:
    embeddings = rows(7, 30)
    assert effective_size(np.repeat(embeddings, 5, axis=0)) == pytest.approx(effective_size(embeddings))


def test_lengths_do_not_matter_however_large_or_small() -> None:
    embeddings = rows(4, 3)
    scaled = embeddings * np.array([1e-310, 1e300, 1.0, 1e5])[:, None]
    assert mean_cosine(scaled) == pytest.approx(mean_cosine(embeddings))
    assert effective_size(scaled) == pytest.approx(effective_size(embeddings))


@pytest.mark.parametrize("dtype", ["f2", "f4"])
def test_other_precisions_are_taken(dtype: str) -> None:
    embeddings = rows(10, 6)
    assert mean_cosine(embeddings.astype(dtype)) == pytest.approx(mean_cosine(embeddings), abs=1e-3)
    assert effective_size(embeddings.astype(dtype)) == pytest.approx(effective_size(embeddings), abs=1e-2)


def test_rows_without_a_direction_do_not_count() -> None:
    embeddings = np.array([[0.0, 0.0], [1.0, 0.0], [np.nan, 1.0], [0.0, 1.0], [np.inf, 1.0]])
    assert mean_cosine(embeddings) == 0
    assert effective_size(embeddings) == pytest.approx(2)


@pytest.mark.parametrize("embeddings", [np.zeros((0, 3)), np.ones((1, 3)), np.array([[np.nan, 1], [1, 1]])])
def test_fewer_than_two_directions_have_no_mean_cosine(embeddings) -> None:
    assert math.isnan(mean_cosine(embeddings))


def test_one_direction_is_of_size_one_and_none_of_no_size() -> None:
    assert effective_size(np.array([[3.0, 4.0]])) == 1
    assert math.isnan(effective_size(np.zeros((2, 3))))


def test_results_stay_within_their_bounds() -> None:
    embeddings = np.tile(rows(1, 7), (50, 1))
    assert mean_cosine(embeddings) <= 1
    assert effective_size(embeddings) >= 1
    assert effective_size(np.linalg.qr(rows(40, 40))[0]) <= 40
    assert mean_cosine(np.array([[0.1, 0.7], [-0.1, -0.7]])) >= -1
