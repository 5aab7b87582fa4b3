"""Shift by class: the tests that it is made of, and that chance raises no alarm."""

import numpy as np
import pytest
from scipy import stats

from assayd_server.core.drift.bins import interval_bins
from assayd_server.core.drift.shift_by_class import shift_by_class


def histograms(reference: np.ndarray, window: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    bins = [interval_bins(column) for column in reference.T]
    return tuple(
        np.array([of_column.counts(column)[:-1] for of_column, column in zip(bins, rows.T, strict=True)])
        for rows in (reference, window)
    )


def test_each_class_is_tested_and_corrected_for_there_being_several() -> None:
    rng = np.random.default_rng(0)
    reference = rng.dirichlet([2, 2, 2], 5000)
    window = rng.dirichlet([2, 2, 6], 400)
    distances, p_values = shift_by_class(*histograms(reference, window))
    expected = [stats.ks_2samp(reference[:, k], window[:, k]).statistic for k in range(3)]
    np.testing.assert_allclose(distances, expected, atol=0.06)
    assert distances.argmax() == 2
    assert (p_values < 1e-6).all()


def test_a_window_like_the_reference_raises_no_alarm_more_often_than_is_said() -> None:
    rng = np.random.default_rng(1)
    found = [
        shift_by_class(*histograms(rng.dirichlet([1, 1, 1, 1], 4000), rng.dirichlet([1, 1, 1, 1], 200)))[1].min()
        for _ in range(200)
    ]
    assert np.mean(np.array(found) <= 0.05) <= 0.07


def test_classes_without_rows_are_no_evidence() -> None:
    distances, p_values = shift_by_class(np.zeros((2, 3), np.int64), np.array([[1, 2, 3], [0, 0, 0]]))
    assert distances.tolist() == [0, 0]
    assert p_values == pytest.approx([1, 1])
