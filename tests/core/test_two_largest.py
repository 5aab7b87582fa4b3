"""The two largest of each row, against a sort, on each path of the code."""

import numpy as np
import pytest

from assayd_server.core.two_largest import FEW_ROWS_MAX, NARROW_COLUMNS_MAX, largest_by_bits, two_largest

SHAPES = [
    (1, 2),
    (3, NARROW_COLUMNS_MAX),
    (FEW_ROWS_MAX, 3),
    (FEW_ROWS_MAX + 1, 2),
    (FEW_ROWS_MAX + 1, NARROW_COLUMNS_MAX),
    (1, NARROW_COLUMNS_MAX + 1),
    (FEW_ROWS_MAX + 1, NARROW_COLUMNS_MAX + 1),
]
every_shape = pytest.mark.parametrize("shape", SHAPES, ids=str)
every_dtype = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def rows_with_ties(shape: tuple[int, int]) -> np.ndarray:
    return np.random.default_rng(0).integers(-3, 4, shape).astype(np.float64) / 4


@every_shape
@pytest.mark.parametrize("order", ["C", "F"])
def test_they_are_the_last_two_of_the_sorted_row(shape: tuple[int, int], order: str) -> None:
    rows = rows_with_ties(shape)
    first, second = two_largest(rows.copy(order=order))
    ordered = np.sort(rows, axis=1)
    np.testing.assert_array_equal(first, ordered[:, -1])
    np.testing.assert_array_equal(second, ordered[:, -2])


@every_shape
@pytest.mark.parametrize("dtype", [np.uint32, np.uint64])
def test_unsigned_integers_have_them_too(shape: tuple[int, int], dtype: type[np.unsignedinteger]) -> None:
    rows = np.random.default_rng(1).integers(0, 2**32 - 1, shape, dtype, endpoint=True)
    first, second = two_largest(rows)
    ordered = np.sort(rows, axis=1)
    assert first.dtype == second.dtype == dtype
    np.testing.assert_array_equal(first, ordered[:, -1])
    np.testing.assert_array_equal(second, ordered[:, -2])


@every_shape
def test_infinities_are_values_like_any_other(shape: tuple[int, int]) -> None:
    rows = np.full(shape, -np.inf)
    rows[:, -1] = 1
    first, second = two_largest(rows)
    assert (first == 1).all()
    assert (second == -np.inf).all()


@every_shape
@pytest.mark.parametrize("place", [0, -1])
def test_the_largest_of_a_row_with_nan_is_nan(shape: tuple[int, int], place: int) -> None:
    rows = np.ones(shape)
    rows[0, place] = np.nan
    first, _ = two_largest(rows)
    assert np.flatnonzero(np.isnan(first)).tolist() == [0]


@every_shape
def test_rows_that_are_read_only_are_left_as_they_were(shape: tuple[int, int]) -> None:
    rows = rows_with_ties(shape)
    rows.flags.writeable = False
    two_largest(rows)
    np.testing.assert_array_equal(rows, rows_with_ties(shape))


@every_shape
@every_dtype
def test_by_bits_they_are_the_same(shape: tuple[int, int], dtype: type[np.floating]) -> None:
    rows = np.random.default_rng(2).random(shape).astype(dtype)
    rows[:, 0] = np.random.default_rng(3).choice([0, 1e-40, 1, np.inf], shape[0])
    first, second = largest_by_bits(rows, 2)
    expected = two_largest(rows)
    assert first.dtype == second.dtype == dtype
    np.testing.assert_array_equal(first, expected[0])
    np.testing.assert_array_equal(second, expected[1])
    (alone,) = largest_by_bits(rows, 1)
    np.testing.assert_array_equal(alone, expected[0])


@every_dtype
@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("value", [-1.0, -0.0, -1e-40, -np.inf, np.nan, -np.nan])
def test_by_bits_there_is_nothing_where_a_value_has_a_sign_or_is_nan(value: float, count: int, dtype) -> None:
    rows = np.ones((3, 4), dtype)
    rows[1, 2] = value
    assert largest_by_bits(rows, count) == ()
