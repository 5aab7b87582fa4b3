"""Stochastic top-b: keys worked by hand, how often rows are chosen, shards, ids."""

from collections import Counter

import numpy as np
import pytest

from assayd_server.core.draws import exponentials
from assayd_server.core.hashing import id_hash
from assayd_server.core.repetition import effective_size
from assayd_server.core.stochastic import gumbel_keys

SEEDS = range(4000)


def chosen(scores, ids, count: int, *, seed: int, beta: float = 1.0) -> list[int]:
    keys = gumbel_keys(np.asarray(scores), ids, seed=seed, beta=beta)
    return np.argsort(-keys)[:count].tolist()


def test_a_key_is_the_logarithm_of_the_score_and_a_gumbel_draw_over_beta() -> None:
    ids = id_hash(np.arange(3))
    gumbels = -np.log(exponentials(ids, seed=1))
    keys = gumbel_keys(np.array([1.0, 0.5, 0.1]), ids, seed=1, beta=4.0)
    np.testing.assert_allclose(keys, np.log([1.0, 0.5, 0.1]) + gumbels / 4, rtol=1e-14)


def test_a_score_of_zero_is_never_chosen_before_another_and_nan_stays_nan() -> None:
    keys = gumbel_keys(np.array([0.0, 1e-300, np.nan]), id_hash(np.arange(3)), seed=0, beta=0.01)
    assert keys[0] == -np.inf
    assert np.isfinite(keys[1])
    assert np.isnan(keys[2])


def test_an_infinite_beta_leaves_the_plain_order() -> None:
    scores = np.random.default_rng(0).random(50)
    keys = gumbel_keys(scores, id_hash(np.arange(50)), seed=3, beta=np.inf)
    np.testing.assert_array_equal(keys, np.log(scores))


@pytest.mark.parametrize("beta", [0.5, 1.0, 3.0])
def test_the_first_row_is_drawn_in_proportion_to_the_power_of_its_score(beta: float) -> None:
    scores = np.array([0.9, 0.6, 0.3, 0.1])
    ids = id_hash(np.arange(4))
    firsts = Counter(chosen(scores, ids, 1, seed=seed, beta=beta)[0] for seed in SEEDS)
    chances = scores**beta / (scores**beta).sum()
    for row, chance in enumerate(chances):
        spread = (chance * (1 - chance) / len(SEEDS)) ** 0.5
        assert abs(firsts[row] / len(SEEDS) - chance) < 4 * spread


def test_batches_are_as_frequent_as_draws_without_replacement() -> None:
    scores = np.array([0.9, 0.6, 0.3, 0.1])
    ids = id_hash(np.arange(4))
    ours = Counter(tuple(chosen(scores, ids, 2, seed=seed)) for seed in SEEDS)
    random = np.random.default_rng(1)
    chances = scores / scores.sum()
    direct = Counter(tuple(random.choice(4, 2, replace=False, p=chances).tolist()) for _ in SEEDS)
    for pair in set(ours) | set(direct):
        first, second = chances[list(pair)]
        expected = first * second / (1 - first)
        spread = (expected * (1 - expected) / len(SEEDS)) ** 0.5
        assert abs(ours[pair] / len(SEEDS) - expected) < 4 * spread
        assert abs(ours[pair] - direct[pair]) / len(SEEDS) < 6 * spread


def test_shards_merge_into_the_batch_of_the_whole() -> None:
    random = np.random.default_rng(2)
    scores, ids = random.random(1000), id_hash(np.arange(1000))
    whole = chosen(scores, ids, 30, seed=5)
    merged = [
        (key, row)
        for shard in np.array_split(random.permutation(1000), 7)
        for key, row in sorted(zip(gumbel_keys(scores[shard], ids[shard], seed=5, beta=1.0), shard, strict=True))[
            -30:
        ]
    ]
    assert [row for _, row in sorted(merged, reverse=True)[:30]] == whole


def test_another_seed_gives_another_batch() -> None:
    scores, ids = np.ones(100), id_hash(np.arange(100))
    assert chosen(scores, ids, 10, seed=0) != chosen(scores, ids, 10, seed=1)


def test_of_repeated_rows_more_different_ones_are_chosen_than_by_plain_order() -> None:
    random = np.random.default_rng(4)
    row = np.repeat(np.arange(40), 5)
    scores, embeddings = random.random(40)[row], random.normal(size=(40, 16))[row]
    plain = np.argsort(-scores, kind="stable")[:20]
    batch = chosen(scores, id_hash(np.arange(200)), 20, seed=0)
    assert len(set(row[plain])) == 4
    assert len(set(row[batch])) > 8
    assert effective_size(embeddings[batch]) > 1.5 * effective_size(embeddings[plain])


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8"])
def test_keys_are_double_precision_and_the_scores_stay_as_they_are(dtype: str) -> None:
    scores = np.array([0.5, 0.25], dtype)
    scores.flags.writeable = False
    ids = id_hash(np.arange(2))
    ids.flags.writeable = False
    keys = gumbel_keys(scores, ids, seed=0, beta=2.0)
    assert keys.dtype == np.float64
    np.testing.assert_array_equal(keys, gumbel_keys(scores.astype(float), ids, seed=0, beta=2.0))
