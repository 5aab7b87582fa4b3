"""Search against brute force, id by id: whatever is tied, left out, or far from zero."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assayd_server import nearest
from assayd_server.core.similarity import Metric, unit_vectors
from assayd_server.nearest import Nearest, NearestSearch
from assayd_server.stored_vectors import StoredVectors

SEEDS = st.integers(0, 10_000)
METRICS = st.sampled_from(Metric)


def stored(vectors: np.ndarray, metric: Metric) -> StoredVectors:
    vectors = vectors.astype(np.float32)
    if metric is not Metric.COSINE:
        return StoredVectors(metric, vectors, None)
    return StoredVectors(metric, unit_vectors(vectors), np.linalg.norm(vectors, axis=1).astype(np.float32))


def brute_force(
    searched: StoredVectors,
    queries: np.ndarray,
    k: int,
    *,
    excluded: np.ndarray | None = None,
    own: np.ndarray | None = None,
    similarity_min: float | None = None,
) -> Nearest:
    """In float64, one query after the other, rounded as similarities are returned."""
    rows, similarities = np.zeros((len(queries), k), int), np.full((len(queries), k), np.nan, np.float32)
    counts = np.zeros(len(queries), int)
    vectors = searched.searched.astype(float)
    directions = unit_vectors(queries) if searched.metric is Metric.COSINE else queries.astype(np.float32)
    for i, wide in enumerate(directions.astype(float)):
        found = (
            -np.sqrt(((vectors - wide) ** 2).sum(1)) if searched.metric is Metric.L2 else (vectors * wide).sum(1)
        )
        found = found.astype(np.float32)
        allowed = np.ones(len(vectors), bool)
        allowed[excluded if excluded is not None else []] = False
        if own is not None and own[i] >= 0:
            allowed[own[i]] = False
        if similarity_min is not None:
            allowed &= found >= np.float32(similarity_min)
        order = [row for row in np.lexsort((np.arange(len(vectors)), -found)) if allowed[row]][:k]
        counts[i] = len(order)
        rows[i, : len(order)], similarities[i, : len(order)] = order, found[order]
    return Nearest(rows, similarities, counts)


def assert_same(found: Nearest, wanted: Nearest) -> None:
    np.testing.assert_array_equal(found.counts, wanted.counts)
    np.testing.assert_array_equal(found.rows, wanted.rows)
    np.testing.assert_array_equal(found.similarities, wanted.similarities)


@given(
    seed=SEEDS,
    metric=METRICS,
    row_count=st.integers(1, 200),
    dimension=st.integers(1, 40),
    distinct=st.integers(1, 200),
    offset=st.sampled_from([0, 1, 1000]),
    data=st.data(),
)
@settings(deadline=None, max_examples=200)
def test_exact_search_is_brute_force(
    *, seed: int, metric: Metric, row_count: int, dimension: int, distinct: int, offset: float, data: st.DataObject
) -> None:
    random = np.random.default_rng(seed)
    vectors = random.normal(size=(distinct, dimension)) + offset
    vectors = np.concatenate([vectors, vectors])[random.integers(0, distinct, row_count)]  # many are there twice
    searched = stored(vectors, metric)
    k = data.draw(st.integers(1, row_count))
    rows = random.integers(0, row_count, 5)
    queries = np.concatenate([vectors[rows], random.normal(size=(3, dimension))])
    left_out = {
        "excluded": np.unique(random.integers(0, row_count, data.draw(st.integers(0, row_count)))),
        "own": np.concatenate([rows, [-1, -1, -1]]),
        "similarity_min": data.draw(st.sampled_from([None, 0.5, -3.0])),
    }
    chosen = {name: left_out[name] for name in data.draw(st.sets(st.sampled_from(sorted(left_out))))}
    search = NearestSearch(searched, None, threads=1)
    assert_same(search.nearest(queries, k, **chosen), brute_force(searched, queries, k, **chosen))


@pytest.mark.parametrize("metric", Metric)
def test_ties_are_cut_by_row_in_batches_and_one_at_a_time(metric: Metric) -> None:
    random = np.random.default_rng(3)
    vectors = random.integers(1, 4, (3000, 5))  # 243 different rows
    searched, queries = stored(vectors, metric), vectors[:70]
    search = NearestSearch(searched, None, threads=2)
    together = search.nearest(queries, 7, own=np.arange(70))
    assert_same(together, brute_force(searched, queries, 7, own=np.arange(70)))
    for i in range(0, 70, 9):
        alone = search.nearest(queries[i : i + 1], 7, own=np.array([i]))
        np.testing.assert_array_equal(alone.rows[0], together.rows[i])
        np.testing.assert_array_equal(alone.similarities[0], together.similarities[i])


@pytest.mark.parametrize("metric", Metric)
def test_an_exact_search_looks_once_at_all_rows_whatever_is_excluded(
    metric: Metric, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks, propose = [], nearest.flat_proposals
    monkeypatch.setattr(nearest, "flat_proposals", lambda *a, **named: looks.append(a) or propose(*a, **named))
    vectors = np.random.default_rng(4).normal(size=(2000, 5))
    searched, excluded = stored(vectors, metric), np.arange(0, 2000, 2)
    found = NearestSearch(searched, None, threads=1).nearest(vectors[:5], 10, excluded=excluded)
    assert_same(found, brute_force(searched, vectors[:5], 10, excluded=excluded))
    assert len(looks) == 1


def test_a_limit_beyond_float32_is_a_limit() -> None:
    search = NearestSearch(stored(np.eye(3), Metric.COSINE), None, threads=1)
    assert search.nearest(np.eye(3), 2, similarity_min=1e300).counts.tolist() == [0, 0, 0]
    assert search.nearest(np.eye(3), 2, similarity_min=-1e300).counts.tolist() == [2, 2, 2]
