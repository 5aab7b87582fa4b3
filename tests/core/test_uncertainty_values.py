"""The four measures of uncertainty: values worked by hand, from the literature, and by other formulas."""

import math

import numpy as np
import pytest
from scipy import special, stats

from assayd_server.core.label_uncertainty import LABEL_FORMULAS
from assayd_server.core.uncertainty import (
    FORMULAS,
    Measure,
    entropy,
    least_confidence,
    margin,
    max_entropy,
    ratio,
)

D1, D2 = (0.9, 0.09, 0.01), (0.2, 0.5, 0.3)
"""The two distributions over three labels by which active-learning texts compare the measures."""


def test_least_confidence_is_the_distance_from_certain_scaled_by_the_number_of_classes() -> None:
    values = least_confidence(np.array([D1, D2]))
    np.testing.assert_allclose(values, [(1 - 0.9) * 3 / 2, (1 - 0.5) * 3 / 2], rtol=1e-14)


def test_margin_is_one_less_the_published_margins() -> None:
    np.testing.assert_allclose(1 - margin(np.array([D1, D2])), [0.81, 0.2], rtol=1e-14)


def test_ratio_is_the_second_probability_over_the_first() -> None:
    np.testing.assert_allclose(ratio(np.array([D1, D2])), [0.1, 0.6], rtol=1e-14)


def test_entropy_in_base_ten_has_the_published_values() -> None:
    in_base_ten = entropy(np.array([D1, D2])) * math.log10(3)
    assert in_base_ten.round(3).tolist() == [0.155, 0.447]


@pytest.mark.parametrize("formula", FORMULAS.values(), ids=lambda formula: formula.__name__)
def test_every_measure_chooses_the_published_row(formula) -> None:
    assert formula(np.array([D1, D2])).argmax() == 1


def test_the_measures_need_not_agree_on_the_order_of_rows() -> None:
    rows = np.array([[0.5, 0.5, 0.0], [0.5, 0.25, 0.25]])
    by_margin, by_entropy = margin(rows), entropy(rows)
    assert by_margin[0] > by_margin[1]
    assert by_entropy[0] < by_entropy[1]


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        (least_confidence, (1 - 0.4) * 4 / 3),
        (margin, 1 - (0.4 - 0.3)),
        (ratio, 0.3 / 0.4),
        (
            entropy,
            (0.4 * math.log2(1 / 0.4) + 0.3 * math.log2(1 / 0.3) + 0.2 * math.log2(5) + 0.1 * math.log2(10)) / 2,
        ),
    ],
)
def test_four_classes_give_the_values_worked_by_hand(formula, expected: float) -> None:
    np.testing.assert_allclose(formula(np.array([[0.3, 0.1, 0.4, 0.2]])), [expected], rtol=1e-14)


def test_least_confidence_equals_margin_for_two_classes() -> None:
    first = np.random.default_rng(1).random(200)
    rows = np.stack([first, 1 - first], axis=1)
    np.testing.assert_allclose(least_confidence(rows), margin(rows), atol=1e-15)


def test_least_confidence_differs_from_margin_for_three_classes() -> None:
    rows = np.array([D1, D2])
    assert (np.abs(least_confidence(rows) - margin(rows)) > 0.01).all()


@pytest.mark.parametrize("class_count", [2, 3, 10, 1000])
def test_entropy_agrees_with_scipy(class_count: int) -> None:
    rows = np.random.default_rng(class_count).dirichlet(np.full(class_count, 0.3), size=50)
    expected = stats.entropy(rows, base=class_count, axis=1)
    np.testing.assert_allclose(entropy(rows), expected, rtol=1e-12)


@pytest.mark.parametrize("temperature", [0.25, 1.0, 3.0])
def test_ratio_is_the_exponential_of_the_gap_between_the_two_largest_logits(temperature: float) -> None:
    logits = np.random.default_rng(2).normal(0, 4, (100, 7))
    ascending = np.sort(logits, axis=1)
    expected = np.exp((ascending[:, -2] - ascending[:, -1]) / temperature)
    np.testing.assert_allclose(ratio(special.softmax(logits / temperature, axis=1)), expected, rtol=1e-12)


def test_the_ranking_by_ratio_does_not_depend_on_the_temperature() -> None:
    logits = np.random.default_rng(3).normal(0, 3, (300, 5))
    orders = [ratio(special.softmax(logits / temperature, axis=1)).argsort() for temperature in (0.5, 1, 2, 5)]
    assert all((order == orders[0]).all() for order in orders)


def test_the_ranking_by_entropy_depends_on_the_temperature() -> None:
    logits = np.random.default_rng(3).normal(0, 3, (300, 5))
    cold, hot = (entropy(special.softmax(logits / temperature, axis=1)).argsort() for temperature in (0.5, 5))
    assert (cold != hot).any()


def test_max_entropy_is_entropy_in_nats() -> None:
    rows = np.array([D1, D2, [1, 0, 0]])
    expected = [0.9 * math.log(1 / 0.9) + 0.09 * math.log(1 / 0.09) + 0.01 * math.log(100), 1.029653014, 0]
    np.testing.assert_allclose(max_entropy(rows), expected, rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize("class_count", [2, 3, 7, 1000])
def test_max_entropy_agrees_with_scipy(class_count: int) -> None:
    rows = np.random.default_rng(class_count).dirichlet(np.full(class_count, 0.3), size=50)
    np.testing.assert_allclose(max_entropy(rows), stats.entropy(rows, axis=1), rtol=1e-12)


@pytest.mark.parametrize("class_count", [2, 3, 7, 1000, 50_257])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_max_entropy_of_a_uniform_row_is_the_logarithm_of_the_number_of_classes(
    class_count: int, dtype: type[np.floating]
) -> None:
    values = max_entropy(np.full((1, class_count), 1 / class_count, dtype))
    assert values[0] <= dtype(math.log(class_count))
    np.testing.assert_allclose(values, [math.log(class_count)], rtol=4 * float(np.finfo(dtype).eps))


def test_a_zero_probability_adds_nothing_to_entropy() -> None:
    with_zeros = entropy(np.array([[0.5, 0.5, 0.0, 0.0]]))
    np.testing.assert_allclose(with_zeros, [0.5], rtol=1e-14)  # one bit of two


def test_every_measure_that_can_be_named_has_a_formula() -> None:
    assert {*FORMULAS, *LABEL_FORMULAS} == set(Measure) - {Measure.INFORMATION_DENSITY}  # which needs a pool


def test_measures_carry_the_names_that_callers_use() -> None:
    assert {measure.value for measure in Measure} == {
        "least_confidence", "margin", "ratio", "entropy", "max_entropy", "information_density",
        "multilabel_max", "multilabel_mean",
    }  # fmt: skip


@pytest.mark.parametrize("measure", FORMULAS | LABEL_FORMULAS, ids=lambda measure: measure.value)
def test_each_measure_stands_for_the_function_of_its_name(measure: Measure) -> None:
    assert (FORMULAS | LABEL_FORMULAS)[measure].__name__ == measure.value
