"""Label quality: values by hand, limits, cleanlab's scores."""

import math

import numpy as np
import pytest
from cleanlab.multilabel_classification.rank import get_label_quality_scores_per_class
from cleanlab.rank import get_label_quality_scores
from hypothesis import given, settings

from assayd_server.core.labels import UNKNOWN, Quality, label_quality, of_classes, of_labels
from core.labels.samples import noisy, random_sample, seeds


def quality_of(row: list[float], label: int, quality: Quality) -> float:
    return float(label_quality(np.array([[row]]), np.array([[label]]), quality)[0, 0])


def test_self_confidence_is_the_probability_of_the_label() -> None:
    assert quality_of([0.2, 0.7, 0.1], 0, Quality.SELF_CONFIDENCE) == 0.2


@pytest.mark.parametrize(("label", "expected"), [(0, 0.25), (1, 0.75), (2, 0.2)])
def test_the_margin_is_to_the_most_probable_other_answer(label: int, expected: float) -> None:
    assert quality_of([0.2, 0.7, 0.1], label, Quality.NORMALIZED_MARGIN) == pytest.approx(expected)


def test_the_entropy_of_a_row_that_says_nothing_is_weighted_by_the_number_of_answers() -> None:
    expected = math.log(1 + 4) / 4  # entropy 1, probability 1/4
    assert quality_of([0.25] * 4, 2, Quality.CONFIDENCE_WEIGHTED_ENTROPY) == pytest.approx(expected)


def test_the_entropy_by_hand() -> None:
    h = -(0.2 * math.log(0.2) + 0.8 * math.log(0.8)) / math.log(2) / 0.2
    assert quality_of([0.2, 0.8], 0, Quality.CONFIDENCE_WEIGHTED_ENTROPY) == pytest.approx(math.log(1 + h) / h)


@pytest.mark.parametrize("quality", Quality)
def test_a_certain_label_is_best_and_an_impossible_one_worst(quality: Quality) -> None:
    assert quality_of([0.0, 1.0, 0.0], 1, quality) == 1
    assert quality_of([0.0, 1.0, 0.0], 0, quality) == 0


@pytest.mark.parametrize("tiny", [1e-12, 1e-200, 5e-324])
def test_the_entropy_reaches_its_limits_without_a_jump(tiny: float) -> None:
    assert quality_of([1 - tiny, tiny], 0, Quality.CONFIDENCE_WEIGHTED_ENTROPY) == pytest.approx(1, abs=1e-9)
    assert quality_of([1 - tiny, tiny], 1, Quality.CONFIDENCE_WEIGHTED_ENTROPY) < 0.15


def test_a_largest_probability_that_is_above_one_by_rounding_counts_as_certain() -> None:
    row = np.array([[[np.nextafter(np.float32(1), np.float32(2)), 0]]], np.float32)
    assert label_quality(row, np.array([[0]]), Quality.CONFIDENCE_WEIGHTED_ENTROPY).tolist() == [[1]]


@pytest.mark.parametrize("quality", Quality)
def test_a_label_that_is_not_known_has_no_quality(quality: Quality) -> None:
    probabilities, labels = random_sample(1, question_count=3)
    found = label_quality(probabilities, labels, quality)
    np.testing.assert_array_equal(np.isnan(found), labels == UNKNOWN)


@pytest.mark.parametrize("quality", Quality)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_scores_are_those_of_cleanlab(quality: Quality, dtype: type) -> None:
    probabilities, labels, _ = noisy(3000, 10, noise=0.2)  # more than one block
    probabilities = probabilities.astype(dtype)
    expected = get_label_quality_scores(labels[:, 0], probabilities[:, 0], method=quality.value)
    assert probabilities.min() > 1e-6  # below, cleanlab clips
    np.testing.assert_allclose(label_quality(probabilities, labels, quality)[:, 0], expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("quality", Quality)
def test_scores_of_labels_by_themselves_are_those_of_cleanlab(quality: Quality) -> None:
    random = np.random.default_rng(2)
    probabilities, labels = random.uniform(0.001, 0.999, (500, 4)), random.integers(2, size=(500, 4))
    given_lists = [np.flatnonzero(row).tolist() for row in labels]
    expected = get_label_quality_scores_per_class(given_lists, probabilities, method=quality.value)
    np.testing.assert_allclose(label_quality(of_labels(probabilities), labels, quality), expected, atol=1e-6)


@given(seed=seeds)
@settings(derandomize=True, deadline=None, max_examples=60)
def test_the_order_of_rows_and_of_answers_does_not_matter_and_scores_are_bounded(seed: int) -> None:
    probabilities, labels = random_sample(seed, question_count=2, answer_count=4, unknown=False)
    before, random = (probabilities.copy(), labels.copy()), np.random.default_rng(seed)
    rows, answers = random.permutation(len(labels)), random.permutation(4)
    moved = probabilities[rows][:, :, answers], np.argsort(answers)[labels[rows]]
    for quality in Quality:
        found = label_quality(probabilities, labels, quality)
        assert ((found >= 0) & (found <= 1)).all()
        np.testing.assert_allclose(label_quality(*moved, quality), found[rows], rtol=1e-12)
    assert (probabilities == before[0]).all()
    assert (labels == before[1]).all()


def test_of_two_answers_the_margin_is_the_confidence() -> None:
    probabilities, labels = random_sample(3, answer_count=2, unknown=False)
    margin = label_quality(probabilities, labels, Quality.NORMALIZED_MARGIN)
    np.testing.assert_allclose(margin, label_quality(probabilities, labels, Quality.SELF_CONFIDENCE))


def test_classes_are_one_question_and_labels_a_question_each() -> None:
    probabilities = np.array([[0.25, 0.75]], np.float32)
    assert of_classes(probabilities).tolist() == [[[0.25, 0.75]]]
    assert of_labels(probabilities).tolist() == [[[0.75, 0.25], [0.25, 0.75]]]
    assert of_labels(probabilities).dtype == np.float32
