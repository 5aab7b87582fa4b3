"""Which rows a model may label: values by hand, a direct computation one row at a time, and what always holds."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assayd_server.core.labels import REASONS, UNKNOWN, row_reasons, within_quotas
from core.labels.samples import seeds

CLASSES = 4
NOBODY = np.zeros(CLASSES)


def names(found: np.ndarray) -> list[str]:
    return [REASONS[position].value for position in found]


def sample(seed: int, row_count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Predictions, a tenth of them unknown and none of class 2, confidences of few values, and p-values."""
    random = np.random.default_rng(seed)
    predictions = random.choice([0, 1, 3, UNKNOWN], row_count, p=[0.5, 0.3, 0.1, 0.1])
    confidences = np.where(predictions == UNKNOWN, np.nan, random.integers(3, 11, row_count) / 10)
    p_values = random.integers(1, 11, row_count) / 10
    p_values[random.random(row_count) < 0.05] = np.nan
    return predictions, confidences, p_values


def one_by_one(
    predictions: np.ndarray,
    confidences: np.ndarray,
    *,
    confidence_min: np.ndarray,
    quotas: np.ndarray,
    p_values: np.ndarray,
    alpha: float,
) -> list[str]:
    """The same, as one would do it with a pencil: the best row of all first."""
    found, left = [""] * len(predictions), list(quotas)
    best_first = sorted(range(len(predictions)), key=lambda row: (-np.nan_to_num(confidences[row]), row))
    for row in best_first:
        label = predictions[row]
        if label == UNKNOWN or np.isnan(p_values[row]):
            found[row] = "invalid"
        elif p_values[row] <= alpha:
            found[row] = "novel"
        elif confidences[row] < confidence_min[label]:
            found[row] = "below_threshold"
        elif left[label] == 0:
            found[row] = "quota_full"
        else:
            left[label] -= 1
            found[row] = "accepted"
    return found


def test_each_class_has_a_threshold_of_its_own() -> None:
    predictions, confidences = np.array([0, 0, 1, 1]), np.array([0.8, 0.7, 0.8, 0.7])
    found = row_reasons(predictions, confidences, confidence_min=np.array([0.75, 0.65, 0, 0]))
    assert names(found) == ["accepted", "below_threshold", "accepted", "accepted"]


def test_a_quota_goes_to_the_most_confident_and_of_equals_to_the_earlier() -> None:
    predictions, confidences = np.array([1, 1, 1, 1, 0]), np.array([0.6, 0.9, 0.6, 0.6, 0.3])
    found = row_reasons(predictions, confidences, confidence_min=NOBODY, quotas=np.array([9, 3, 0, 0]))
    assert names(found) == ["accepted", "accepted", "accepted", "quota_full", "accepted"]


def test_a_row_without_a_class_is_invalid_whatever_else_it_is() -> None:
    found = row_reasons(
        np.array([UNKNOWN, 0, 0]),
        np.array([np.nan, 0.9, 0.9]),
        confidence_min=NOBODY,
        p_values=np.array([0.01, np.nan, 0.5]),
        alpha=0.05,
    )
    assert names(found) == ["invalid", "invalid", "accepted"]


def test_novel_is_what_has_a_p_value_of_at_most_alpha_however_confident_the_model_is() -> None:
    p_values = np.array([0.04, 0.05, 0.06])
    found = row_reasons(np.zeros(3, int), np.ones(3), confidence_min=NOBODY, p_values=p_values, alpha=0.05)
    assert names(found) == ["novel", "novel", "accepted"]


def test_what_is_left_out_takes_no_place_of_a_quota() -> None:
    confidences, p_values = np.array([0.9, 0.8, 0.7]), np.array([0.01, 0.9, 0.9])
    options: dict[str, Any] = {"confidence_min": NOBODY, "quotas": np.array([1, 0, 0, 0])}
    found = row_reasons(np.zeros(3, int), confidences, p_values=p_values, alpha=0.05, **options)
    assert names(found) == ["novel", "accepted", "quota_full"]


