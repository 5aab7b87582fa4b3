"""Recall by hand, and of indexes that find all, some or none."""

import numpy as np
import pytest

from assayd_server import pool, recall
from assayd_server.nearest import Nearest, NearestSearch
from assayd_server.pool import Kind
from assayd_server.recall import measure, recall_of
from vector_pools import clusters, stored


def nearest(similarities: list[list[float]]) -> Nearest:
    values = np.array(similarities, np.float32)
    return Nearest(np.zeros(values.shape, np.int64), values, (~np.isnan(values)).sum(axis=1))


def test_recall_by_hand() -> None:
    nan = np.nan
    exact = nearest([[0.9, 0.8], [0.9, 0.8], [0.9, 0.8], [0.9, nan], [0.9, nan], [nan, nan]])
    found = nearest([[0.9, 0.8], [0.9, 0.7], [0.7, nan], [0.9, nan], [nan, nan], [nan, nan]])
    assert recall_of(found, exact).tolist() == [1, 0.5, 0, 1, 0, 1]


def test_the_measured_recall_is_that_of_all_rows_to_a_hundredth() -> None:
    vectors = clusters(3000, 24, sigma=2)
    searched = stored(vectors)
    search = NearestSearch(searched, pool.build(searched, Kind.LSH, threads=1), threads=1)
    measured = measure(search, sample_rows=1000, k=20)
    own = np.arange(3000)
    pairs = search.nearest(vectors, 20, own=own), search.exact(vectors, 20, own=own)
    every = np.mean([np.isin(*rows).mean() for rows in zip(pairs[1].rows, pairs[0].rows, strict=True)])
    assert measured.k == 20
    assert measured.recall == pytest.approx(every, abs=0.01)
    assert 0.9 < measured.recall < 1
    assert measured.queries_per_second > 0
    assert measured.exact_queries_per_second > 0


def test_exact_search_has_a_recall_of_one_and_one_rate() -> None:
    measured = measure(NearestSearch(stored(clusters(300, 5)), None, threads=1))
    assert (measured.recall, measured.k) == (1, 100)
    assert measured.queries_per_second == measured.exact_queries_per_second


@pytest.mark.parametrize("row_count", [1, 2, 50])
def test_a_small_pool_is_measured_with_as_many_neighbours_as_it_has(row_count: int) -> None:
    measured = measure(NearestSearch(stored(clusters(row_count, 5)), None, threads=1))
    assert (measured.recall, measured.k) == (1, max(1, row_count - 1))


def test_a_pool_where_exact_search_takes_too_long_is_measured_with_fewer_rows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    searched = stored(clusters(600, 5))
    search = NearestSearch(searched, None, threads=1)
    calls = []
    exact = search.exact
    monkeypatch.setattr(search, "exact", lambda *given, **named: calls.append(1) or exact(*given, **named))
    monkeypatch.setattr(recall, "SECONDS_MAX", 0.0)
    assert measure(search).recall == 1
    assert len(calls) == 1
