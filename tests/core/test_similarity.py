"""Exact similarities: by hand, against float64, and of a pair whatever it is computed together with."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from assayd_server.core.similarity import FLOAT32_MAX, Metric, pair_similarities, unit_vectors


def all_rows(queries: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    return np.tile(np.arange(len(vectors)), (len(queries), 1))


def similarities(queries: np.ndarray, vectors: np.ndarray, metric: Metric) -> np.ndarray:
    return pair_similarities(queries, vectors, all_rows(queries, vectors), metric=metric)


def test_similarities_by_hand() -> None:
    queries, vectors = np.array([[3, 4]], np.float32), np.array([[0, 0], [3, 4], [-3, -4]], np.float32)
    assert similarities(queries, vectors, Metric.INNER_PRODUCT).tolist() == [[0, 25, -25]]
    assert similarities(queries, vectors, Metric.L2).tolist() == [[-5, 0, -10]]
    assert not np.signbit(similarities(queries, vectors, Metric.L2)[0, 1])
    units = unit_vectors(np.array([[3, 4], [-4, 3]], np.float64))
    assert units.tolist() == np.array([[0.6, 0.8], [-0.8, 0.6]], np.float32).tolist()
    assert similarities(units[:1], units, Metric.COSINE)[0, 1] == pytest.approx(0, abs=1e-8)


@pytest.mark.parametrize("metric", Metric)
def test_a_similarity_is_the_one_of_float64_rounded_once(metric: Metric) -> None:
    random = np.random.default_rng(0)
    queries, vectors = (random.normal(size=(n, 200)).astype(np.float32) for n in (9, 400))
    wide = queries.astype(float), vectors.astype(float)
    oracle = -cdist(*wide) if metric is Metric.L2 else wide[0] @ wide[1].T
    np.testing.assert_array_max_ulp(similarities(queries, vectors, metric), oracle.astype(np.float32), 1)


@given(
    seed=st.integers(0, 1000),
    dimension=st.sampled_from([1, 3, 8, 100, 513, 8193]),
    metric=st.sampled_from(Metric),
    count=st.integers(1, 40),
)
def test_a_similarity_depends_on_its_pair_alone(seed: int, dimension: int, metric: Metric, count: int) -> None:
    random = np.random.default_rng(seed)
    queries, vectors = (random.normal(size=(n, dimension)).astype(np.float32) for n in (3, 20))
    rows = random.integers(0, 20, (3, count))
    together = pair_similarities(queries, vectors, rows, metric=metric)
    for query in range(3):
        one = queries[query : query + 1]
        alone = [pair_similarities(one, vectors, rows[None, None, query, i], metric=metric) for i in range(count)]
        np.testing.assert_array_equal(together[query], np.ravel(alone))


def test_more_pairs_than_a_block_holds_are_all_computed() -> None:
    random = np.random.default_rng(1)
    queries, vectors = (random.normal(size=(n, 300)).astype(np.float32) for n in (3, 500))
    found = similarities(queries, vectors, Metric.INNER_PRODUCT)
    np.testing.assert_allclose(found, queries.astype(float) @ vectors.astype(float).T, rtol=1e-4, atol=1e-4)


def test_a_similarity_beyond_float32_is_the_largest_one() -> None:
    vectors = np.array([[3e38, 3e38], [-3e38, -3e38]], np.float32)
    assert similarities(vectors[:1], vectors, Metric.INNER_PRODUCT).tolist() == [[FLOAT32_MAX, -FLOAT32_MAX]]
    assert similarities(vectors[:1], vectors, Metric.L2).tolist() == [[0, -FLOAT32_MAX]]


@pytest.mark.parametrize("length", [1e-300, 1e-40, 1, 1e30, 1e300])
def test_the_direction_of_a_vector_of_any_length_is_of_length_one(length: float) -> None:
    vectors = np.random.default_rng(2).normal(size=(5, 17))
    units = unit_vectors(vectors * length)
    assert units.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(units.astype(float), axis=1), 1, rtol=1e-7)
    np.testing.assert_allclose(units, vectors / np.linalg.norm(vectors, axis=1)[:, None], rtol=1e-6)


def test_directions_are_a_copy() -> None:
    vectors = np.full((1, 4), 7.0)
    unit_vectors(vectors)
    assert (vectors == 7).all()
