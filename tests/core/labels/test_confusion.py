"""Accuracy, precision, recall and F1: values by hand, pieces, scikit-learn's."""

import numpy as np
import pytest
from hypothesis import given, settings
from sklearn.metrics import accuracy_score, multilabel_confusion_matrix, precision_recall_fscore_support
from sklearn.metrics import confusion_matrix as sklearns_matrix

from assayd_server.core.labels import UNKNOWN, accuracy, confusion_matrix, f1, precision, recall
from core.labels.samples import random_sample, seeds

WORKED = np.array([[[3, 1, 0], [2, 4, 0], [0, 0, 0]]])


def test_rows_are_counted_by_label_and_prediction() -> None:
    predicted, labels = np.array([[0], [1], [1], [2]]), np.array([[0], [0], [UNKNOWN], [2]])
    assert confusion_matrix(predicted, labels, 3).tolist() == [[[1, 1, 0], [0, 0, 0], [0, 0, 1]]]


def test_worked_values() -> None:
    assert accuracy(WORKED) == 0.7
    np.testing.assert_allclose(precision(WORKED), [[0.6, 0.8, np.nan]])
    np.testing.assert_allclose(recall(WORKED), [[0.75, 4 / 6, np.nan]])
    np.testing.assert_allclose(f1(WORKED), [[6 / 9, 8 / 11, np.nan]])


def test_a_class_that_is_never_predicted_has_no_precision_and_an_f1_of_zero() -> None:
    never = np.array([[[3, 0], [2, 0]]])
    np.testing.assert_array_equal(precision(never), [[0.6, np.nan]])
    assert f1(never)[0, 1] == recall(never)[0, 1] == 0


def test_nothing_verified_has_no_accuracy() -> None:
    counts = confusion_matrix(np.zeros((3, 1), int), np.full((3, 1), UNKNOWN), 2)
    assert not counts.any()
    assert np.isnan(accuracy(counts))


@pytest.mark.parametrize("seed", range(5))
def test_shares_of_classes_are_those_of_scikit_learn(seed: int) -> None:
    probabilities, labels = random_sample(seed)
    predicted, known = probabilities.argmax(axis=2), labels[:, 0] != UNKNOWN
    pair = labels[known, 0], predicted[known, 0]
    counts = confusion_matrix(predicted, labels, 3)
    np.testing.assert_array_equal(counts[0], sklearns_matrix(*pair, labels=range(3)))
    assert accuracy(counts) == pytest.approx(accuracy_score(*pair))
    expected = precision_recall_fscore_support(*pair, labels=range(3), zero_division=np.nan)
    for found, of_sklearn in zip((precision(counts), recall(counts), f1(counts)), expected[:3], strict=True):
        np.testing.assert_allclose(found[0], of_sklearn)


def test_counts_of_labels_by_themselves_are_those_of_scikit_learn() -> None:
    random = np.random.default_rng(6)
    predicted, labels = random.integers(2, size=(2, 200, 4))
    expected = multilabel_confusion_matrix(labels, predicted)
    np.testing.assert_array_equal(confusion_matrix(predicted, labels, 2), expected)


@given(seed=seeds)
@settings(derandomize=True, deadline=None, max_examples=60)
def test_pieces_in_any_order_add_up_to_the_whole(seed: int) -> None:
    probabilities, labels = random_sample(seed, question_count=2)
    predicted = probabilities.argmax(axis=2)
    pieces = np.array_split(np.random.default_rng(seed).permutation(len(labels)), 3)
    parts = [confusion_matrix(predicted[piece], labels[piece], 3) for piece in pieces]
    np.testing.assert_array_equal(sum(parts), confusion_matrix(predicted, labels, 3))
