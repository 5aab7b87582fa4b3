"""Average precision: values by hand, ties, scikit-learn's."""

import numpy as np
import pytest
from hypothesis import given, settings
from sklearn.metrics import average_precision_score

from assayd_server.core.labels import (
    UNKNOWN,
    average_precision,
    average_precisions,
    mean_average_precision,
    pooled_average_precision,
    truth_of_classes,
)
from core.labels.samples import seeds


def random_truth(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """(n, 4) scores with ties and truth, of up to 60 rows; a third of it unknown."""
    random = np.random.default_rng(seed)
    shape = (int(random.integers(1, 61)), 4)
    scores = random.integers(10, size=shape) / 10
    return scores, random.choice([0, 1, UNKNOWN], size=shape).astype(np.int8)


def test_worked_values() -> None:
    scores, positives = np.array([0.9, 0.8, 0.7, 0.6]), np.array([True, False, True, False])
    assert average_precision(scores, positives) == pytest.approx((1 + 2 / 3) / 2)
    assert average_precision(-scores, positives) == pytest.approx((1 / 2 + 2 / 4) / 2)


def test_rows_of_the_same_score_are_taken_together() -> None:
    positives = np.array([True, False, False, True])
    assert average_precision(np.full(4, 0.5), positives) == 0.5
    assert average_precision(np.array([0.5, 0.5, 0.1, 0.1]), positives) == pytest.approx((1 / 2 + 2 / 4) / 2)


def test_without_a_positive_row_there_is_none() -> None:
    assert np.isnan(average_precision(np.array([0.5]), np.array([False])))
    assert np.isnan(average_precision(np.empty(0), np.empty(0, bool)))
    assert np.isnan(mean_average_precision(np.full(3, np.nan)))


def test_the_mean_is_over_classes_with_a_positive_row() -> None:
    assert mean_average_precision(np.array([0.5, np.nan, 1.0])) == 0.75


def test_annotations_that_are_not_verified_are_left_out_and_are_no_negatives() -> None:
    scores = np.array([[0.9, 0.2], [0.8, 0.4], [0.7, 0.3]])
    truth = np.array([[UNKNOWN, 1], [1, UNKNOWN], [0, 0]])
    assert average_precisions(scores, truth).tolist() == [1, 0.5]
    assert pooled_average_precision(scores, truth) == pytest.approx((1 + 2 / 4) / 2)


def test_a_class_is_told_from_the_rest_in_rows_with_a_label() -> None:
    truth = truth_of_classes(np.array([1, UNKNOWN, 0]), 2)
    assert truth.tolist() == [[0, 1], [UNKNOWN, UNKNOWN], [1, 0]]
    assert truth.dtype == np.int8


@given(seed=seeds)
@settings(derandomize=True, deadline=None, max_examples=100)
def test_values_are_those_of_scikit_learn_whatever_the_order_of_rows(seed: int) -> None:
    scores, truth = random_truth(seed)
    order = np.random.default_rng(seed).permutation(len(scores))
    for column, own in zip(scores.T, truth.T, strict=True):
        known = own != UNKNOWN
        positives = own[known] == 1
        if positives.any():
            found = average_precision(column[known], positives)
            assert found == pytest.approx(average_precision_score(positives, column[known]))
    np.testing.assert_allclose(average_precisions(scores[order], truth[order]), average_precisions(scores, truth))


def test_the_pooled_and_the_mean_are_scikit_learns_micro_and_macro_averages() -> None:
    random = np.random.default_rng(1)
    scores, truth = random.random((200, 5)), random.integers(2, size=(200, 5))
    micro, macro = (average_precision_score(truth, scores, average=kind) for kind in ("micro", "macro"))
    assert pooled_average_precision(scores, truth) == pytest.approx(micro)
    assert mean_average_precision(average_precisions(scores, truth)) == pytest.approx(macro)
