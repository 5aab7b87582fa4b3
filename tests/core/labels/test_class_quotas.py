"""A number of rows divided over classes: values by hand, and what the method of largest remainders promises."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assayd_server.core.labels import COUNT_MAX, quotas_of_prior

weights = st.lists(st.integers(0, 1000), min_size=2, max_size=40).filter(any)


@pytest.mark.parametrize(
    ("prior", "count", "quotas"),
    [
        ([0.5, 0.3, 0.2], 10, [5, 3, 2]),
        ([0.5, 0.3, 0.2], 1, [1, 0, 0]),
        ([0.47, 0.32, 0.21], 10, [5, 3, 2]),  # 4.7, 3.2, 2.1
        ([0.25, 0.25, 0.25, 0.25], 6, [2, 2, 1, 1]),  # of equals the lower classes
        ([1.0, 0.0], 7, [7, 0]),
        ([0.1] * 10, 100, [10] * 10),
    ],
)
def test_the_whole_parts_go_first_and_then_the_largest_remainders(
    prior: list[float], count: int, quotas: list[int]
) -> None:
    assert quotas_of_prior(np.array(prior), count).tolist() == quotas


@given(weights=weights, count=st.integers(0, COUNT_MAX), dtype=st.sampled_from([np.float32, np.float64]))
@settings(derandomize=True, deadline=None, max_examples=100)
def test_quotas_sum_to_the_count_and_none_is_a_row_off_its_share(
    weights: list[int], count: int, dtype: type
) -> None:
    prior = (np.array(weights) / sum(weights)).astype(dtype)
    quotas = quotas_of_prior(prior, count)
    exact = prior.astype(np.float64) / prior.sum(dtype=np.float64) * count
    assert quotas.sum() == count
    assert (np.abs(quotas - exact) < 1 + 1e-5).all()
    assert not quotas[prior == 0].any()


def test_a_class_of_a_hundred_thousand_gets_its_share_of_the_largest_count() -> None:
    prior = np.random.default_rng(0).dirichlet(np.full(100_000, 0.1))
    quotas = quotas_of_prior(prior, COUNT_MAX)
    assert quotas.sum() == COUNT_MAX
    assert np.abs(quotas - prior * COUNT_MAX).max() < 1 + 1e-5
