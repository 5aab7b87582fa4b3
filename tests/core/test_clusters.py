"""Buckets of random planes: chances by angle, the same everywhere, rows that are equal or not finite."""

import numpy as np
import pytest

from assayd_server.core.clusters import BITS_MAX, sign_clusters


def cloud(count: int, dimension: int, seed: int = 0) -> np.ndarray:
    embeddings = np.random.default_rng(seed).normal(size=(count, dimension))
    embeddings.flags.writeable = False
    return embeddings


@pytest.mark.parametrize("degrees", [10, 45, 90, 150])
def test_rows_are_parted_by_a_plane_with_a_chance_in_proportion_to_their_angle(degrees: float) -> None:
    angle = np.deg2rad(degrees)
    two = np.array([[1.0, 0.0], [np.cos(angle), np.sin(angle)]])
    embeddings = np.concatenate([two, -two])  # whose mean is 0
    parted = [len(set(sign_clusters(embeddings, 1, seed)[:2].tolist())) == 2 for seed in range(3000)]
    chance = angle / np.pi
    assert abs(np.mean(parted) - chance) < 4 * (chance * (1 - chance) / 3000) ** 0.5


def test_groups_that_lie_apart_share_no_bucket_and_those_that_lie_close_do() -> None:
    centres = np.repeat(20 * np.eye(4, 30), 50, axis=0)
    buckets = sign_clusters(100 + centres + 0.001 * cloud(200, 30), 10, seed=1)
    found = [set(buckets[start : start + 50].tolist()) for start in range(0, 200, 50)]
    assert [len(each) for each in found] == [1, 1, 1, 1]
    assert len(set.union(*found)) == 4


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8"])
@pytest.mark.parametrize("count", [1, 7, 1000])
def test_rows_that_are_all_equal_share_a_bucket(dtype: str, count: int) -> None:
    embeddings = np.tile(cloud(1, 33) + 0.1, (count, 1)).astype(dtype)
    assert set(sign_clusters(embeddings, 20, seed=0).tolist()) == {0}


def test_where_zero_lies_and_the_scale_do_not_matter() -> None:
    embeddings = cloud(100, 5)
    np.testing.assert_array_equal(
        sign_clusters(embeddings * 4 + 1000, 8, seed=2), sign_clusters(embeddings, 8, seed=2)
    )


def test_permuted_rows_have_permuted_buckets() -> None:
    embeddings, order = cloud(80, 9), np.random.default_rng(3).permutation(80)
    np.testing.assert_array_equal(
        sign_clusters(embeddings[order], 12, seed=5), sign_clusters(embeddings, 12, seed=5)[order]
    )


def test_a_seed_says_which_planes_they_are() -> None:
    embeddings = cloud(100, 6)
    buckets = sign_clusters(embeddings, 6, seed=0)
    np.testing.assert_array_equal(buckets, sign_clusters(embeddings, 6, seed=0))
    assert (buckets != sign_clusters(embeddings, 6, seed=1)).any()


@pytest.mark.parametrize("bits", [0, 1, 3, BITS_MAX])
def test_buckets_are_numbered_by_as_many_bits(bits: int) -> None:
    buckets = sign_clusters(cloud(500, 4), bits, seed=0)
    assert buckets.dtype == np.int64
    assert buckets.min() >= 0
    assert int(buckets.max()) < 2**bits
    assert len(set(buckets.tolist())) >= min(2**bits, 7)


def test_rows_that_are_not_finite_have_no_bucket_and_change_no_other() -> None:
    embeddings = np.concatenate([cloud(20, 3), [[np.nan, 0, 0], [0, np.inf, 0], [1e200, 0, 0]]])
    buckets = sign_clusters(embeddings, 5, seed=0)
    assert buckets[20:].tolist() == [-1, -1, -1]
    np.testing.assert_array_equal(buckets[:20], sign_clusters(cloud(20, 3), 5, seed=0))
    assert sign_clusters(embeddings[20:], 5, seed=0).tolist() == [-1, -1, -1]


def test_no_rows_have_no_buckets() -> None:
    assert sign_clusters(np.empty((0, 3)), 4, seed=0).tolist() == []
