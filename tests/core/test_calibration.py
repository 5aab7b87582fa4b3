"""Fitting a temperature and measuring calibration: planted values, oracles, values by hand, extremes."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar

from assayd_server.core import calibration
from assayd_server.core.calibration import expected_calibration_error, fit_temperature, negative_log_likelihood
from assayd_server.core.softmax import TEMPERATURE_MAX, TEMPERATURE_MIN, softmax

INF = np.inf
Sample = tuple[np.ndarray, np.ndarray]


def planted(temperature: float, *, rows: int = 20_000, classes: int = 10, seed: int = 0) -> Sample:
    """Logits, and labels drawn from their softmax at that temperature, so that it is the one to find."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 2 * temperature, (rows, classes))
    gumbel = rng.gumbel(size=(rows, classes))
    return logits, (logits / temperature + gumbel).argmax(axis=1)


def oracle(logits: np.ndarray, labels: np.ndarray) -> float:
    """The temperature that SciPy's own search finds."""
    bounds = (-math.log(TEMPERATURE_MAX), -math.log(TEMPERATURE_MIN))

    def loss(log_inverse: float) -> float:
        return negative_log_likelihood(logits, labels, math.exp(-log_inverse))

    return math.exp(-minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-9}).x)


def naive_error(probabilities: np.ndarray, labels: np.ndarray, bin_count: int) -> float:
    """Bin by bin and row by row, as it is written down in the papers."""
    error = 0.0
    for number in range(bin_count):
        low, high = number / bin_count, (number + 1) / bin_count
        inside = [
            (max(row), int(np.argmax(row)) == label)
            for row, label in zip(probabilities.tolist(), labels.tolist(), strict=True)
            if low < max(row) <= high
        ]
        if inside:
            accuracy = sum(right for _, right in inside) / len(inside)
            confidence = sum(top for top, _ in inside) / len(inside)
            error += len(inside) / len(labels) * abs(accuracy - confidence)
    return error


@pytest.mark.parametrize("temperature", [0.25, 0.5, 1.0, 2.0, 5.0])
@pytest.mark.parametrize("seed", [1, 2])
def test_a_planted_temperature_is_found(temperature: float, seed: int) -> None:
    assert fit_temperature(*planted(temperature, seed=seed)) == pytest.approx(temperature, rel=0.02)


@pytest.mark.parametrize("temperature", [0.01, 0.25, 1.0, 5.0, 100.0])
def test_the_fit_agrees_with_scipys_search(temperature: float) -> None:
    logits, labels = planted(temperature, rows=500, classes=4, seed=3)
    assert fit_temperature(logits, labels) == pytest.approx(oracle(logits, labels), rel=1e-5)


@given(seed=st.integers(0, 2**32 - 1), spread=st.floats(0.01, 1e4), classes=st.integers(2, 6))
@settings(derandomize=True, deadline=None, max_examples=80)
def test_no_temperature_nearby_is_likelier(seed: int, spread: float, classes: int) -> None:
    rng = np.random.default_rng(seed)
    logits, labels = rng.normal(0, spread, (30, classes)), rng.integers(0, classes, 30)
    temperature = fit_temperature(logits, labels)
    best = negative_log_likelihood(logits, labels, temperature)
    for other in np.clip(temperature * np.array([0.5, 0.99, 1.01, 2]), TEMPERATURE_MIN, TEMPERATURE_MAX):
        assert best <= negative_log_likelihood(logits, labels, other) * (1 + 1e-12)


@pytest.mark.parametrize("temperature", [0.25, 5.0])
def test_the_most_probable_class_stays_the_same(temperature: float) -> None:
    logits, labels = planted(temperature, seed=4)
    fitted = softmax(logits, fit_temperature(logits, labels))
    np.testing.assert_array_equal(fitted.argmax(axis=1), logits.argmax(axis=1))


@pytest.mark.parametrize("temperature", [0.25, 5.0])
def test_calibration_is_better_after_the_fit(temperature: float) -> None:
    logits, labels = planted(temperature, seed=5)
    fitted = softmax(logits, fit_temperature(logits, labels))
    assert expected_calibration_error(softmax(logits), labels) > 0.1
    assert expected_calibration_error(fitted, labels) < 0.02


def test_three_right_of_four_at_odds_of_three_to_one_need_no_temperature() -> None:
    logits = np.tile([math.log(3), 0.0], (4, 1))
    assert fit_temperature(logits, np.array([0, 0, 0, 1])) == pytest.approx(1, rel=1e-8)


def test_odds_of_nine_to_one_that_should_be_three_to_one_are_halved_as_logarithms() -> None:
    logits = np.tile([math.log(9), 0.0], (4, 1))
    assert fit_temperature(logits, np.array([0, 1, 0, 0])) == pytest.approx(2, rel=1e-8)


def test_the_logarithms_of_probabilities_serve_as_logits() -> None:
    logits, labels = planted(2.0, rows=1000, seed=6)
    assert fit_temperature(np.log(softmax(logits)), labels) == pytest.approx(fit_temperature(logits, labels))


@pytest.mark.parametrize("size", [1.0, 1e4])
def test_rows_that_are_all_right_lead_to_the_lowest_temperature(size: float) -> None:
    assert fit_temperature(size * np.eye(3), np.arange(3)) == TEMPERATURE_MIN


