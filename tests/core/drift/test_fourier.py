"""The discrepancy of embeddings: the kernel that it stands for, permutations, and sums that add up."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assayd_server.core.drift.fourier import (
    FEATURE_SCALE,
    FeatureSums,
    FourierFeatures,
    fit_fourier_features,
    mmd_p_value,
    mmd_squared,
)

NAN = np.nan


def rows_of(count: int, width: int = 6, *, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 1, (count, width))


def sums_of(features: FourierFeatures, rows: np.ndarray) -> FeatureSums:
    return FeatureSums(len(rows), features.sums(rows))


def squared_distances(rows: np.ndarray, others: np.ndarray) -> np.ndarray:
    return ((rows[:, None] - others[None]) ** 2).sum(axis=2)


REFERENCE = rows_of(3000)
FEATURES = fit_fourier_features(REFERENCE)


def test_products_of_features_are_the_gaussian_kernel_at_the_median_distance() -> None:
    rows = rows_of(40, seed=1)
    products = []
    for seed in range(10):
        features = fit_fourier_features(REFERENCE, seed=seed)
        each = np.array([features.sums(row[None]) for row in rows]) / FEATURE_SCALE
        products.append(each @ each.T / 128)
    spaced = REFERENCE[::6]
    median = np.median(squared_distances(spaced, spaced)[np.triu_indices(len(spaced), 1)])
    expected = np.exp(-squared_distances(rows, rows) / (2 * median))
    np.testing.assert_allclose(np.mean(products, axis=0), expected, atol=0.09)


def test_the_discrepancy_is_that_of_the_features_one_by_one() -> None:
    first, second = rows_of(30, seed=1), rows_of(20, seed=2) + 0.3
    phases = [rows @ FEATURES.frequencies for rows in (first, second)]
    means = [np.concatenate([np.cos(phase), np.sin(phase)], axis=1).mean(axis=0) for phase in phases]
    expected = ((means[0] - means[1]) ** 2).sum() / (FEATURES.count / 2)
    assert mmd_squared(sums_of(FEATURES, first), sums_of(FEATURES, second)) == pytest.approx(expected, rel=1e-4)


def test_the_discrepancy_is_near_that_of_the_kernel() -> None:
    features = fit_fourier_features(REFERENCE, frequency_count=256)
    window = rows_of(400, seed=3) + 0.4
    spaced = REFERENCE[::6]
    median = np.median(squared_distances(spaced, spaced)[np.triu_indices(len(spaced), 1)])
    pairs = [(spaced, spaced), (window, window), (spaced, window)]
    means = [np.exp(-squared_distances(*pair) / (2 * median)).mean() for pair in pairs]
    expected = means[0] + means[1] - 2 * means[2]
    assert mmd_squared(sums_of(features, spaced), sums_of(features, window)) == pytest.approx(expected, rel=0.15)


@pytest.mark.parametrize("shift", [0.0, 0.1, 0.15])
def test_the_p_value_is_that_of_permutations(shift: float) -> None:
    rng = np.random.default_rng(7)
    reference, window = REFERENCE[:900], rows_of(300, seed=4) + shift
    features = fit_fourier_features(reference)
    rows = np.concatenate([reference, window])
    each = np.array([features.sums(row[None]) for row in rows]) / FEATURE_SCALE / math.sqrt(features.count / 2)
    total, found = each.sum(axis=0), mmd_squared(sums_of(features, reference), sums_of(features, window))
    drawn = np.array([each[rng.permutation(1200)[:300]].sum(axis=0) for _ in range(2000)])
    permuted = (((total - drawn) / 900 - drawn / 300) ** 2).sum(axis=1)
    expected = (1 + (permuted >= found).sum()) / 2001
    p_value = mmd_p_value(features, sums_of(features, reference), sums_of(features, window))
    assert p_value == pytest.approx(expected, abs=0.03)


@pytest.mark.parametrize("window_rows", [50, 200])
def test_windows_like_the_reference_are_rejected_as_often_as_is_said(window_rows: int) -> None:
    reference = rows_of(20_000, seed=9)
    features = fit_fourier_features(reference)
    whole = sums_of(features, reference)
    windows = [sums_of(features, rows_of(window_rows, seed=1000 + seed)) for seed in range(600)]
    rate = np.mean([mmd_p_value(features, whole, window) <= 0.05 for window in windows])
    assert abs(rate - 0.05) < 0.025


def test_rows_without_coordinates_move_the_mean() -> None:
    window = rows_of(400, seed=5)
    window[:100] = NAN
    sums = sums_of(FEATURES, window)
    assert sums.sums.tolist() == FEATURES.sums(window[100:]).tolist()
    assert mmd_squared(sums_of(FEATURES, REFERENCE), sums) > 0.01
    assert mmd_p_value(FEATURES, sums_of(FEATURES, REFERENCE), sums) < 1e-6


def test_a_window_without_any_coordinates_is_beyond_doubt() -> None:
    nothing = sums_of(FEATURES, np.full((200, 6), NAN))
    assert 0.1 < mmd_squared(sums_of(FEATURES, REFERENCE), nothing) < 1
    assert mmd_p_value(FEATURES, sums_of(FEATURES, REFERENCE), nothing) < 1e-30


@given(cuts=st.lists(st.integers(0, 700), max_size=5), seed=st.integers(0, 50))
@settings(derandomize=True, deadline=None, max_examples=40)
def test_sums_of_parts_add_up_to_that_of_the_whole(cuts: list[int], seed: int) -> None:
    rows = 3 * rows_of(700, seed=seed)
    rows[::50] = NAN
    parts = np.split(np.random.default_rng(seed).permutation(rows), sorted(cuts))
    assert sum(FEATURES.sums(part) for part in parts).tolist() == FEATURES.sums(rows).tolist()


@pytest.mark.parametrize(
    "reference", [np.ones((1, 3)), np.ones((50, 3)), np.full((5, 3), NAN), np.empty((4, 0))],
    ids=["one row", "all the same", "no coordinates", "no width"],
)  # fmt: skip
def test_a_reference_that_never_varies_has_no_drift_from_itself_and_all_from_others(reference: np.ndarray) -> None:
    features = fit_fourier_features(reference)
    whole = sums_of(features, reference)
    assert mmd_p_value(features, whole, whole) == 1
    if reference.size and not np.isnan(reference).any():
        other = sums_of(features, reference + 1)
        assert mmd_squared(whole, other) > 0.01
        assert mmd_p_value(features, whole, other) < 1e-9


def test_an_empty_window_adds_nothing() -> None:
    assert FEATURES.sums(np.empty((0, 6))).tolist() == [0] * 256


def test_the_seed_and_nothing_else_chooses_the_frequencies() -> None:
    again, other = fit_fourier_features(REFERENCE), fit_fourier_features(REFERENCE, seed=1)
    assert again.frequencies.tobytes() == FEATURES.frequencies.tobytes()
    assert not np.isin(other.frequencies, FEATURES.frequencies).any()


def test_features_are_the_same_from_their_arrays() -> None:
    again = FourierFeatures.from_arrays(FEATURES.arrays())
    assert again.sums(REFERENCE).tolist() == FEATURES.sums(REFERENCE).tolist()
    assert again.null.tolist() == FEATURES.null.tolist()


@pytest.mark.parametrize("changed", [{"null": np.zeros(3)}, {"frequencies": np.zeros(4)}])
def test_arrays_that_do_not_fit_each_other_are_refused(changed: dict[str, np.ndarray]) -> None:
    with pytest.raises(ValueError, match="do not fit"):
        FourierFeatures.from_arrays({**FEATURES.arrays(), **changed})
