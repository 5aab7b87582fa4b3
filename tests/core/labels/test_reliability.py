"""Calibration error by sums: values by hand, pieces, the error of all rows at once."""

import numpy as np
import pytest
from hypothesis import given, settings

from assayd_server.core.calibration import expected_calibration_error
from assayd_server.core.labels import UNKNOWN, of_labels, reliability
from core.labels.samples import random_sample, seeds


def test_the_error_of_two_bins_by_hand() -> None:
    probabilities = np.array([[[0.9, 0.1, 0]], [[0.7, 0.3, 0]], [[0.4, 0.3, 0.3]], [[0.2, 0.8, 0]]])
    found = reliability(probabilities, np.array([[0], [1], [0], [UNKNOWN]]), 2)
    assert found.counts.tolist() == [1, 2]
    assert found.right.tolist() == [1, 1]
    assert found.error == pytest.approx((abs(1 - 0.4) + abs(1 - 1.6)) / 3)


def test_labels_by_themselves_are_as_many_predictions() -> None:
    found = reliability(of_labels(np.array([[0.9, 0.2]])), np.array([[1, 1]]), 10)
    assert found.counts.sum() == 2
    assert found.error == pytest.approx((0.1 + 0.8) / 2)


def test_nothing_verified_has_no_error() -> None:
    assert np.isnan(reliability(np.full((2, 1, 2), 0.5), np.full((2, 1), UNKNOWN)).error)


def test_a_largest_probability_that_is_above_one_by_rounding_is_in_the_last_bin() -> None:
    found = reliability(np.array([[[1 + 1e-7, 0]]]), np.array([[0]]))
    assert found.counts.tolist() == [0] * 14 + [1]


def test_predictions_in_different_bins_are_not_added() -> None:
    sample = random_sample(1)
    with pytest.raises(ValueError, match="different bins"):
        _ = reliability(*sample, 10) + reliability(*sample, 15)


@given(seed=seeds)
@settings(derandomize=True, deadline=None, max_examples=100)
def test_the_error_is_that_of_all_rows_at_once(seed: int) -> None:
    probabilities, labels = random_sample(seed, unknown=False)
    expected = expected_calibration_error(probabilities[:, 0], labels[:, 0])
    assert reliability(probabilities, labels).error == pytest.approx(expected, abs=1e-9)


@given(seed=seeds)
@settings(derandomize=True, deadline=None, max_examples=60)
def test_pieces_in_any_order_add_up_to_the_whole(seed: int) -> None:
    probabilities, labels = random_sample(seed, question_count=2)
    whole = reliability(probabilities, labels)
    pieces = np.array_split(np.random.default_rng(seed).permutation(len(labels)), 3)
    one, two, three = (reliability(probabilities[piece], labels[piece]) for piece in pieces)
    together = one + (two + three)
    assert together.counts.tolist() == whole.counts.tolist()
    assert together.right.tolist() == whole.right.tolist()
    assert together.confidences.tolist() == whole.confidences.tolist()
    np.testing.assert_equal(together.error, whole.error)
