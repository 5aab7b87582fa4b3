"""Noise: values by hand, a planted matrix, cleanlab's estimate."""

import numpy as np
import pytest
from cleanlab.count import compute_confident_joint, estimate_latent
from hypothesis import given, settings

from assayd_server.core.labels import (
    confident_answers,
    given_labels,
    joint_counts,
    label_joint,
    noise_matrix,
    noise_shares,
)
from core.labels.samples import noisy, random_sample, seeds


def joint_of(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    known = given_labels(probabilities, labels)
    confident = confident_answers(probabilities, known.thresholds)
    return label_joint(joint_counts(labels, confident, probabilities.shape[2]), known.counts)


def test_worked_values() -> None:
    distribution = label_joint(np.array([[[3, 1], [2, 2]]]), np.array([[60, 40]]))
    np.testing.assert_allclose(distribution, [[[0.45, 0.15], [0.2, 0.2]]])
    np.testing.assert_allclose(
        noise_matrix(distribution), [[[0.45 / 0.65, 0.15 / 0.35], [0.2 / 0.65, 0.2 / 0.35]]]
    )
    np.testing.assert_allclose(noise_shares(distribution), [0.35])


def test_labels_of_which_no_row_is_confident_count_as_right() -> None:
    distribution = label_joint(np.zeros((1, 2, 2), np.int64), np.array([[30, 10]]))
    np.testing.assert_allclose(distribution, [[[0.75, 0], [0, 0.25]]])
    assert noise_shares(distribution).tolist() == [0]


def test_an_answer_that_no_row_is_of_has_no_noise() -> None:
    matrix = noise_matrix(label_joint(np.array([[[5, 0], [0, 0]]]), np.array([[5, 0]])))
    np.testing.assert_array_equal(matrix, [[[1, np.nan], [0, np.nan]]])


def test_without_labels_nothing_is_known_of_noise() -> None:
    distribution = label_joint(np.zeros((2, 2, 2), np.int64), np.array([[1, 1], [0, 0]]))
    assert np.isnan(distribution[1]).all()
    np.testing.assert_array_equal(noise_shares(distribution), [0, np.nan])
    assert np.isnan(noise_matrix(distribution)[1]).all()


@given(seed=seeds)
@settings(derandomize=True, deadline=None, max_examples=60)
def test_the_joint_has_the_shares_of_the_given_labels_and_columns_of_noise_sum_to_one(seed: int) -> None:
    probabilities, labels = random_sample(seed, unknown=False)
    distribution = joint_of(probabilities, labels)
    np.testing.assert_allclose(distribution.sum(axis=2)[0], np.bincount(labels[:, 0], minlength=3) / len(labels))
    sums = noise_matrix(distribution).sum(axis=1)
    np.testing.assert_allclose(sums[~np.isnan(sums)], 1)


@pytest.mark.parametrize("noise", [0.0, 0.05, 0.1, 0.2])
def test_the_planted_share_of_noise_is_estimated(noise: float) -> None:
    probabilities, labels, _ = noisy(20_000, 5, noise=noise, seed=2)
    assert noise_shares(joint_of(probabilities, labels))[0] == pytest.approx(noise, abs=0.05)


def test_the_noise_matrix_is_that_of_cleanlab_up_to_its_rounding() -> None:
    probabilities, labels, _ = noisy(20_000, 5, noise=0.2, seed=3)
    calibrated = compute_confident_joint(labels[:, 0], probabilities[:, 0])  # whole rows
    _, expected, _ = estimate_latent(calibrated, labels[:, 0])
    np.testing.assert_allclose(noise_matrix(joint_of(probabilities, labels))[0], expected, rtol=0, atol=5 / 3000)