@pytest.mark.parametrize("value", [0.95, 0.1, 1 / 3, 1.0])
def test_a_confidence_in_single_precision_reaches_the_threshold_of_the_same_digits(value: float) -> None:
    threshold = np.full(CLASSES, value)
    for dtype in (np.float32, np.float64):
        found = row_reasons(np.array([0]), np.array([value], dtype), confidence_min=threshold)
        assert names(found) == ["accepted"]


def test_of_no_rows_none_has_a_label() -> None:
    none = row_reasons(np.zeros(0, int), np.zeros(0), confidence_min=NOBODY, quotas=np.ones(CLASSES, int))
    assert none.shape == (0,)


@given(seed=seeds, row_count=st.integers(0, 60), quota_max=st.integers(0, 12), alpha=st.sampled_from([0.1, 0.35]))
@settings(derandomize=True, deadline=None, max_examples=100)
def test_rows_are_decided_as_by_hand(seed: int, row_count: int, quota_max: int, alpha: float) -> None:
    random = np.random.default_rng(seed)
    predictions, confidences, p_values = sample(seed, row_count)
    confidence_min = random.integers(0, 11, CLASSES) / 10
    quotas = random.integers(0, quota_max + 1, CLASSES)
    before = predictions.copy(), confidences.copy(), p_values.copy()
    options: dict[str, Any] = {"quotas": quotas, "p_values": p_values, "alpha": alpha}
    found = row_reasons(predictions, confidences, confidence_min=confidence_min, **options)
    assert names(found) == one_by_one(predictions, confidences, confidence_min=confidence_min, **options)
    for array, kept in zip((predictions, confidences, p_values), before, strict=True):
        np.testing.assert_array_equal(array, kept)


@given(seed=seeds, row_count=st.integers(0, 60), quota_max=st.integers(0, 12))
@settings(derandomize=True, deadline=None, max_examples=100)
def test_no_class_gets_more_than_its_quota_and_none_less_than_there_are_rows_for(
    seed: int, row_count: int, quota_max: int
) -> None:
    predictions, confidences, _ = sample(seed, row_count)
    quotas = np.random.default_rng(seed).integers(0, quota_max + 1, CLASSES)
    found = row_reasons(predictions, confidences, confidence_min=NOBODY, quotas=quotas)
    accepted = np.bincount(predictions[found == 0], minlength=CLASSES)
    there = np.bincount(predictions[predictions >= 0], minlength=CLASSES)
    assert accepted.tolist() == np.minimum(quotas, there).tolist()


@given(seed=seeds, row_count=st.integers(1, 60), quota=st.integers(0, 8))
@settings(derandomize=True, deadline=None, max_examples=100)
def test_the_best_of_the_best_of_parts_are_the_best_of_all(seed: int, row_count: int, quota: int) -> None:
    random = np.random.default_rng(seed)
    classes, confidences = random.integers(CLASSES, size=row_count), random.integers(1, 5, row_count) / 4
    quotas, cut = np.full(CLASSES, quota), int(random.integers(row_count + 1))
    parts = [within_quotas(classes[place], confidences[place], quotas) for place in (slice(cut), slice(cut, None))]
    kept = np.flatnonzero(np.concatenate(parts))
    merged = kept[within_quotas(classes[kept], confidences[kept], quotas)]
    assert merged.tolist() == np.flatnonzero(within_quotas(classes, confidences, quotas)).tolist()


@pytest.mark.parametrize("threshold", [0.3, 0.5, 0.7, 0.9])
def test_labels_above_a_threshold_are_as_often_right_as_they_are_confident_where_probabilities_are_calibrated(
    threshold: float,
) -> None:
    random = np.random.default_rng(5)
    probabilities = random.dirichlet(np.full(6, 0.1), 40_000)
    truth = (probabilities.cumsum(axis=1) > random.random((40_000, 1))).argmax(axis=1)  # drawn by just these
    predictions, confidences = probabilities.argmax(axis=1), probabilities.max(axis=1)
    found = row_reasons(predictions, confidences, confidence_min=np.full(6, threshold)) == 0
    right = (predictions == truth)[found].mean()
    assert found.mean() > 0.15
    assert abs(right - confidences[found].mean()) < 0.02
    assert right > threshold
