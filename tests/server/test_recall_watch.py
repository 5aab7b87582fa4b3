"""How well an index does while it serves: which searches are repeated, and what is counted."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from prometheus_client import CollectorRegistry

import brute_force
import pools
from assayd_server.bundle import Identity
from assayd_server.loaded_pool import LoadedPool
from assayd_server.metrics import Metrics, PoolMetrics
from assayd_server.pool_folder import read_pool
from assayd_server.recall_watch import RecallWatch, SearchMade, count_recall

VECTORS = pools.vectors(200, 4)
QUERY = np.ones((1, 4), np.float32)
TRUE = brute_force.nearest(QUERY, VECTORS, 10)[0]


class Counted:
    """The metrics of a pool, and what they have come to."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.metrics: PoolMetrics = Metrics(self.registry).pool(
            Identity("m", 1, "sha256:0"), digest="sha256:1", index_kind="ivf", row_count=200
        )

    @property
    def counts(self) -> list[float | None]:
        """Neighbours checked, and found."""
        labels = {"model": "m", "version": "1"}
        names = ("assayd_recall_checked_neighbors_total", "assayd_recall_found_neighbors_total")
        return [self.registry.get_sample_value(name, labels) for name in names]


@pytest.fixture
def counted() -> Counted:
    return Counted()


@pytest.fixture
def made(tmp_path: Path) -> SearchMade:
    """A search for ten neighbours that found the true ones."""
    pool = LoadedPool(read_pool(pools.write_pool(tmp_path / "pool", VECTORS)), threads=1)
    return SearchMade(pool=pool, embedding=QUERY, k=10, excluded=None, own=None, similarity_min=None, found=TRUE)


@pytest.fixture
def watch() -> Iterator[RecallWatch]:
    watch = RecallWatch(0.1)
    yield watch
    watch.close()


def test_true_neighbours_that_were_found_are_counted(made: SearchMade, counted: Counted) -> None:
    count_recall(made, counted.metrics)
    count_recall(
        replace(made, found=np.concatenate([TRUE[:7], np.setdiff1d(np.arange(200), TRUE)[:3]])), counted.metrics
    )
    assert counted.counts == [20, 17]


def test_what_may_not_be_found_does_not_count_as_missed(made: SearchMade, counted: Counted) -> None:
    some = replace(made, excluded=np.sort(TRUE[:4]), own=TRUE[4:5], k=5)
    count_recall(replace(some, found=TRUE[5:]), counted.metrics)
    assert counted.counts == [5, 5]


def test_a_similarity_limit_counts_only_what_is_above_it(made: SearchMade, counted: Counted) -> None:
    least = float(np.sort(brute_force.similarities(QUERY, VECTORS)[0])[-3]) - 1e-6
    count_recall(replace(made, similarity_min=least, found=TRUE[:3]), counted.metrics)
    assert counted.counts == [3, 3]


def test_a_row_that_cannot_be_searched_for_is_not_checked(made: SearchMade, counted: Counted) -> None:
    count_recall(replace(made, embedding=np.zeros((1, 4), np.float32)), counted.metrics)
    assert counted.counts == [0, 0]


def test_a_search_is_checked_in_another_thread_by_the_time_the_watch_ends(
    made: SearchMade, counted: Counted
) -> None:
    watch = RecallWatch(1.0)
    assert watch.chosen(1) == 0
    watch.check(made, counted.metrics)
    watch.close()
    assert counted.counts == [10, 10]


def test_a_share_of_rows_is_chosen(watch: RecallWatch) -> None:
    chosen = []
    for _ in range(40):
        row = watch.chosen(5)
        chosen.append(row)
        watch._busy = False  # as once it was checked
    assert sum(row is not None for row in chosen) == 20
    assert {row for row in chosen if row is not None} <= set(range(5))


def test_while_one_search_is_checked_no_other_is_chosen() -> None:
    watch = RecallWatch(1.0)
    assert [watch.chosen(3) is not None for _ in range(3)] == [True, False, False]
    watch.close()


def test_after_a_check_the_watch_rests_for_as_long_as_its_share_of_the_time_says(
    made: SearchMade, counted: Counted
) -> None:
    tireless, tired = RecallWatch(1.0, time_share_max=1.0), RecallWatch(1.0, time_share_max=1e-9)
    for watch in (tireless, tired):
        assert watch.chosen(1) == 0
        watch.check(made, counted.metrics)
        watch._thread.submit(lambda: None).result()  # it has ended
    assert (tireless.chosen(1), tired.chosen(1)) == (0, None)
    for watch in (tireless, tired):
        watch.close()


def test_no_rows_and_no_share_choose_nothing() -> None:
    watches = RecallWatch(1.0), RecallWatch(0.0)
    assert (watches[0].chosen(0), watches[1].chosen(100)) == (None, None)
    for watch in watches:
        watch.close()


def test_what_goes_wrong_in_a_check_ends_neither_the_watch_nor_the_server(
    made: SearchMade, counted: Counted
) -> None:
    watch = RecallWatch(1.0, time_share_max=1.0)
    assert watch.chosen(1) == 0
    watch.check(replace(made, embedding=np.ones((1, 3), np.float32)), counted.metrics)  # not as wide as the pool
    watch._thread.submit(lambda: None).result()
    assert watch.chosen(1) == 0
    watch.check(made, counted.metrics)
    watch.close()
    assert counted.counts == [10, 10]
