"""Sums of rows and of their products: exact to rounding, for every length."""

import math

import numpy as np
import pytest

from assayd_server.core.row_sums import LENGTHS, row_dots, row_sums

every_length = pytest.mark.parametrize("length", [1, 2, 50, 51, 1000, 4096, 4097, 50_257])
every_dtype = pytest.mark.parametrize("dtype", [np.float32, np.float64])


@every_length
@every_dtype
def test_sums_agree_with_exact_ones(length: int, dtype: type[np.floating]) -> None:
    rows = np.stack([np.full(length, 1 / length), np.random.default_rng(length).random(length)]).astype(dtype)
    expected = [math.fsum(row) for row in rows.tolist()]
    np.testing.assert_allclose(row_sums(rows), expected, rtol=16 * np.finfo(dtype).eps)
    assert row_sums(rows).dtype == dtype


@every_length
@every_dtype
def test_sums_of_products_agree_with_exact_ones(length: int, dtype: type[np.floating]) -> None:
    left = np.stack([np.full(length, 1 / length), np.random.default_rng(length).random(length)]).astype(dtype)
    right = np.log(left)
    expected = [math.fsum(np.multiply(*pair, dtype=np.float64)) for pair in zip(left, right, strict=True)]
    np.testing.assert_allclose(row_dots(left, right), expected, rtol=16 * np.finfo(dtype).eps, atol=1e-30)


@pytest.mark.parametrize("length", [LENGTHS[0], 1000, LENGTHS[-1]])
def test_a_row_has_the_same_sum_alone_as_among_others(length: int) -> None:
    rows = np.random.default_rng(0).random((20, length), np.float32)
    alone = [row_sums(rows[index : index + 1])[0] for index in range(20)]
    products = [row_dots(rows[index : index + 1], rows[index : index + 1])[0] for index in range(20)]
    np.testing.assert_array_equal(row_sums(rows), alone)
    np.testing.assert_array_equal(row_dots(rows, rows), products)


@pytest.mark.parametrize("length", [3, 100])
def test_no_rows_have_no_sums(length: int) -> None:
    none = np.empty((0, length))
    assert row_sums(none).shape == row_dots(none, none).shape == (0,)
