"""Rows that hardly differ from an earlier one, counted as one would count them."""

import numpy as np
import pytest

from assayd_server.core.near_duplicates import near_duplicates

RNG = np.random.default_rng(0)


def counted(rows: np.ndarray, cosine_min: float) -> int:
    units = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return sum(any(units[j] @ units[i] >= cosine_min for j in range(i)) for i in range(len(rows)))


@pytest.mark.parametrize("cosine_min", [0.3, 0.9])
def test_they_are_those_of_a_plain_count(cosine_min: float) -> None:
    rows = RNG.normal(size=(60, 4))
    assert near_duplicates(rows, cosine_min) == counted(rows, cosine_min)


def test_a_row_five_times_is_four_too_many_across_blocks_too() -> None:
    rows = np.tile(RNG.normal(size=(300, 8)), (5, 1))
    assert near_duplicates(rows) == 1200


def test_length_does_not_matter_and_neither_does_the_type() -> None:
    assert near_duplicates(np.float32([[1, 2], [2, 4], [-1, -2], [1e-3, 2e-3]])) == 2


def test_zeros_are_like_no_other_row() -> None:
    assert near_duplicates(np.zeros((3, 2))) == 0


@pytest.mark.parametrize("count", [0, 1])
def test_one_row_and_none_repeat_nothing(count: int) -> None:
    assert near_duplicates(np.ones((count, 3))) == 0
