"""Information density: worked values, and the sum over all pairs of rows that it stands for."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from assayd_server.core.blocks import BLOCK_ELEMENTS
from assayd_server.core.density import (
    information_density,
    mean_direction,
    mean_direction_of_rest,
)

INF, NAN = np.inf, np.nan
PLUS = np.array([[2.0, 0.0], [0.0, 3.0]])
"""Two embeddings at right angles, whose mean direction is (1/2, 1/2)."""


def embeddings_of(row_count: int, width: int = 5, *, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0.5, 1, (row_count, width))


def mean_cosines(embeddings: np.ndarray, pool: np.ndarray) -> np.ndarray:
    """The sum over all pairs, one by one; zeros have no direction, and are no part of the pool."""
    pool = [row for row in pool if row.any()]
    return np.array(
        [
            sum(float(row @ other / (np.linalg.norm(row) * np.linalg.norm(other))) for other in pool) / len(pool)
            if row.any() and pool
            else 0.0
            for row in embeddings
        ]
    )


def test_the_mean_direction_counts_every_row_alike_however_long() -> None:
    assert mean_direction(PLUS).tolist() == [0.5, 0.5]
    assert mean_direction(np.float32([[3, 4], [30, 40]])).tolist() == [0.6, 0.8]


def test_density_multiplies_the_uncertainty_by_the_mean_cosine() -> None:
    density = information_density(np.array([1.0, 0.5]), np.array([[0.0, 9.0], [3.0, 4.0]]), np.array([0.5, 0.5]))
    np.testing.assert_allclose(density, [0.5, 0.5 * (0.3 + 0.4)], rtol=1e-15)


def test_beta_is_the_power_of_the_density() -> None:
    base, direction = np.ones(2), mean_direction(PLUS)
    np.testing.assert_allclose(information_density(base, PLUS, direction, 2.0), [0.25, 0.25], rtol=1e-15)
    assert information_density(base, -PLUS, direction, 0.0).tolist() == [1, 1]


@given(
    pool=npst.arrays(
        np.float64,
        st.tuples(st.integers(1, 12), st.integers(1, 5)),
        elements=st.sampled_from([-3.0, -1.0, 0.0, 0.0, 1.0, 2.5, 1e-9, 1e9]),
    )
)
@settings(derandomize=True, deadline=None, max_examples=150)
def test_the_cosine_with_the_mean_direction_is_the_mean_over_all_pairs(pool: np.ndarray) -> None:
    expected = np.maximum(mean_cosines(pool, pool), 0)
    density = information_density(np.ones(len(pool)), pool, mean_direction(pool))
    np.testing.assert_allclose(density, expected, rtol=1e-9, atol=1e-12)


def test_a_negative_mean_cosine_counts_as_zero() -> None:
    assert information_density(np.ones(1), np.array([[-1.0, -1.0]]), np.array([0.5, 0.5])).tolist() == [0]


def test_an_embedding_of_zeros_has_no_density() -> None:
    assert information_density(np.ones(1), np.zeros((1, 2)), np.array([0.5, 0.5])).tolist() == [0]


@pytest.mark.parametrize("bad", [NAN, INF, -INF])
@pytest.mark.parametrize("beta", [0.0, 1.0])
def test_an_embedding_that_is_not_finite_gives_nan_and_leaves_its_neighbours_alone(
    bad: float, beta: float
) -> None:
    embeddings = np.array([[1.0, 0.0], [bad, 1.0], [0.0, 1.0]])
    density = information_density(np.ones(3), embeddings, np.array([0.5, 0.5]), beta)
    np.testing.assert_array_equal(density, [0.5**beta, NAN, 0.5**beta])


def test_an_uncertainty_of_nan_stays_nan() -> None:
    assert np.isnan(information_density(np.array([NAN]), PLUS[:1], np.array([0.5, 0.5]))).all()


def test_rows_that_are_zero_or_not_finite_are_no_part_of_the_mean() -> None:
    others = np.array([[0, 0], [NAN, 1], [INF, 0], [1, -INF]])
    assert mean_direction(np.concatenate([others, PLUS])).tolist() == [0.5, 0.5]
    assert mean_direction(others).tolist() == [0, 0]


@pytest.mark.parametrize("scale", [1e-310, 1e-200, 1e-40, 1e40, 1e200, 1e307])
def test_rows_of_extreme_lengths_have_directions_too(scale: float) -> None:
    np.testing.assert_allclose(mean_direction(scale * PLUS), [0.5, 0.5], rtol=1e-12)
    density = information_density(np.ones(2), scale * PLUS, np.array([0.5, 0.5]))
    np.testing.assert_allclose(density, [0.5, 0.5], rtol=1e-12)


@pytest.mark.parametrize("scale", [1e-40, 1e38])
def test_float32_rows_whose_squares_overflow_or_vanish_have_directions_too(scale: float) -> None:
    np.testing.assert_allclose(mean_direction((scale * PLUS).astype(np.float32)), [0.5, 0.5], rtol=1e-4)


def test_density_is_never_more_than_the_uncertainty() -> None:
    embeddings = np.repeat(embeddings_of(1, 37), 1000, axis=0)
    base = np.ones(1000, np.float32)
    assert (information_density(base, embeddings, mean_direction(embeddings)) <= base).all()


def test_the_mean_direction_of_the_rest_is_that_of_the_rows_without_labels() -> None:
    embeddings = embeddings_of(30)
    units = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
    rest = mean_direction_of_rest(mean_direction(embeddings), 30, units[:12].sum(axis=0), 12)
    np.testing.assert_allclose(rest, mean_direction(embeddings[12:]), rtol=1e-12)


def test_where_no_row_has_a_label_the_rest_is_the_pool() -> None:
    mean = mean_direction(PLUS)
    assert mean_direction_of_rest(mean, 2, np.zeros(2), 0).tolist() == mean.tolist()


def test_where_every_row_has_a_label_the_rest_has_no_direction() -> None:
    assert mean_direction_of_rest(mean_direction(PLUS), 2, np.array([1.0, 1.0]), 2).tolist() == [0, 0]


def test_the_boundaries_of_blocks_do_not_matter() -> None:
    embeddings = embeddings_of(2 * BLOCK_ELEMENTS // 5 + 3).astype(np.float32)
    direction = mean_direction(embeddings)
    units = embeddings / np.linalg.norm(embeddings.astype(np.float64), axis=1, keepdims=True)
    np.testing.assert_allclose(direction, units.mean(axis=0), rtol=1e-12)
    base = np.ones(len(embeddings))
    whole = information_density(base, embeddings, direction)
    parts = [information_density(base[:1], row[None], direction)[0] for row in embeddings[::5000]]
    np.testing.assert_array_equal(whole[::5000], parts)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_density_has_the_dtype_of_the_uncertainty_and_the_mean_is_double(dtype: type[np.floating]) -> None:
    embeddings = embeddings_of(3).astype(dtype)
    direction = mean_direction(embeddings)
    assert direction.dtype == np.float64
    assert information_density(np.ones(3, dtype), embeddings, direction).dtype == dtype


def test_no_rows_have_no_density_and_no_direction() -> None:
    none = np.empty((0, 4), np.float32)
    assert mean_direction(none).tolist() == [0] * 4
    assert information_density(np.empty(0, np.float32), none, np.ones(4)).shape == (0,)


def test_embeddings_that_are_read_only_are_left_as_they_were() -> None:
    embeddings = np.array([[1e200, 1.0], [3.0, 4.0], [NAN, 0.0]])
    before = embeddings.copy()
    embeddings.flags.writeable = False
    information_density(np.ones(3), embeddings, mean_direction(embeddings))
    np.testing.assert_array_equal(embeddings, before)
