"""All that is said of rows: classes, probabilities and uncertainties, with invalid rows among them."""

import math

import numpy as np
import pytest

from assayd_server.core.label_uncertainty import LABEL_FORMULAS
from assayd_server.core.scores import RowScores, scores_of_logits, scores_of_probabilities
from assayd_server.core.uncertainty import FORMULAS, Measure

INF, NAN = np.inf, np.nan
BOTH = (*FORMULAS, *LABEL_FORMULAS)
"""Every measure that probabilities have, whether of classes or of labels."""
THIRDS = np.log(np.array([[1.0, 3.0, 4.0], [6.0, 1.0, 1.0]]))
"""Logits of the probabilities (1/8, 3/8, 4/8) and (6/8, 1/8, 1/8)."""


def test_logits_give_the_probabilities_worked_by_hand() -> None:
    scores = scores_of_logits(THIRDS, temperature=1)
    np.testing.assert_allclose(scores.probabilities, [[0.125, 0.375, 0.5], [0.75, 0.125, 0.125]], rtol=1e-14)


def test_the_prediction_is_the_most_probable_class() -> None:
    assert scores_of_logits(THIRDS, temperature=1).predictions.tolist() == [2, 0]


def test_a_tied_prediction_goes_to_the_lower_class() -> None:
    assert scores_of_logits(np.array([[0.0, 1.0, 1.0]]), temperature=1).predictions.tolist() == [1]


def test_the_temperature_divides_the_logits() -> None:
    scores = scores_of_logits(np.log(np.array([[1.0, 4.0]])), temperature=2)
    np.testing.assert_allclose(scores.probabilities, [[1 / 3, 2 / 3]], rtol=1e-14)


def test_the_temperature_applies_to_ready_made_probabilities_too() -> None:
    scores = scores_of_probabilities(np.array([[0.2, 0.8]]), temperature=2)
    np.testing.assert_allclose(scores.probabilities, [[1 / 3, 2 / 3]], rtol=1e-14)


def test_a_temperature_of_one_leaves_ready_made_probabilities_as_they_are() -> None:
    probabilities = np.array([[0.2, 0.8], [0.6, 0.4]])
    scores = scores_of_probabilities(probabilities, temperature=1)
    np.testing.assert_array_equal(scores.probabilities, probabilities)


def test_probabilities_and_their_logarithms_score_the_same() -> None:
    probabilities = np.random.default_rng(10).dirichlet(np.ones(6), size=20)
    kwargs = {"temperature": 1.7, "measures": BOTH, "top_k": 3}
    of_logits = scores_of_logits(np.log(probabilities), **kwargs)
    of_probabilities = scores_of_probabilities(probabilities, **kwargs)
    assert_same(of_logits, of_probabilities, rtol=1e-12)


def test_top_classes_come_with_their_probabilities() -> None:
    scores = scores_of_logits(THIRDS, temperature=1, top_k=2)
    assert scores.top_classes.tolist() == [[2, 1], [0, 1]]
    np.testing.assert_allclose(scores.top_probabilities, [[0.5, 0.375], [0.75, 0.125]], rtol=1e-14)


def test_no_top_classes_are_given_unless_asked_for() -> None:
    scores = scores_of_logits(THIRDS, temperature=1)
    assert scores.top_classes.shape == scores.top_probabilities.shape == (2, 0)


def test_every_class_can_be_asked_for() -> None:
    assert scores_of_logits(THIRDS, temperature=1, top_k=3).top_classes.tolist() == [[2, 1, 0], [0, 1, 2]]


@pytest.mark.parametrize("measure", FORMULAS)
def test_a_measure_is_its_formula_of_the_tempered_probabilities(measure: Measure) -> None:
    scores = scores_of_logits(THIRDS, temperature=3, measures=[measure])
    np.testing.assert_array_equal(scores.uncertainties[measure], FORMULAS[measure](scores.probabilities))


def test_no_measure_is_given_unless_asked_for() -> None:
    assert scores_of_logits(THIRDS, temperature=1).uncertainties == {}


def test_measures_come_in_the_order_asked_for() -> None:
    wanted = [Measure.RATIO, Measure.ENTROPY, Measure.MARGIN]
    assert list(scores_of_logits(THIRDS, temperature=1, measures=iter(wanted)).uncertainties) == wanted


@pytest.mark.parametrize("bad", [[NAN, 0, 0], [INF, 0, 0], [INF, -INF, 0], [-INF, -INF, -INF]])
def test_an_invalid_row_of_logits_has_nan_and_class_minus_one(bad: list[float]) -> None:
    scores = scores_of_logits(np.array([bad]), temperature=1, measures=BOTH, top_k=2)
    assert_invalid(scores, 0)


@pytest.mark.parametrize(
    "bad",
    [[NAN, 0.5, 0.5], [INF, 0, 0], [-INF, 0.5, 0.5], [NAN] * 3, [0.7, 0.5, -0.2], [0.5, 0.5, 0.5], [0, 0, 0]],
)
def test_an_invalid_row_of_probabilities_has_nan_and_class_minus_one(bad: list[float]) -> None:
    scores = scores_of_probabilities(np.array([bad]), temperature=2, measures=BOTH, top_k=2)
    assert_invalid(scores, 0)


