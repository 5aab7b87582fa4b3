"""What rows of each class weigh: beside scikit-learn, by exact fractions, and at the ends of the range."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.utils.class_weight import compute_class_weight

from assayd_server.core.labels import effective_number, inverse_frequency

counts_of_classes = st.lists(st.integers(1, 10_000), min_size=2, max_size=10).map(np.array)


@given(counts=counts_of_classes)
@settings(derandomize=True, deadline=None, max_examples=100)
def test_inverse_frequency_is_what_scikit_learn_calls_balanced(counts: np.ndarray) -> None:
    classes = np.arange(len(counts))
    expected = compute_class_weight("balanced", classes=classes, y=np.repeat(classes, counts))
    np.testing.assert_allclose(inverse_frequency(counts), expected)
    assert (inverse_frequency(counts) * counts).sum() == pytest.approx(counts.sum())


@pytest.mark.parametrize("b", [0.0, 0.5, 0.9, 0.999, 1 - 2**-30])
def test_the_effective_number_is_exact_to_the_last_digits(b: float) -> None:
    counts = np.array([1, 2, 7, 300])
    exact = [(1 - Fraction(b)) / (1 - Fraction(b) ** int(count)) for count in counts]
    np.testing.assert_allclose(effective_number(counts, b), [float(one) for one in exact], rtol=1e-9)


@given(counts=counts_of_classes, b=st.floats(0, 1, exclude_max=True))
@settings(derandomize=True, deadline=None, max_examples=100)
def test_weights_of_effective_numbers_lie_between_equal_ones_and_inverse_frequency(
    counts: np.ndarray, b: float
) -> None:
    weights = effective_number(counts, b)
    assert (weights >= 1 / counts - 1e-9).all()
    assert (weights <= 1 + 1e-9).all()
    order = np.argsort(counts)
    assert (np.diff(weights[order]) <= 1e-12).all()
