"""Cells: worked values, and that none is too small and no row is lost."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assayd_server.core.drift.bins import BinKind
from assayd_server.core.drift.pooling import Cells, expected_rows_min, pool

INTERVALS, CATEGORIES = BinKind.INTERVALS, BinKind.CATEGORIES
COUNTS = st.lists(
    st.tuples(st.sampled_from([0, 0, 1, 3, 20, 500]), st.sampled_from([0, 0, 1, 4, 50])), min_size=2, max_size=20
)
modest = settings(derandomize=True, deadline=None, max_examples=80)


def cells(kind: BinKind, reference: list[int], window: list[int]) -> Cells:
    return pool(kind, np.array(reference), np.array(window))


def test_bins_that_are_frequent_enough_stay_alone_and_the_missing_one_is_rare() -> None:
    pooled = cells(INTERVALS, [100, 100, 100, 0], [10, 12, 8, 2])
    assert pooled.reference.tolist() == [100, 100, 100]
    assert pooled.window.tolist() == [10, 12, 8]
    assert (pooled.rare, pooled.has_rare) == ((0, 2), True)


def test_intervals_are_pooled_with_their_neighbours() -> None:
    pooled = cells(INTERVALS, [20, 40, 40, 100, 20, 0], [2, 4, 4, 10, 2, 0])
    assert pooled.reference.tolist() == [60, 40 + 100 + 20]
    assert pooled.window.tolist() == [6, 16]


def test_an_interval_in_which_nothing_of_the_reference_lies_is_rare_however_many_are_in_the_window() -> None:
    pooled = cells(INTERVALS, [0, 100, 0, 0], [7, 12, 8, 2])
    assert pooled.reference.tolist() == [100]
    assert pooled.rare == (0, 17)


def test_categories_are_pooled_from_the_most_frequent_down() -> None:
    pooled = cells(CATEGORIES, [30, 1000, 40, 500, 10, 20, 0], [1, 50, 2, 30, 1, 0, 0])
    assert pooled.reference.tolist() == [1000, 500, 40 + 30 + 20 + 10]
    assert pooled.window.tolist() == [50, 30, 4]
    assert pooled.has_rare


def test_the_least_frequent_categories_are_rare() -> None:
    pooled = cells(CATEGORIES, [800, 9, 1000, 1, 0], [40, 3, 50, 0, 1])
    assert pooled.reference.tolist() == [1000, 800]
    assert pooled.rare == (10, 4)


def test_a_missing_bin_that_is_frequent_is_a_cell() -> None:
    pooled = cells(INTERVALS, [100, 100, 300], [10, 12, 8])
    assert pooled.reference.tolist() == [100, 100, 300]
    assert not pooled.has_rare
    assert pooled.with_rare()[1].tolist() == [10, 12, 8]


def test_the_rare_bins_are_the_last_cell_where_there_are_some() -> None:
    reference, window = cells(INTERVALS, [100, 100, 0], [10, 12, 8]).with_rare()
    assert reference.tolist() == [100, 100, 0]
    assert window.tolist() == [10, 12, 8]


def test_a_reference_of_few_rows_has_large_cells_too() -> None:
    assert cells(INTERVALS, [4, 4, 4, 4, 0], [100, 100, 100, 100, 0]).reference.tolist() == [8, 8]


def test_an_empty_window_leaves_rare_bins_only() -> None:
    pooled = cells(INTERVALS, [100, 100, 0], [0, 0, 0])
    assert pooled.reference.tolist() == []
    assert pooled.rare == (200, 0)


@pytest.mark.parametrize(
    ("level", "window_rows", "rows"),
    [(0.05, 1000, 5), (1e-3, 1000, 5), (9e-4, 1000, 30), (1e-9, 120, 30), (1e-9, 60, 15), (1e-9, 12, 5)],
)
def test_cells_are_larger_for_a_strict_test_but_four_are_left(level: float, window_rows: int, rows: float) -> None:
    assert expected_rows_min(level, window_rows) == rows


def test_a_strict_test_of_a_small_window_still_finds_what_is_shifted() -> None:
    reference = np.array([1000] * 10 + [0])
    window = np.array([50] + [0] * 10)
    assert len(pool(INTERVALS, reference, window, rows_min=expected_rows_min(1e-9, 50)).reference) >= 3


@given(kind=st.sampled_from(BinKind), counts=COUNTS, rows_min=st.sampled_from([5, 30]))
@modest
def test_no_row_is_lost_and_no_cell_is_too_small(
    kind: BinKind, counts: list[tuple[int, int]], rows_min: int
) -> None:
    reference, window = np.array(counts).T
    pooled = pool(kind, reference, window, rows_min=rows_min)
    everything = pooled.with_rare()
    assert [part.sum() for part in everything] == [reference.sum(), window.sum()]
    share = (pooled.reference + len(counts) / 2) / (reference.sum() + len(counts) / 2)
    assert (min(reference.sum(), window.sum()) * share >= rows_min - 1e-9).all()
    if not pooled.has_rare:
        assert pooled.rare == (0, 0)


@given(kind=st.sampled_from(BinKind), counts=COUNTS, seed=st.integers(0, 99))
@modest
def test_cells_depend_on_the_window_by_its_size_only(
    kind: BinKind, counts: list[tuple[int, int]], seed: int
) -> None:
    reference, window = np.array(counts).T
    shuffled = np.random.default_rng(seed).permutation(window)
    assert pool(kind, reference, window).reference.tolist() == pool(kind, reference, shuffled).reference.tolist()
