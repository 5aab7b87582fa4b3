"""Scores of rows that may have any number of labels, and of rows of a regression model."""

import numpy as np
import pytest

from assayd_server.core.scores import MEASURES, scores_of_logits, scores_of_probabilities, scores_of_values
from assayd_server.core.tasks import Task
from assayd_server.core.uncertainty import Measure

INF, NAN = np.inf, np.nan
LABELS = Task.MULTILABEL
LOGITS = np.log(np.array([[3.0, 1.0, 1 / 4], [1 / 9, 9.0, 1.0]]))
PROBABILITIES = [[0.75, 0.5, 0.2], [0.1, 0.9, 0.5]]


def test_every_label_has_a_probability_of_its_own() -> None:
    scores = scores_of_logits(LOGITS, task=LABELS, temperature=1)
    np.testing.assert_allclose(scores.probabilities, PROBABILITIES, rtol=1e-14)
    assert scores.predictions.tolist() == [0, 1]


def test_probabilities_are_taken_as_they_are() -> None:
    given = np.array(PROBABILITIES)
    assert scores_of_probabilities(given, task=LABELS, temperature=1).probabilities is given


def test_the_temperature_acts_on_probabilities_as_on_the_logits_behind_them() -> None:
    of_logits = scores_of_logits(LOGITS, task=LABELS, temperature=3)
    of_probabilities = scores_of_probabilities(np.array(PROBABILITIES), task=LABELS, temperature=3)
    np.testing.assert_allclose(of_probabilities.probabilities, of_logits.probabilities, rtol=1e-12)


def test_the_most_probable_labels_come_first() -> None:
    scores = scores_of_logits(LOGITS, task=LABELS, temperature=1, top_k=2)
    assert scores.top_classes.tolist() == [[0, 1], [1, 2]]
    np.testing.assert_allclose(scores.top_probabilities, [[0.75, 0.5], [0.9, 0.5]], rtol=1e-14)


def test_uncertainties_are_those_of_labels() -> None:
    scores = scores_of_logits(LOGITS, task=LABELS, temperature=1, measures=MEASURES[LABELS])
    np.testing.assert_allclose(scores.uncertainties[Measure.MULTILABEL_MAX], [1, 1], rtol=1e-14)
    np.testing.assert_allclose(scores.uncertainties[Measure.MULTILABEL_MEAN], [1.9 / 3, 1.4 / 3], rtol=1e-14)


@pytest.mark.parametrize("bad", [[NAN, 0], [INF, 0], [INF, -INF]])
def test_a_row_of_logits_with_nan_or_infinity_is_invalid(bad: list[float]) -> None:
    scores = scores_of_logits(np.array([[0.0, 1.0], bad]), task=LABELS, temperature=1, measures=MEASURES[LABELS])
    assert (scores.valid.tolist(), scores.predictions.tolist()) == ([True, False], [1, -1])
    assert np.isnan(scores.probabilities[1]).all()
    assert np.isnan(scores.uncertainties[Measure.MULTILABEL_MEAN][1])


def test_a_row_may_have_no_label_at_all() -> None:
    scores = scores_of_logits(np.array([[-INF, -INF]]), task=LABELS, temperature=1)
    assert (scores.valid.tolist(), scores.probabilities.tolist()) == ([True], [[0, 0]])


@pytest.mark.parametrize("bad", [[NAN, 0], [1.01, 0], [-0.01, 0.5], [INF, 0]])
def test_a_row_of_what_are_no_probabilities_is_invalid(bad: list[float]) -> None:
    scores = scores_of_probabilities(np.array([[1.0, 1.0], bad]), task=LABELS, temperature=2)
    assert (scores.valid.tolist(), scores.predictions.tolist()) == ([True, False], [0, -1])


def test_values_have_no_classes_and_no_uncertainty() -> None:
    scores = scores_of_values(np.array([[1.0, 2.0], [NAN, 0], [-INF, 0], [1e39, 0]]))  # float32 ends at 3e38
    assert scores.valid.tolist() == [True, False, False, False]
    assert scores.predictions.tolist() == [-1, -1, -1, -1]
    assert scores.probabilities.shape == scores.top_classes.shape == scores.top_probabilities.shape == (4, 0)
    assert scores.uncertainties == {}


@pytest.mark.parametrize("score", [scores_of_logits, scores_of_probabilities])
def test_no_rows_give_no_scores(score) -> None:
    scores = score(np.zeros((0, 3)), task=LABELS, temperature=2, measures=MEASURES[LABELS], top_k=2)
    assert scores.probabilities.shape == (0, 3)
    assert scores.top_classes.shape == (0, 2)
    assert scores_of_values(np.zeros((0, 2))).predictions.shape == (0,)


def test_each_measure_is_of_one_task() -> None:
    named = [measure for measures in MEASURES.values() for measure in measures]
    assert sorted(named) == sorted(set(Measure) - {Measure.INFORMATION_DENSITY})  # which is of a pool
