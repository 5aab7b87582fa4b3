"""Conformal p-values: worked values, a direct count, and the rate that they promise."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assayd_server.core.novelty.conformal import TIE_TOLERANCE, Calibration, calibrated

NAN = np.nan


def calibration_of(*scores: float, classes: list[int] | None = None) -> Calibration:
    return calibrated(np.array(scores, np.float32), np.array(classes or [0] * len(scores)))


def floats(*values: float) -> np.ndarray:
    return np.array(values, np.float32)


def test_worked_values() -> None:
    calibration = calibration_of(3, 1, 2)
    assert calibration.scores.tolist() == [1, 2, 3]
    assert calibration.p_values(floats(0, 1, 1.5, 2, 3, 4, NAN)).tolist()[:-1] == [1, 1, 0.75, 0.75, 0.5, 0.25]
    assert np.isnan(calibration.p_values(floats(NAN))).all()
    assert calibration.p_value_min == 0.25


def test_surprises_are_minus_the_logarithms_of_p_values() -> None:
    calibration, scores = calibration_of(3, 1, 2, 2, 5), floats(0, 1, 2, 2.5, 9, NAN)
    np.testing.assert_allclose(calibration.surprises(scores), -np.log(calibration.p_values(scores)), rtol=1e-14)
    assert calibration.surprises(scores[:0]).shape == (0,)


def test_of_rows_of_the_same_spread_a_share_of_exactly_a_has_a_p_value_of_at_most_a() -> None:
    """Each of n + 1 rows in turn against the others: the p-values are 1 / (n + 1), 2 / (n + 1) to 1."""
    scores = np.random.default_rng(0).normal(size=40).astype(np.float32)
    found = [
        float(calibrated(np.delete(scores, place), np.zeros(39, int)).p_values(scores[place : place + 1])[0])
        for place in range(40)
    ]
    np.testing.assert_allclose(np.sort(found), np.arange(1, 41) / 40)


@given(
    scores=st.lists(st.integers(-3, 3), min_size=1, max_size=30),
    classes=st.lists(st.integers(0, 2), min_size=30, max_size=30),
    asked=st.lists(st.tuples(st.integers(-4, 4), st.integers(0, 3)), max_size=8),
    class_rows_min=st.integers(1, 8),
)
@settings(derandomize=True, deadline=None, max_examples=200)
def test_p_values_are_those_of_a_direct_count(
    scores: list[int], classes: list[int], asked: list[tuple[int, int]], class_rows_min: int
) -> None:
    classes = classes[: len(scores)]
    calibration = calibration_of(*scores, classes=classes)
    values, of = floats(*(score for score, _ in asked)), np.array([one for _, one in asked], int)

    def counted(score: int, among: list[int]) -> float:
        return (1 + sum(other >= score for other in among)) / (1 + len(among))

    assert calibration.p_values(values).tolist() == [counted(score, scores) for score, _ in asked]
    members = {one: [s for s, c in zip(scores, classes, strict=True) if c == one] for one in range(4)}
    expected = [
        counted(score, members[one] if len(members[one]) >= class_rows_min else scores) for score, one in asked
    ]
    assert calibration.class_p_values(values, of, class_rows_min=class_rows_min).tolist() == expected


def test_a_class_with_few_rows_has_the_p_values_of_all_rows() -> None:
    scores = np.arange(200, dtype=np.float32)
    calibration = calibrated(scores, np.repeat([0, 1], [150, 50]))
    found = calibration.class_p_values(floats(140, 140, 140), np.array([0, 1, 7]))
    assert found == pytest.approx([11 / 151, 61 / 201, 61 / 201])


def test_scores_that_may_be_equal_but_for_rounding_count_as_equal() -> None:
    calibration = calibration_of(*[7.0] * 30, 9.0)
    for score in (7.0, 7.0 * (1 + TIE_TOLERANCE / 2), 7.0 * (1 - TIE_TOLERANCE / 2)):
        assert calibration.p_values(floats(score)).tolist() == [1]
    negative = calibration_of(*[-7.0] * 30, 9.0)
    assert negative.p_values(floats(-7.0 * (1 - TIE_TOLERANCE / 2))).tolist() == [1]
    assert negative.p_values(floats(-6.9)).tolist() == [2 / 32]


def test_a_row_without_a_score_has_no_p_value_whatever_its_class() -> None:
    found = calibration_of(1, 2, 3).class_p_values(floats(NAN, NAN, 2), np.array([-1, 0, 0]), class_rows_min=1)
    assert np.isnan(found).tolist() == [True, True, False]


def test_scores_of_nan_are_no_part_of_a_calibration() -> None:
    calibration = calibration_of(NAN, 2, NAN, 1, classes=[5, 6, 7, 8])
    assert calibration.scores.tolist() == [1, 2]
    assert calibration.classes.tolist() == [8, 6]
    with pytest.raises(ValueError, match="all NaN"):
        calibration_of(NAN, NAN)


def test_the_largest_float_is_a_score_like_any_other() -> None:
    largest = float(np.finfo(np.float32).max)
    with np.errstate(all="raise"):
        assert calibration_of(1, 2).p_values(floats(largest, -largest)).tolist() == [1 / 3, 1]


def test_no_rows_have_no_p_values() -> None:
    calibration = calibration_of(1, 2)
    assert calibration.p_values(floats()).shape == (0,)
    assert calibration.class_p_values(floats(), np.empty(0, int)).shape == (0,)
