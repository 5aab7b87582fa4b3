"""Rows laid out by columns: the same numbers, and nothing copied where nothing changes."""

import numpy as np
import pytest

from assayd_server.core.by_columns import by_columns


@pytest.mark.parametrize("shape", [(0, 3), (1, 3), (7, 1), (7, 50)])
def test_narrow_rows_have_each_column_in_one_piece(shape: tuple[int, int]) -> None:
    rows = np.random.default_rng(0).random(shape, np.float32)
    laid_out = by_columns(rows)
    assert laid_out.flags.f_contiguous
    np.testing.assert_array_equal(laid_out, rows)
    assert by_columns(laid_out) is laid_out


def test_wide_rows_stay_as_they_are() -> None:
    rows = np.zeros((3, 51))
    assert by_columns(rows) is rows
