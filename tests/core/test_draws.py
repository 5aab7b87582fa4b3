"""Random numbers that belong to an id: published values, distributions, independence."""

import numpy as np
import pytest
from scipy import stats

from assayd_server.core.draws import exponentials, splitmix64, uniforms

COUNT = 50_000


def test_splitmix64_gives_the_published_sequence() -> None:
    golden = 0x9E3779B97F4A7C15
    states = np.array([(1234567 + golden * step) % 2**64 for step in range(5)], np.uint64)
    assert splitmix64(states).tolist() == [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
        4593380528125082431,
        16408922859458223821,
    ]


@pytest.mark.parametrize("ids", [np.arange(COUNT), np.arange(COUNT) << 40, 7**9 * np.arange(COUNT)])
@pytest.mark.parametrize(("seed", "step"), [(0, 0), (1, 0), (0, 1), (2**64 - 1, 99)])
def test_draws_of_regular_ids_are_uniform_and_exponential(ids, seed: int, step: int) -> None:
    ids = ids.astype(np.uint64)
    assert stats.kstest(uniforms(ids, seed=seed, step=step), "uniform").pvalue > 1e-4
    assert stats.kstest(exponentials(ids, seed=seed, step=step), "expon").pvalue > 1e-4


def test_gumbel_draws_are_the_negative_logarithms() -> None:
    gumbels = -np.log(exponentials(np.arange(COUNT, dtype=np.uint64), seed=5))
    assert stats.kstest(gumbels, "gumbel_r").pvalue > 1e-4


@pytest.mark.parametrize("other", [{"seed": 1}, {"seed": 0, "step": 1}, {"seed": 1, "step": 1}])
def test_draws_of_other_seeds_and_steps_have_nothing_in_common(other: dict[str, int]) -> None:
    ids = np.arange(COUNT, dtype=np.uint64)
    first, second = uniforms(ids, seed=0), uniforms(ids, **other)
    assert abs(stats.pearsonr(first, second).statistic) < 4 / COUNT**0.5
    table = np.histogram2d(first, second, bins=10, range=[[0, 1]] * 2)[0]
    assert stats.chisquare(table.ravel()).pvalue > 1e-4


def test_the_steps_of_one_id_are_uniform_too() -> None:
    draws = [uniforms(np.array([42], np.uint64), seed=3, step=step)[0] for step in range(3000)]
    assert stats.kstest(draws, "uniform").pvalue > 1e-4


def test_a_draw_depends_on_nothing_but_id_seed_and_step() -> None:
    ids = np.arange(100, dtype=np.uint64)
    order = np.random.default_rng(0).permutation(100)
    np.testing.assert_array_equal(uniforms(ids[order], seed=9), uniforms(ids, seed=9)[order])


def test_any_integer_is_a_seed() -> None:
    ids = np.arange(3, dtype=np.uint64)
    np.testing.assert_array_equal(uniforms(ids, seed=-1), uniforms(ids, seed=2**64 - 1))
    assert uniforms(ids, seed=-1).tolist() != uniforms(ids, seed=1).tolist()


def test_a_draw_is_splitmix64_of_the_id_and_a_key_made_of_seed_and_step() -> None:
    """Written once more, in plain integers: were it to change, batches would be others after an update."""

    def mixed(state: int) -> int:
        state = (state + 0x9E3779B97F4A7C15) % 2**64
        state = (state ^ state >> 30) * 0xBF58476D1CE4E5B9 % 2**64
        state = (state ^ state >> 27) * 0x94D049BB133111EB % 2**64
        return state ^ state >> 31

    ids = [0, 1, 12345, 2**64 - 1]
    key = mixed((mixed(7) + 3) % 2**64)
    expected = [((mixed(one ^ key) >> 12) + 0.5) / 2**52 for one in ids]
    assert uniforms(np.array(ids, np.uint64), seed=7, step=3).tolist() == expected
