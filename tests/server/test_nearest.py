"""Search against brute force, id by id: whatever is tied, left out, or far from zero."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assayd_server import nearest, pool
from assayd_server.core.similarity import Metric
from assayd_server.nearest import Nearest, NearestSearch, searchable
from assayd_server.pool import Kind
from vector_pools import brute_force, clusters, stored

pytestmark = pytest.mark.long

INDEXED = [kind for kind in Kind if kind is not Kind.FLAT]


def assert_same(found: Nearest, wanted: Nearest) -> None:
    np.testing.assert_array_equal(found.counts, wanted.counts)
    np.testing.assert_array_equal(found.rows, wanted.rows)
    np.testing.assert_array_equal(found.similarities, wanted.similarities)


@given(
    seed=st.integers(0, 10_000),
    metric=st.sampled_from(Metric),
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
    vectors = vectors[random.integers(0, distinct, row_count)]  # many are there twice
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
    vectors = np.random.default_rng(3).integers(1, 4, (3000, 5))  # 243 different rows
    searched, queries = stored(vectors, metric), vectors[:70].astype(float)
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


@pytest.mark.parametrize("kind", INDEXED)
@pytest.mark.parametrize("metric", Metric)
def test_an_index_finds_nearly_all_and_what_it_finds_is_exact(kind: Kind, metric: Metric) -> None:
    vectors = clusters(3000, 24)
    searched = stored(vectors, metric)
    search = NearestSearch(searched, pool.build(searched, kind, threads=1), threads=1)
    own = np.arange(0, 3000, 15)
    found, wanted = search.nearest(vectors[own], 20, own=own), search.exact(vectors[own], 20, own=own)
    assert_same(wanted, brute_force(searched, vectors[own], 20, own=own))
    shares = [np.isin(*pair).mean() for pair in zip(wanted.rows, found.rows, strict=True)]
    assert np.mean(shares) >= 0.95
    exact = brute_force(searched, vectors[own], 3000)
    for i, row in enumerate(exact.rows):
        place = {each: j for j, each in enumerate(row)}
        places = [place[each] for each in found.rows[i]]
        assert places == sorted(set(places))
        np.testing.assert_array_equal(found.similarities[i], exact.similarities[i][places])


@pytest.mark.parametrize("kind", INDEXED)
def test_an_index_returns_k_rows_whenever_there_are_k(kind: Kind) -> None:
    vectors = clusters(400, 8)
    searched = stored(vectors)
    search = NearestSearch(searched, pool.build(searched, kind, threads=1), threads=1)
    everything = search.nearest(vectors[:5], 400)
    assert_same(everything, brute_force(searched, vectors[:5], 400))
    left = np.array([3, 70, 71, 399])
    excluded = np.setdiff1d(np.arange(400), left)
    wanted = brute_force(searched, vectors[:5], 4, excluded=excluded)
    assert_same(search.nearest(vectors[:5], 4, excluded=excluded), wanted)
    without_own = search.nearest(vectors[left], 4, excluded=excluded, own=left)
    assert without_own.counts.tolist() == [3, 3, 3, 3]
    assert without_own.rows[:, 3].tolist() == [0, 0, 0, 0]
    assert np.isnan(without_own.similarities[:, 3]).all()
    assert search.nearest(vectors[:2], 9, excluded=np.arange(400)).counts.tolist() == [0, 0]


@pytest.mark.parametrize("kind", INDEXED)
def test_an_index_over_one_vector_many_times_still_returns_k_different_rows(kind: Kind) -> None:
    vectors = np.full((3000, 8), 0.3)
    searched = stored(vectors)
    search = NearestSearch(searched, pool.build(searched, kind, threads=1), threads=1)
    found = search.nearest(vectors[:40], 30, own=np.arange(40))
    assert (np.array([len(set(row)) for row in found.rows]) == 30).all()
    assert not (found.rows == np.arange(40)[:, None]).any()
    np.testing.assert_allclose(found.similarities, 1, atol=1e-6)


def test_what_was_left_out_is_not_missed_among_the_proposals() -> None:
    vectors = clusters(3000, 24)
    searched = stored(vectors)
    search = NearestSearch(searched, pool.build(searched, Kind.IVF, threads=1), threads=1)
    queries = np.arange(0, 3000, 100)
    labelled = np.unique(search.exact(vectors[queries], 60).rows[:, :40])
    wanted = search.exact(vectors[queries], 20, excluded=labelled)
    found = search.nearest(vectors[queries], 20, excluded=labelled)
    assert np.mean([np.isin(*pair).mean() for pair in zip(wanted.rows, found.rows, strict=True)]) >= 0.95


def test_a_similarity_limit_is_inclusive_and_rounded_as_similarities_are() -> None:
    searched = stored(np.array([[1, 0], [3, 4], [0, 1]]))
    search = NearestSearch(searched, None, threads=1)
    found = search.nearest(np.array([[1.0, 0.0]]), 3, similarity_min=0.6)
    assert (found.counts.tolist(), found.rows.tolist()) == ([2], [[0, 1, 0]])
    np.testing.assert_array_equal(found.similarities, np.array([[1, 0.6, np.nan]], np.float32))
    assert search.nearest(np.array([[1.0, 0.0]]), 3, similarity_min=0.6000001).counts.tolist() == [1]


@pytest.mark.parametrize("metric", [Metric.INNER_PRODUCT, Metric.L2])
@pytest.mark.parametrize("scale", [1e-30, 1e-20, 1e15, 1e19, 3e37])
def test_vectors_at_the_ends_of_float32_are_found_in_order(metric: Metric, scale: float) -> None:
    vectors = np.random.default_rng(5).normal(size=(500, 6)) * scale
    searched = stored(vectors, metric)
    with np.errstate(over="ignore"):
        wanted = brute_force(searched, vectors[:20], 500)
    finite = np.isfinite(wanted.similarities)
    for queries in (vectors[:20], vectors[:1]):
        found = NearestSearch(searched, None, threads=1).nearest(queries, 500)
        there = finite[: len(queries)]
        assert (found.counts == 500).all()
        np.testing.assert_array_equal(found.similarities[there], wanted.similarities[: len(queries)][there])


def test_queries_of_any_float_type_and_layout_are_taken_and_left_alone() -> None:
    vectors = clusters(200, 6)
    searched = stored(vectors)
    search = NearestSearch(searched, None, threads=1)
    wanted = search.nearest(vectors[:9].astype(np.float32), 5)
    for queries in (vectors.astype(np.float32).T.copy().T[:9], 7 * vectors[:9].astype(np.float32)):
        before = queries.copy()
        queries.flags.writeable = False
        np.testing.assert_array_equal(search.nearest(queries, 5).rows, wanted.rows)
        np.testing.assert_array_equal(queries, before)


def test_more_queries_than_a_block_are_all_answered() -> None:
    vectors = clusters(700, 5)
    searched = stored(vectors, Metric.L2)
    found = NearestSearch(searched, None, threads=1).nearest(vectors, 1)
    assert found.rows[:, 0].tolist() == list(range(700))


@pytest.mark.parametrize("kind", [None, Kind.HNSW, Kind.LSH])
def test_threads_search_at_once_and_get_what_one_alone_gets(kind: Kind | None) -> None:
    vectors = clusters(2000, 16)
    searched = stored(vectors)
    search = NearestSearch(searched, kind and pool.build(searched, kind, threads=1), threads=1)
    parts = [np.arange(start, 2000, 40) for start in range(40)]
    alone = [search.nearest(vectors[part], 10, own=part).rows for part in parts]
    with ThreadPoolExecutor(8) as executor:
        together = list(executor.map(lambda part: search.nearest(vectors[part], 10, own=part).rows, parts))
    np.testing.assert_array_equal(together, alone)


def test_what_can_be_searched_for() -> None:
    queries = np.array([[0, 0], [1, 0], [np.nan, 1], [np.inf, 1], [1e300, 1], [1e-300, 0]])
    assert searchable(queries, Metric.COSINE).tolist() == [False, True, False, False, False, True]
    assert searchable(queries, Metric.L2).tolist() == [True, True, False, False, False, True]
    assert searchable(np.array([[6e4]], np.float16), Metric.COSINE).tolist() == [True]


def test_a_search_knows_what_it_searches_and_whether_exactly() -> None:
    searched = stored(clusters(100, 4))
    assert NearestSearch(searched, None, threads=1).is_exact
    indexed = NearestSearch(searched, pool.build(searched, Kind.IVF, threads=1), threads=1)
    assert not indexed.is_exact
    assert indexed.stored is searched