@pytest.mark.parametrize("score", [scores_of_logits, scores_of_probabilities])
def test_invalid_rows_leave_their_neighbours_as_if_alone(score) -> None:
    good = np.array([[0.2, 0.5, 0.3], [0.9, 0.09, 0.01]])
    mixed = np.array([[NAN] * 3, good[0], [INF, 0, 0], good[1], [NAN, 0.5, 0.5]])
    kwargs = {"temperature": 1.3, "measures": BOTH, "top_k": 2}
    scores = score(mixed, **kwargs)
    assert scores.valid.tolist() == [False, True, False, True, False]
    for row in (0, 2, 4):
        assert_invalid(scores, row)
    assert_same(rows_of(scores, [1, 3]), score(good, **kwargs))


def test_a_class_of_minus_infinity_is_impossible_and_its_row_valid() -> None:
    scores = scores_of_logits(np.array([[-INF, math.log(3), 0.0]]), temperature=1)
    assert scores.valid.tolist() == [True]
    np.testing.assert_allclose(scores.probabilities, [[0, 0.75, 0.25]], rtol=1e-14)


@pytest.mark.parametrize("score", [scores_of_logits, scores_of_probabilities])
@pytest.mark.parametrize("top_k", [0, 1, 3])
def test_no_rows_give_empty_scores_of_the_right_widths(score, top_k: int) -> None:
    scores = score(np.empty((0, 4), np.float32), temperature=2, measures=BOTH, top_k=top_k)
    assert scores.valid.shape == scores.predictions.shape == (0,)
    assert scores.probabilities.shape == (0, 4)
    assert scores.top_classes.shape == scores.top_probabilities.shape == (0, top_k)
    assert {values.shape for values in scores.uncertainties.values()} == {(0,)}


@pytest.mark.parametrize("score", [scores_of_logits, scores_of_probabilities])
@pytest.mark.parametrize("row", [[0.5, 0.5], [NAN, 0.5]])
def test_float32_rows_give_float32_scores_whether_valid_or_not(score, row: list[float]) -> None:
    scores = score(np.array([row], np.float32), temperature=2, measures=BOTH, top_k=1)
    floats = [scores.probabilities, scores.top_probabilities, scores.uncertainties[Measure.MARGIN]]
    assert {values.dtype for values in floats} == {np.dtype(np.float32)}
    assert scores.predictions.dtype == scores.top_classes.dtype == np.int64


@pytest.mark.parametrize("score", [scores_of_logits, scores_of_probabilities])
@pytest.mark.parametrize("first", [0.5, NAN])
def test_the_rows_are_left_as_they_were(score, first: float) -> None:
    rows = np.array([[first, 0.5], [0.25, 0.75]])
    before = rows.copy()
    rows.flags.writeable = False
    score(rows, temperature=2, measures=BOTH, top_k=2)
    np.testing.assert_array_equal(rows, before)


def test_ready_made_probabilities_that_are_all_valid_are_not_copied() -> None:
    probabilities = np.array([[0.2, 0.8]])
    assert np.shares_memory(scores_of_probabilities(probabilities, temperature=1).probabilities, probabilities)


def test_scores_cannot_be_changed() -> None:
    scores = scores_of_logits(THIRDS, temperature=1)
    with pytest.raises(AttributeError):
        scores.valid = np.zeros(2, np.bool_)


def rows_of(scores: RowScores, rows: list[int]) -> RowScores:
    """The scores of some of the rows."""
    return RowScores(
        valid=scores.valid[rows],
        all_valid=bool(scores.valid[rows].all()),
        predictions=scores.predictions[rows],
        probabilities=scores.probabilities[rows],
        uncertainties={measure: values[rows] for measure, values in scores.uncertainties.items()},
        top_classes=scores.top_classes[rows],
        top_probabilities=scores.top_probabilities[rows],
    )


def assert_same(left: RowScores, right: RowScores, rtol: float = 0) -> None:
    np.testing.assert_array_equal(left.valid, right.valid)
    np.testing.assert_array_equal(left.predictions, right.predictions)
    np.testing.assert_array_equal(left.top_classes, right.top_classes)
    np.testing.assert_allclose(left.probabilities, right.probabilities, rtol=rtol)
    np.testing.assert_allclose(left.top_probabilities, right.top_probabilities, rtol=rtol)
    assert left.uncertainties.keys() == right.uncertainties.keys()
    for measure, values in left.uncertainties.items():
        np.testing.assert_allclose(values, right.uncertainties[measure], rtol=rtol)


def assert_invalid(scores: RowScores, row: int) -> None:
    assert not scores.valid[row]
    assert scores.predictions[row] == -1
    assert (scores.top_classes[row] == -1).all()
    assert np.isnan(scores.probabilities[row]).all()
    assert np.isnan(scores.top_probabilities[row]).all()
    assert all(np.isnan(values[row]) for values in scores.uncertainties.values())
