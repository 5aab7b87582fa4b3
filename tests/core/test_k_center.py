"""k-centre: a line worked by hand, a naive version, ties, repeated rows, rows that cannot be selected."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from assayd_server.core.k_center import k_center
from assayd_server.core.repetition import effective_size

LINE = np.array([[0.0], [1.0], [2.0], [6.0], [10.0]])
modest = settings(derandomize=True, deadline=None, max_examples=60)


def naive(embeddings: np.ndarray, count: int, start: list[int]) -> list[int]:
    """By all pairwise distances; ties to the lower position."""
    apart = cdist(embeddings, embeddings)
    positions = list(start)
    while len(positions) < count:
        nearest = apart[:, positions].min(axis=1)
        nearest[positions] = -1
        positions.append(int(nearest.argmax()))
    return positions


def cloud(count: int, dimension: int, seed: int = 0, dtype: str = "f8") -> np.ndarray:
    embeddings = np.random.default_rng(seed).normal(size=(count, dimension)).astype(dtype)
    embeddings.flags.writeable = False
    return embeddings


def test_on_a_line_the_ends_come_first_and_then_the_middle_of_the_widest_gap() -> None:
    assert k_center(LINE, 5).tolist() == [
        0,
        4,
        3,
        2,
        1,
    ]  # 3 is 4 from 10; then 2 is 2 from 0, and 1 is 1 from both


def test_it_starts_where_it_is_told_to() -> None:
    assert k_center(LINE, 3, first=2).tolist() == [2, 4, 3]


def test_with_rows_that_are_covered_already_it_starts_from_the_farthest_of_these() -> None:
    assert k_center(LINE, 2, chosen=np.array([[9.0], [5.0]])).tolist() == [0, 2]
    assert k_center(LINE, 2, chosen=np.array([[9.0], [5.0]]), first=3).tolist() == [3, 0]


@given(
    count=st.integers(1, 30),
    dimension=st.integers(1, 8),
    seed=st.integers(0, 999),
    dtype=st.sampled_from(["f4", "f8"]),
)
@modest
def test_it_agrees_with_the_naive_version(count: int, dimension: int, seed: int, dtype: str) -> None:
    embeddings = cloud(count, dimension, seed, dtype)
    first = seed % count
    assert k_center(embeddings, count, first=first).tolist() == naive(embeddings, count, [first])


@given(count=st.integers(1, 40), seed=st.integers(0, 999))
@modest
def test_on_a_grid_full_of_ties_it_agrees_with_the_naive_version(count: int, seed: int) -> None:
    embeddings = np.random.default_rng(seed).integers(0, 3, (count, 2)).astype(float)
    assert k_center(embeddings, count).tolist() == naive(embeddings, count, [0])


@pytest.mark.parametrize("chosen_count", [1, 5, 300])
def test_rows_that_are_covered_count_as_if_they_had_been_chosen_first(chosen_count: int) -> None:
    embeddings, chosen = cloud(400, 300, seed=1), cloud(chosen_count, 300, seed=2)
    both = np.concatenate([embeddings, chosen])
    expected = naive(both, chosen_count + 20, list(range(400, 400 + chosen_count)))[chosen_count:]
    assert k_center(embeddings, 20, chosen=chosen).tolist() == expected


@pytest.mark.parametrize("chosen", [np.empty((0, 3)), np.array([[np.nan, 0, 0]])])
def test_covered_rows_that_say_nothing_change_nothing(chosen: np.ndarray) -> None:
    embeddings = cloud(20, 3)
    np.testing.assert_array_equal(k_center(embeddings, 7, chosen=chosen), k_center(embeddings, 7))


def test_permuted_rows_give_the_same_rows() -> None:
    embeddings = cloud(200, 6)
    order = np.random.default_rng(5).permutation(200)
    permuted = k_center(embeddings[order], 30, first=int(np.flatnonzero(order == 3)[0]))
    np.testing.assert_array_equal(order[permuted], k_center(embeddings, 30, first=3))


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_of_repeated_rows_each_is_chosen_once_and_by_its_first_copy(dtype: str) -> None:
    distinct = cloud(61, 33, seed=3, dtype=dtype) + 4
    embeddings = np.tile(distinct, (5, 1))
    positions = k_center(embeddings, 61)
    assert sorted(positions.tolist()) == list(range(61))
    assert effective_size(embeddings[positions]) == pytest.approx(effective_size(distinct), rel=1e-6)


def test_when_all_rows_are_covered_the_count_holds_and_the_lowest_follow() -> None:
    embeddings = np.repeat(np.array([[1.0], [5.0]]), 3, axis=0)
    assert k_center(embeddings, 6).tolist() == [0, 3, 1, 2, 4, 5]


def test_rows_that_are_not_finite_are_never_selected() -> None:
    embeddings = np.array([[np.nan], [0], [np.inf], [1], [1e200], [9]])
    assert k_center(embeddings, 6).tolist() == [1, 5, 3]
    assert k_center(embeddings, 2, first=0).tolist() == [1, 5]


@pytest.mark.parametrize(("rows", "count"), [(0, 0), (1, 0), (1, 1)])
def test_there_are_as_many_positions_as_can_be(rows: int, count: int) -> None:
    positions = k_center(np.ones((rows, 4)), count)
    assert positions.dtype == np.int64
    assert positions.tolist() == [0] * count


def test_half_precision_is_taken() -> None:
    assert k_center(LINE.astype(np.float16) * 6000, 3).tolist() == [0, 4, 3]


def test_the_embeddings_are_left_as_they_are() -> None:
    embeddings = cloud(30, 3).copy()
    before = embeddings.copy()
    k_center(embeddings, 10, chosen=embeddings[:2])
    np.testing.assert_array_equal(embeddings, before)
