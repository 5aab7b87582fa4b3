"""How unsure a multi-label model is: values worked by hand, bounds, and its kinship with the other measures."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from assayd_server.core.label_uncertainty import LABEL_FORMULAS, multilabel_max, multilabel_mean
from assayd_server.core.uncertainty import least_confidence, margin

modest = settings(derandomize=True, deadline=None, max_examples=80)
probabilities = npst.arrays(
    np.float64, npst.array_shapes(min_dims=2, max_dims=2, max_side=8), elements=st.floats(0, 1)
)
every_formula = pytest.mark.parametrize("formula", LABEL_FORMULAS.values(), ids=lambda formula: formula.__name__)
ROWS = np.array([[0.5, 1.0, 0.25], [0.9, 0.1, 0.8], [0.0, 1.0, 1.0]])


def test_the_largest_is_that_of_the_label_nearest_to_one_half() -> None:
    np.testing.assert_allclose(multilabel_max(ROWS), [1, 0.4, 0], atol=1e-15)


def test_the_mean_is_over_all_labels() -> None:
    np.testing.assert_allclose(multilabel_mean(ROWS), [0.5, 0.8 / 3, 0], atol=1e-15)


@every_formula
@given(probabilities=probabilities)
@modest
def test_they_lie_between_zero_and_one(formula, probabilities: np.ndarray) -> None:
    values = formula(probabilities)
    assert values.shape == probabilities.shape[:1]
    assert ((values >= 0) & (values <= 1)).all()


@given(probabilities=probabilities)
@modest
def test_the_mean_is_never_above_the_largest(probabilities: np.ndarray) -> None:
    assert (multilabel_mean(probabilities) <= multilabel_max(probabilities) + 1e-12).all()


@every_formula
@given(p=npst.arrays(np.float64, (5, 1), elements=st.floats(0, 1)))
@modest
def test_of_one_label_they_are_the_least_confidence_and_the_margin_of_two_classes(formula, p: np.ndarray) -> None:
    two = np.hstack([1 - p, p])
    np.testing.assert_allclose(formula(p), least_confidence(two), atol=1e-12)
    np.testing.assert_allclose(formula(p), margin(two), atol=1e-12)


@every_formula
def test_the_order_of_the_labels_does_not_matter(formula) -> None:
    np.testing.assert_allclose(formula(ROWS[:, [2, 0, 1]]), formula(ROWS), rtol=1e-14)


@every_formula
def test_a_row_with_nan_gives_nan_and_leaves_its_neighbours(formula) -> None:
    values = formula(np.vstack([ROWS, [[np.nan, 0.5, 0.5]]]))
    assert np.isnan(values[-1])
    np.testing.assert_array_equal(values[:-1], formula(ROWS))


@every_formula
def test_the_type_is_kept_and_the_argument_is_not_changed(formula) -> None:
    rows = ROWS.astype(np.float32)
    rows.flags.writeable = False
    assert formula(rows).dtype == np.float32
