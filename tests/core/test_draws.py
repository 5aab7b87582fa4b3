"""Random numbers that belong to an id and a step: distributions, independence."""

import numpy as np
import pytest
from scipy import stats

from assayd_server.core.draws import exponentials, uniforms

COUNT = 50_000


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
