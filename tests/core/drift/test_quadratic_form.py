"""The tail of a weighted sum of chi-squared variables: chi-squared itself, and Imhof's integral."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from assayd_server.core.drift.quadratic_form import quadratic_form_p_value

WEIGHTS = {
    "geometric": 0.7 ** np.arange(20),
    "harmonic": 1 / np.arange(1, 200),
    "one above the others": np.array([1.0] + [0.01] * 50),
}


def imhof(weights: np.ndarray, value: float) -> float:
    """By numerical integration (Imhof 1961)."""

    def integrand(u: float) -> float:
        angle = np.arctan(weights * u).sum() / 2 - value * u / 2
        return math.sin(angle) / (u * math.exp(np.log1p((weights * u) ** 2).sum() / 4))

    return 0.5 + integrate.quad(integrand, 0, 400, limit=3000)[0] / math.pi


@pytest.mark.parametrize(("count", "tolerance"), [(1, 0.08), (2, 0.04), (10, 0.004), (100, 2e-4)])
@pytest.mark.parametrize("probability", [0.999, 0.6, 0.5, 0.3, 0.05, 1e-4])
def test_equal_weights_give_chi_squared(count: int, tolerance: float, probability: float) -> None:
    value = 2.5 * stats.chi2.isf(probability, count)
    assert quadratic_form_p_value(np.full(count, 2.5), value) == pytest.approx(probability, rel=tolerance)


@pytest.mark.parametrize("weights", WEIGHTS.values(), ids=WEIGHTS)
@pytest.mark.parametrize("deviations", [-0.5, 0.0, 1e-7, 1.0, 2.0, 4.0])
def test_other_weights_give_what_the_integral_gives(weights: np.ndarray, deviations: float) -> None:
    value = weights.sum() + deviations * math.sqrt(2 * (weights**2).sum())
    assert quadratic_form_p_value(weights, value) == pytest.approx(imhof(weights, value), rel=0.08)


def test_it_goes_through_the_mean_without_a_step() -> None:
    weights = 0.7 ** np.arange(20)
    values = weights.sum() + np.linspace(-1e-3, 1e-3, 201)
    p_values = np.array([quadratic_form_p_value(weights, value) for value in values])
    np.testing.assert_allclose(np.diff(p_values), np.diff(p_values).mean(), rtol=0.02, atol=5e-6)


def test_the_unit_of_weights_and_value_does_not_matter() -> None:
    weights = np.array([3.0, 2.0, 1e-3])
    values = [quadratic_form_p_value(scale * weights, scale * 9) for scale in (1e-200, 1.0, 1e200)]
    np.testing.assert_allclose(values, values[0], rtol=1e-9)


def test_no_weight_leaves_nothing_to_chance() -> None:
    assert quadratic_form_p_value(np.zeros(3), 1e-9) == 0
    assert quadratic_form_p_value(np.empty(0), 0.0) == 1


@given(
    weights=st.lists(st.floats(0, 1e6), min_size=1, max_size=30),
    values=st.lists(st.floats(-1, 1e300), min_size=2, max_size=2),
)
@settings(derandomize=True, deadline=None, max_examples=300)
def test_it_is_a_probability_that_falls_with_the_value(weights: list[float], values: list[float]) -> None:
    low, high = (quadratic_form_p_value(np.array(weights), value) for value in sorted(values))
    assert 0 <= high <= low * (1 + 1e-9) <= 1 + 1e-9
