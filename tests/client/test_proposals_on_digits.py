"""Labels proposed for handwritten digits are right as often as a calibrated model is confident of them."""

import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

from assayd import Client
from assayd.testing import Server, serving
from assayd_server import demo
from assayd_server.core.calibration import fit_temperature

Connect = Callable[..., Client]
LABELED, CALIBRATION = slice(150), slice(150, 650)
NETWORKS = 3


def learnt(seed: int) -> tuple[np.ndarray, np.ndarray, float]:
    """Probabilities of rows that a network has not seen, their digits, and the temperature that others ask for."""
    images, digits = load_digits(return_X_y=True)
    order = np.random.default_rng(seed).permutation(len(images))
    rows, labels = images[order] / 16, digits[order]
    network = MLPClassifier((64,), alpha=1e-4, max_iter=300, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        network.fit(rows[LABELED], labels[LABELED])
    probabilities = network.predict_proba(rows)
    logits = np.log(np.maximum(probabilities, 1e-30))
    temperature = fit_temperature(logits[CALIBRATION], labels[CALIBRATION])
    return probabilities[CALIBRATION.stop :], labels[CALIBRATION.stop :], temperature


@pytest.fixture(scope="module")
def networks() -> list[tuple[np.ndarray, np.ndarray, float]]:
    return [learnt(seed) for seed in range(NETWORKS)]


@pytest.mark.parametrize("threshold", [0.5, 0.7, 0.8, 0.9, 0.95, 0.99])
def test_accuracy_above_a_threshold_is_the_calibrated_one_within_two_points(
    connect: Connect, serve: Callable[..., Server], networks: list, threshold: float
) -> None:
    client = connect(serve(Path(demo.__file__).parent / "models"))

    def right_and_expected(*, calibrated: bool) -> tuple[float, float]:
        right, confidence = [], []
        for probabilities, digits, temperature in networks:
            wanted = {"temperature": temperature} if calibrated else {}
            found = client.propose_labels(probabilities=probabilities, thresholds=threshold, **wanted)
            right.append((found.labels == digits)[found.accepted])
            confidence.append(found.confidence[found.accepted])
        assert len(np.concatenate(right)) > 300
        return np.concatenate(right).mean(), np.concatenate(confidence).mean()

    right, expected = right_and_expected(calibrated=True)
    assert abs(right - expected) < 0.02
    assert right > threshold
    if threshold < 0.95:  # above it, there is less room for being wrong about oneself
        right, expected = right_and_expected(calibrated=False)
        assert abs(right - expected) > 0.02


@pytest.mark.parametrize("wanted", [{"thresholds": 0.8}, {"thresholds": 0.95}, {"quotas": [20] * 10}])
def test_the_demos_network_is_right_about_held_out_images_as_often_as_it_says(wanted: dict) -> None:
    folder = Path(demo.__file__).parent
    held_out = np.load(folder / "held_out.npz")
    with serving(folder / "models") as server, server.client() as client:
        found = client.propose_labels(held_out["images"], **wanted)
    right = (found.labels == held_out["labels"])[found.accepted].mean()
    assert found.accepted.sum() >= 200
    assert abs(right - found.expected_accuracy) < 0.02
