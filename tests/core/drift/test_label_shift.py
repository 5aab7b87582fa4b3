"""Class shares from predictions: worked values, and shares that are known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from assayd_server.core.drift.bins import category_bins
from assayd_server.core.drift.label_shift import class_priors, confusion_counts


def test_confusion_is_counted_by_prediction_and_label() -> None:
    bins = category_bins(np.array([0, 1]))
    predicted, labels = np.array([0.0, 0, 1, 1, 5, np.nan, 0]), np.array([0.0, 1, 1, 1, 1, 1, np.nan])
    assert confusion_counts(bins, predicted, labels).tolist() == [[1, 1, 0], [0, 2, 0], [0, 1, 0]]


def test_shares_by_hand() -> None:
    # Of each class 8 of 10 are told rightly. A window with 68 % predicted 0 has 80 % of it: 0.8 * 0.8 + 0.2 * 0.2.
    found = class_priors(np.array([[40, 10], [10, 40]]), np.array([68, 32]))
    assert found is not None
    np.testing.assert_allclose(found.reference, [0.5, 0.5])
    np.testing.assert_allclose(found.window, [0.8, 0.2], rtol=1e-12)
    assert found.condition == pytest.approx(0.5 / 0.3)


def test_shares_of_a_window_are_found_where_only_they_have_changed() -> None:
    rng = np.random.default_rng(0)
    told = np.array([[0.7, 0.1, 0.1], [0.2, 0.8, 0.3], [0.1, 0.1, 0.6]])
    reference, window = np.array([0.5, 0.3, 0.2]), np.array([0.1, 0.2, 0.7])
    confusion = rng.multinomial(50_000, (told * reference).ravel()).reshape(3, 3)
    found = class_priors(confusion, rng.multinomial(20_000, told @ window))
    assert found is not None
    np.testing.assert_allclose(found.window, window, atol=0.02)
    np.testing.assert_allclose(found.reference, reference, atol=0.01)


def test_a_share_is_never_below_zero() -> None:
    found = class_priors(np.array([[40, 10], [10, 40]]), np.array([100, 0]))
    assert found is not None
    assert found.window.tolist() == [1, 0]


def test_classes_that_predictions_do_not_tell_apart_keep_their_ratio() -> None:
    # the model never says 2, and takes its rows for 1
    found = class_priors(np.array([[50, 0, 0], [0, 30, 20], [0, 0, 0]]), np.array([80, 20, 0]))
    assert found is not None
    np.testing.assert_allclose(found.window, [0.8, 0.12, 0.08], rtol=1e-12)
    assert np.isfinite(found.condition)


def test_a_class_that_no_label_has_gets_no_share() -> None:
    found = class_priors(np.array([[50, 0, 0], [0, 50, 0], [0, 0, 0]]), np.array([40, 40, 20]))
    assert found is not None
    np.testing.assert_allclose(found.window, [0.5, 0.5, 0], atol=1e-12)


@pytest.mark.parametrize(("confusion", "window"), [([[0]], [4]), ([[3]], [0]), ([[0]], [0])])
def test_without_labels_or_without_predictions_there_is_no_estimate(
    confusion: list[list[int]], window: list[int]
) -> None:
    assert class_priors(np.array(confusion), np.array(window)) is None


def test_predictions_that_the_reference_never_made_leave_the_shares_as_they_were() -> None:
    found = class_priors(np.array([[6, 0], [0, 0]]), np.array([0, 9]))
    assert found is not None
    assert found.window.tolist() == found.reference.tolist() == [1, 0]


@given(
    confusion=npst.arrays(np.int64, (4, 4), elements=st.sampled_from([0, 0, 1, 7, 500])),
    window=npst.arrays(np.int64, 4, elements=st.sampled_from([0, 0, 1, 7, 500])),
)
@settings(derandomize=True, deadline=None, max_examples=300)
def test_shares_are_shares_whatever_is_counted(confusion: np.ndarray, window: np.ndarray) -> None:
    found = class_priors(confusion, window)
    if found is not None:
        for shares in (found.reference, found.window):
            assert (shares >= 0).all()
            assert shares.sum() == pytest.approx(1)
        assert 1 <= found.condition < np.inf