@pytest.mark.parametrize("size", [1.0, 1e4])
def test_rows_that_are_all_wrong_lead_to_the_highest_temperature(size: float) -> None:
    assert fit_temperature(size * np.eye(3), np.array([1, 2, 0])) == TEMPERATURE_MAX


def test_rows_that_say_nothing_leave_the_temperature_at_one() -> None:
    assert fit_temperature(np.full((3, 4), 7.0), np.array([0, 1, 2])) == 1


def test_extreme_logits_are_fitted_without_a_warning() -> None:
    logits = np.tile([1e4, -1e4, 0.0], (4, 1)).astype(np.float32)
    labels = np.array([0, 0, 0, 2])
    assert fit_temperature(logits, labels) == TEMPERATURE_MAX
    assert fit_temperature(logits / 100, labels) == pytest.approx(oracle(logits / 100, labels), rel=1e-5)


def test_a_few_mistakes_among_extreme_logits_are_fitted_without_a_warning() -> None:
    rng = np.random.default_rng(7)
    labels = rng.integers(0, 5, 400)
    logits = 1e4 * np.eye(5)[np.where(rng.random(400) < 0.1, (labels + 1) % 5, labels)]
    assert fit_temperature(logits / 1e3, labels) == pytest.approx(oracle(logits / 1e3, labels), rel=1e-5)
    assert fit_temperature(logits, labels) == TEMPERATURE_MAX


def test_an_impossible_class_takes_no_part_in_the_fit() -> None:
    logits, labels = planted(2.0, rows=300, classes=3, seed=8)
    wider = np.concatenate([logits, np.full((300, 1), -INF)], axis=1)
    assert fit_temperature(wider, labels) == pytest.approx(fit_temperature(logits, labels), rel=1e-12)


def test_blocks_of_rows_give_what_all_rows_give_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    logits, labels = planted(2.0, rows=100, seed=9)
    whole = fit_temperature(logits, labels), negative_log_likelihood(logits, labels)
    monkeypatch.setattr(calibration, "_BLOCK_ELEMENTS", 70)
    assert (fit_temperature(logits, labels), negative_log_likelihood(logits, labels)) == pytest.approx(whole)


def test_the_likelihood_of_shares_is_the_mean_of_their_logarithms() -> None:
    logits = np.log(np.array([[1.0, 3.0], [1.0, 1.0]]))
    expected = -(math.log(0.75) + math.log(0.5)) / 2
    assert negative_log_likelihood(logits, np.array([1, 0])) == pytest.approx(expected, rel=1e-14)


def test_the_likelihood_at_a_temperature_is_that_of_the_divided_logits() -> None:
    logits, labels = planted(2.0, rows=50, seed=10)
    expected = negative_log_likelihood(logits / 3, labels)
    assert negative_log_likelihood(logits, labels, 3.0) == pytest.approx(expected, rel=1e-12)


def test_an_impossible_label_is_infinitely_unlikely() -> None:
    assert negative_log_likelihood(np.array([[0.0, -INF], [0.0, 0.0]]), np.array([1, 0])) == INF


def test_the_likelihood_of_extreme_logits_is_their_difference() -> None:
    assert negative_log_likelihood(np.array([[1e4, -1e4]], np.float32), np.array([1])) == 2e4


@pytest.mark.parametrize("bin_count", [1, 7, 15])
@pytest.mark.parametrize("seed", range(4))
def test_the_calibration_error_agrees_with_a_naive_loop(bin_count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    probabilities = rng.dirichlet(np.full(4, 0.3), size=300)
    labels = rng.integers(0, 4, 300)
    expected = naive_error(probabilities, labels, bin_count)
    assert expected_calibration_error(probabilities, labels, bin_count) == pytest.approx(expected, rel=1e-9)


def test_the_calibration_error_of_two_bins_by_hand() -> None:
    probabilities = np.array([[0.9, 0.1], [0.7, 0.3], [0.2, 0.8], [0.4, 0.3]])  # the last in a bin of its own
    # (0.5, 1]: confidence 2.4, right 2 of 3; (0, 0.5]: confidence 0.4, right 1 of 1
    expected = (abs(2 - 2.4) + abs(1 - 0.4)) / 4
    assert expected_calibration_error(probabilities, np.array([0, 1, 1, 0]), 2) == pytest.approx(expected)


def test_a_confidence_at_an_edge_belongs_to_the_bin_below() -> None:
    probabilities = np.array([[0.5, 0.5], [0.6, 0.4]])
    # apart: |1 - 0.5| and |0 - 0.6|; in one bin they would be |1 - 1.1|
    assert expected_calibration_error(probabilities, np.array([0, 1]), 2) == pytest.approx(1.1 / 2)


def test_certain_rows_that_are_right_have_no_calibration_error() -> None:
    assert expected_calibration_error(np.eye(3, dtype=np.float32), np.arange(3)) == 0


def test_certain_rows_that_are_wrong_have_the_largest_calibration_error() -> None:
    assert expected_calibration_error(np.eye(3), np.array([1, 2, 0])) == 1


def test_logits_and_labels_are_left_as_they_were() -> None:
    logits, labels = planted(2.0, rows=40, seed=11)
    before = logits.copy()
    logits.flags.writeable = labels.flags.writeable = False
    fit_temperature(logits, labels)
    negative_log_likelihood(logits, labels)
    np.testing.assert_array_equal(logits, before)
