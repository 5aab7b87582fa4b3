"""Frozen bins: worked values, and that every value has one bin of a name of its own."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from assayd_server.core.drift.bins import BinKind, Bins, category_bins, interval_bins

NAN, INF = np.nan, np.inf
FLOATS = st.one_of(
    st.sampled_from([NAN, INF, -INF, 0.0, -0.0, 1.0, 1.0, 1.0, 2.0, 1e-320, 1e308]), st.floats(width=64)
)
COLUMNS = npst.arrays(np.float64, st.integers(0, 60), elements=FLOATS)
modest = settings(derandomize=True, deadline=None, max_examples=60)


def test_intervals_hold_equal_shares_of_the_reference() -> None:
    bins = interval_bins(np.random.default_rng(0).permutation(1000) / 7)
    assert bins.counts(np.arange(1000) / 7).tolist() == [100] * 10 + [0]


def test_an_interval_reaches_up_to_its_point_and_with_it() -> None:
    bins = Bins(BinKind.INTERVALS, np.array([1.0, 2.0]))
    values = np.array([-INF, 1.0, np.nextafter(1, 2), 2.0, 2.5, INF, NAN])
    assert bins.assign(values).tolist() == [0, 0, 1, 1, 2, 2, 3]


def test_what_does_not_divide_evenly_differs_by_one() -> None:
    counts = interval_bins(np.arange(137.0)).counts(np.arange(137.0))
    assert counts[-1] == 0
    assert set(counts[:-1].tolist()) == {13, 14}


def test_a_constant_column_has_bins_below_it_and_above_it() -> None:
    bins = interval_bins(np.full(50, 3.5))
    assert bins.labels() == ("(-inf, 3.5)", "3.5", "(3.5, inf)", "missing")
    assert bins.counts(np.array([3.5, 3.5, -1, 4, np.nextafter(3.5, 4), NAN])).tolist() == [1, 2, 2, 1]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_smallest_and_the_largest_number_have_bins_too(dtype: type) -> None:
    ends = np.array([np.finfo(dtype).min, np.finfo(dtype).max, 0, np.finfo(dtype).smallest_subnormal], dtype)
    bins = interval_bins(ends)
    assert sorted(bins.counts(ends).tolist()) == [0] * (bins.count - 4) + [1] * 4
    assert len(set(bins.labels())) == bins.count


def test_a_column_of_few_values_has_a_bin_for_each_and_for_the_gaps() -> None:
    bins = interval_bins(np.repeat([0, 1], 30))
    assert bins.labels() == ("(-inf, 0)", "0", "(0, 1)", "1", "(1, inf)", "missing")
    assert bins.counts(np.array([0, 1, 1, 0.5, 7])).tolist() == [0, 1, 1, 2, 1, 0]


def test_a_value_that_is_most_of_a_column_has_a_bin_of_its_own() -> None:
    values = np.concatenate([np.ones(950), np.linspace(0.2, 0.9, 50)])
    bins = interval_bins(values)
    assert "1" in bins.labels()
    assert bins.counts(values)[bins.labels().index("1")] == 950


def test_a_column_that_is_all_nan_has_one_interval_for_what_may_come() -> None:
    bins = interval_bins(np.full(20, NAN))
    assert bins.labels() == ("any", "missing")
    assert bins.counts(np.array([NAN, 0, NAN])).tolist() == [1, 2]
    assert bins.counts(np.empty(0)).tolist() == [0, 0]


def test_the_most_frequent_categories_have_bins_and_the_rest_share_one() -> None:
    bins = category_bins(np.repeat([7, 3, 5, 9], [4, 9, 4, 1]), 2)
    assert bins.labels() == ("3", "5", "other", "missing")
    assert bins.counts(np.array([3, 5, 7, -1, 100])).tolist() == [1, 1, 3, 0]


def test_categories_of_floats_can_be_missing() -> None:
    bins = category_bins(np.array([0.0, 2.0, NAN, 2.0]))
    assert bins.counts(np.array([2.0, 0.0, NAN, 1.0, INF])).tolist() == [1, 1, 1 + 1, 1]


def test_categories_of_strings_can_be_missing_and_bear_any_name() -> None:
    bins = category_bins(np.array(["blue", "other", "", "blue"]))
    assert bins.labels() == ("blue", "=other", "other", "missing")
    assert bins.counts(np.array(["blue", "", "a longer name", "other"])).tolist() == [1, 1, 1, 1]


def test_a_column_without_a_category_knows_others_only() -> None:
    bins = category_bins(np.empty(0, np.int64))
    assert bins.labels() == ("other", "missing")
    assert bins.counts(np.array([4, 4])).tolist() == [2, 0]


def test_declared_categories_take_the_places_that_are_left() -> None:
    values = np.array([5, 5, 2])
    assert category_bins(values, 4, declared=np.arange(10)).labels()[:-2] == ("0", "1", "2", "5")
    assert category_bins(values, 2, declared=np.arange(10)).labels()[:-2] == ("2", "5")


def test_a_number_is_the_same_in_single_and_in_double_precision() -> None:
    bins = interval_bins(np.full(9, 0.1, np.float32))
    assert (
        bins.counts(np.array([0.1])).tolist() == bins.counts(np.array([0.1], np.float32)).tolist() == [0, 1, 0, 0]
    )
    assert bins.counts(np.array([1e300, -1e300])).tolist() == [1, 0, 1, 0]


def test_integers_and_booleans_are_numbers() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, 500).astype(np.uint8)
    assert interval_bins(pixels).counts(pixels).sum() == 500
    assert interval_bins(np.array([True, False])).counts(np.array([True, True])).tolist() == [0, 0, 0, 2, 0, 0]


def test_half_precision_is_binned_as_what_it_stands_for() -> None:
    assert interval_bins(np.float16([0.1, 0.2])).counts(np.float16([0.1, 0.3])).tolist() == [0, 1, 0, 0, 1, 0]


def test_numbers_for_a_column_of_strings_are_refused() -> None:
    with pytest.raises(ValueError, match="values are int64, the reference's are <U1"):
        category_bins(np.array(["a"])).counts(np.array([1]))
    with pytest.raises(ValueError, match="values are <U1, the reference's are float64"):
        interval_bins(np.array([1.0])).counts(np.array(["a"]))


def test_labels_have_as_many_digits_as_it_takes_to_tell_bins_apart() -> None:
    assert Bins(BinKind.INTERVALS, np.array([1 / 3, 2.0])).labels()[:2] == ("(-inf, 0.333333]", "(0.333333, 2]")
    close = Bins(BinKind.INTERVALS, np.array([0.12345678, 0.12345679])).labels()
    assert close[1] == "(0.12345678, 0.12345679]"
    assert interval_bins(np.array([1, np.nextafter(1, 2)])).labels()[1:3] == ("1", "1.0000000000000002")
    assert category_bins(np.array([0.5, 12345678.0])).labels()[:2] == ("0.5", "1.23457e+07")
    assert category_bins(np.array([2.0, 12345678.0])).labels()[:2] == ("2", "12345678")


@given(reference=COLUMNS, values=COLUMNS, bin_count=st.integers(2, 12))
@modest
def test_every_value_is_in_one_bin_and_each_bin_has_a_name(
    reference: np.ndarray, values: np.ndarray, bin_count: int
) -> None:
    bins = interval_bins(reference, bin_count)
    counts = bins.counts(values)
    assert counts.dtype == np.int64
    assert counts.sum() == len(values)
    assert counts[-1] == np.isnan(values).sum()
    assert len(set(bins.labels())) == bins.count == len(counts) <= 3 * bin_count + 2


@given(reference=COLUMNS, values=COLUMNS)
@modest
def test_counts_are_those_of_the_bins_that_values_are_assigned_to(
    reference: np.ndarray, values: np.ndarray
) -> None:
    for bins in (interval_bins(reference, 3), category_bins(reference, 3)):
        expected = np.bincount(bins.assign(values), minlength=bins.count)
        np.testing.assert_array_equal(bins.counts(values), expected)


def test_counts_of_strings_are_those_of_the_bins_that_they_are_assigned_to() -> None:
    bins = category_bins(np.array(["a", "b", "b", ""]), 2)
    values = np.array(["", "b", "c", "aa", "", "a", "b"])
    np.testing.assert_array_equal(bins.counts(values), np.bincount(bins.assign(values), minlength=bins.count))
    np.testing.assert_array_equal(bins.counts(values[:0]), [0, 0, 0, 0])


@given(reference=COLUMNS, values=COLUMNS)
@modest
def test_intervals_are_in_the_order_of_their_values(reference: np.ndarray, values: np.ndarray) -> None:
    known = np.sort(values[~np.isnan(values)])
    assert (np.diff(interval_bins(reference).assign(known)) >= 0).all()


@given(reference=COLUMNS)
@modest
def test_no_interval_holds_twice_its_share_unless_it_is_one_value(reference: np.ndarray) -> None:
    known = reference[~np.isnan(reference)]
    counts = interval_bins(reference).counts(known)
    for place in np.flatnonzero(counts > 2 * -(-len(known) // 10)):
        inside = known[interval_bins(reference).assign(known) == place]
        assert (inside == inside[0]).all()


@given(reference=npst.arrays(np.int64, st.integers(0, 40), elements=st.integers(-5, 5)))
@modest
def test_categories_hold_what_equals_them(reference: np.ndarray) -> None:
    bins = category_bins(reference, 4)
    expected = [int((reference == point).sum()) for point in bins.points]
    assert bins.counts(reference).tolist() == [*expected, len(reference) - sum(expected), 0]


@pytest.mark.parametrize(
    "bins", [interval_bins(np.arange(30.0)), category_bins(np.array(["a", "b"])), category_bins(np.arange(3))]
)
def test_bins_are_the_same_from_their_arrays(bins: Bins) -> None:
    again = Bins.from_arrays(bins.arrays())
    assert again.labels() == bins.labels()
    assert again.kind is bins.kind
    assert again.points.dtype == bins.points.dtype


@pytest.mark.parametrize("points", [np.zeros((2, 2)), np.array([1.0, 1.0]), np.array([2.0, 1.0]), np.array([NAN])])
def test_arrays_that_are_not_of_bins_are_refused(points: np.ndarray) -> None:
    with pytest.raises(ValueError, match="ascending"):
        Bins.from_arrays({"kind": np.array("intervals"), "points": points})
