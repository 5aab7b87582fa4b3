"""Shrunk covariances: scikit-learn's Ledoit and Wolf, and rows too few for a covariance of their own."""

import numpy as np
import pytest
from sklearn.covariance import ledoit_wolf

from assayd_server.core.novelty.shrinkage import moments, shrunk_covariance


@pytest.mark.parametrize("shape", [(2, 1), (3, 40), (50, 8), (5000, 30)])
def test_covariance_and_shrinkage_are_those_of_scikit_learn(shape: tuple[int, int]) -> None:
    random = np.random.default_rng(0)
    rows = random.normal(size=shape) @ random.normal(size=(shape[1], shape[1]))
    expected, shrinkage = ledoit_wolf(rows, assume_centered=True)
    found, own = shrunk_covariance(moments(rows))
    assert own == pytest.approx(shrinkage, abs=1e-12)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)


def test_fewer_rows_than_dimensions_give_a_covariance_that_can_be_inverted() -> None:
    covariance, shrinkage = shrunk_covariance(moments(np.random.default_rng(1).normal(size=(5, 60))))
    assert 0 < shrinkage <= 1
    assert np.linalg.eigvalsh(covariance).min() > 0


def test_with_more_rows_less_is_shrunk() -> None:
    random = np.random.default_rng(2)
    shrinkages = [
        shrunk_covariance(moments(random.normal(size=(count, 4)) * [1, 2, 3, 4]))[1]
        for count in (20, 2000, 200_000)
    ]
    assert shrinkages == sorted(shrinkages, reverse=True)
    assert shrinkages[-1] < 1e-3


def test_a_single_row_is_shrunk_no_further_than_to_a_sphere() -> None:
    covariance, shrinkage = shrunk_covariance(moments(np.array([[3.0, 4.0]])))
    assert 0 <= shrinkage <= 1
    assert np.trace(covariance) == pytest.approx(25)


def test_rows_of_zeros_have_a_covariance_of_zeros() -> None:
    covariance, shrinkage = shrunk_covariance(moments(np.zeros((4, 3))))
    assert covariance.tolist() == [[0] * 3] * 3
    assert shrinkage == 0
