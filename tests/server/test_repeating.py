"""What is said of how rows repeat each other: nothing that is none, and nothing that would take too long."""

import numpy as np
import pytest

from assayd_server.repeating import NOTHING, repetition

RNG = np.random.default_rng(0)


def test_rows_that_are_alike_are_counted_and_measured() -> None:
    rows = np.tile(np.eye(2, 3), (5, 1))
    said = repetition(rows, part=False)
    assert said.repeating == 8
    assert said.effective_size == pytest.approx(2)
    assert said.mean_cosine == pytest.approx(20 / 45)


def test_of_rows_without_a_direction_nothing_is_said() -> None:
    assert repetition(np.zeros((3, 2)), part=False) == NOTHING
    assert repetition(np.full((3, 2), np.nan), part=False) == NOTHING
    assert repetition(np.zeros((0, 2)), part=False) == NOTHING
    with_one = np.array([[0.0, 0.0], [1.0, 2.0]])
    assert repetition(with_one, part=False).mean_cosine is None


def test_of_a_part_of_a_pool_only_the_mean_cosine_is_told() -> None:
    said = repetition(np.ones((4, 2)), part=True)
    assert (said.mean_cosine, said.effective_size, said.repeating) == (pytest.approx(1), None, 0)


def test_what_would_take_too_long_is_left_out() -> None:
    wide = repetition(RNG.normal(size=(1500, 1500)).astype(np.float32), part=False)
    assert wide.effective_size is None  # from 1500 eigenvalues
    assert wide.mean_cosine == pytest.approx(0, abs=0.01)
    many = repetition(np.ones((16_384, 70), np.float32), part=False)
    assert many.repeating == 0  # of 134 million pairs
    assert many.effective_size == pytest.approx(1, abs=0.01)
