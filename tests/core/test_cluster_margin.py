"""Cluster-margin: rounds worked by hand, ties, and a naive round-robin."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assayd_server.core.cluster_margin import cluster_margin

modest = settings(derandomize=True, deadline=None, max_examples=100)


def naive(uncertainty: np.ndarray, clusters: np.ndarray, count: int) -> list[int]:
    """With a queue for each cluster; of queues of one size that round's most uncertain row goes first."""
    order = [row for row in np.argsort(-uncertainty, kind="stable").tolist() if not np.isnan(uncertainty[row])]
    queues = [
        [row for row in order if clusters[row] == cluster] for cluster in sorted(set(clusters[order].tolist()))
    ]
    sizes = {queue[0]: len(queue) for queue in queues}
    taken: list[int] = []
    pairs = [(sizes[queue[0]], queue) for queue in queues]
    while any(queue for _, queue in pairs):
        heads = [(size, order.index(queue[0]), queue) for size, queue in pairs if queue]
        taken += [queue.pop(0) for _, _, queue in sorted(heads, key=lambda head: head[:2])]
    return taken[:count]


def test_each_round_takes_one_row_of_each_cluster_from_the_smallest() -> None:
    uncertainty = np.array([0.9, 0.8, 0.7, 0.6, 0.5, 0.4])
    clusters = np.array([7, 7, 7, -2, -2, 5])
    assert cluster_margin(uncertainty, clusters, 6).tolist() == [5, 3, 0, 4, 1, 2]


def test_among_clusters_of_one_size_the_more_uncertain_row_is_first() -> None:
    assert cluster_margin(np.array([0.1, 0.2, 0.3, 0.3]), np.array([0, 1, 2, 3]), 4).tolist() == [2, 3, 1, 0]


def test_with_one_cluster_it_is_the_plain_order() -> None:
    uncertainty = np.random.default_rng(0).random(30)
    batch = cluster_margin(uncertainty, np.zeros(30, np.int64), 9)
    np.testing.assert_array_equal(batch, np.argsort(-uncertainty)[:9])


@given(count=st.integers(0, 20), seed=st.integers(0, 9999))
@modest
def test_it_agrees_with_the_naive_version(count: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    uncertainty = random.integers(0, 4, 20) / 4
    uncertainty[random.random(20) < 0.1] = np.nan
    clusters = random.integers(-2, 3, 20)
    assert cluster_margin(uncertainty, clusters, count).tolist() == naive(uncertainty, clusters, count)


def test_permuted_rows_give_the_same_rows() -> None:
    random = np.random.default_rng(1)
    uncertainty, clusters, order = random.random(200), random.integers(0, 9, 200), random.permutation(200)
    permuted = cluster_margin(uncertainty[order], clusters[order], 50)
    np.testing.assert_array_equal(order[permuted], cluster_margin(uncertainty, clusters, 50))


def test_every_rare_cluster_is_in_a_batch_that_plain_order_fills_with_the_large_one() -> None:
    uncertainty = np.concatenate([np.linspace(0.9, 1, 90), np.linspace(0.1, 0.2, 10)])
    clusters = np.concatenate([np.zeros(90), np.arange(1, 11)]).astype(np.int64)
    assert set(clusters[cluster_margin(uncertainty, clusters, 11)]) == set(range(11))


def test_a_row_that_is_nan_is_never_taken_nor_counted() -> None:
    uncertainty = np.array([0.5, np.nan, np.nan, 0.4, 0.3])
    assert cluster_margin(uncertainty, np.array([0, 0, 0, 1, 1]), 5).tolist() == [0, 3, 4]


@pytest.mark.parametrize(("row_count", "count"), [(0, 0), (1, 0), (1, 1)])
def test_there_are_as_many_positions_as_can_be(row_count: int, count: int) -> None:
    batch = cluster_margin(np.ones(row_count), np.zeros(row_count, np.int64), count)
    assert batch.dtype == np.int64
    assert batch.tolist() == [0] * count


def test_what_is_given_stays_as_it_is() -> None:
    uncertainty, clusters = np.array([0.1, 0.7, 0.7], np.float32), np.array([3, 3, 1], np.int32)
    uncertainty.flags.writeable = clusters.flags.writeable = False
    assert cluster_margin(uncertainty, clusters, 3).tolist() == [2, 1, 0]
