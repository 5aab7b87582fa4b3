"""Models that give labels or values in place of classes, through the wire."""

from collections.abc import Callable

import numpy as np
import pytest
from scipy.special import expit

import onnx_models
from assayd import Client, FailedPreconditionError, InvalidArgumentError
from assayd.testing import Server

Connect = Callable[..., Client]
Serve = Callable[..., Server]

X = np.random.default_rng(0).normal(0, 2, (50, 3)).astype(np.float32)
FOUR = np.random.default_rng(0).normal(0, 2, (50, 4)).astype(np.float32)
MEASURES = ["multilabel_max", "multilabel_mean"]


@pytest.fixture
def labels(serve: Serve, connect: Connect) -> Client:
    return connect(serve(onnx_models.labels()))


@pytest.fixture
def values(serve: Serve, connect: Connect) -> Client:
    return connect(serve(onnx_models.regression(2)))


def test_each_label_has_a_probability_of_its_own(labels: Client) -> None:
    scores = labels.score(X, uncertainties=MEASURES, top_k=2)
    expected = expit(X.astype(np.float64))
    np.testing.assert_allclose(scores.probabilities, expected, atol=1e-6)
    each = 1 - np.abs(2 * expected - 1)
    np.testing.assert_allclose(scores.uncertainty["multilabel_max"], each.max(axis=1), atol=1e-5)
    np.testing.assert_allclose(scores.uncertainty["multilabel_mean"], each.mean(axis=1), atol=1e-5)
    assert scores.top is not None
    np.testing.assert_array_equal(scores.top.classes, np.argsort(-expected, axis=1)[:, :2])


def test_a_temperature_divides_the_logit_of_each_label(labels: Client) -> None:
    scores = labels.score(X, temperature=2.5)
    np.testing.assert_allclose(scores.probabilities, expit(X.astype(np.float64) / 2.5), atol=1e-5)


def test_logits_become_labels_where_the_flag_says_so(serve: Serve, connect: Connect) -> None:
    client = connect(serve(onnx_models.identity(), activation="sigmoid"))
    scores = client.score(FOUR, outputs=["probabilities", "logits"])
    np.testing.assert_allclose(scores.probabilities, expit(FOUR), atol=1e-6)
    np.testing.assert_array_equal(scores.logits, FOUR)
    assert client.model().task == "multilabel"


def test_ready_made_scores_are_of_labels_where_the_call_says_so(labels: Client) -> None:
    of_logits = labels.score(logits=X, task="multilabel", uncertainties=MEASURES)
    of_probabilities = labels.score(probabilities=expit(X), task="multilabel", uncertainties=MEASURES)
    np.testing.assert_allclose(of_logits.probabilities, expit(X), atol=1e-6)
    for measure in MEASURES:
        np.testing.assert_allclose(
            of_logits.uncertainty[measure], of_probabilities.uncertainty[measure], atol=1e-5
        )


def test_ready_made_scores_have_the_task_of_the_model_that_is_named(labels: Client) -> None:
    scores = labels.score(logits=X, model="m", uncertainties=MEASURES)
    np.testing.assert_allclose(scores.probabilities, expit(X), atol=1e-6)


def test_a_head_may_be_of_labels(values: Client) -> None:
    weights = np.eye(4, dtype=np.float32)[:3]
    scores = values.score(FOUR, head=(weights, None), task="multilabel")
    np.testing.assert_allclose(scores.probabilities, expit(FOUR[:, :3]), atol=1e-6)


def test_rows_with_nan_are_invalid_and_leave_their_neighbours(labels: Client) -> None:
    rows = X[:3].copy()
    rows[1, 0] = np.nan
    scores = labels.score(rows, uncertainties=MEASURES)
    assert scores.valid.tolist() == [True, False, True]
    assert np.isnan(scores.uncertainty["multilabel_max"]).tolist() == [False, True, False]


@pytest.mark.parametrize("measure", ["entropy", "least_confidence", "margin", "ratio"])
def test_measures_of_one_class_are_not_for_labels(labels: Client, measure: str) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        labels.score(X, uncertainties=[measure])
    assert caught.value.field == "uncertainties"
    assert caught.value.message == (
        f"uncertainties: {measure} is not for multilabel rows, allowed are multilabel_max, multilabel_mean"
    )


def test_measures_of_labels_are_not_for_one_class(identity_client: Client) -> None:
    with pytest.raises(
        InvalidArgumentError, match="multilabel_max is not for multiclass rows, allowed are least_"
    ):
        identity_client.score(FOUR, uncertainties=["multilabel_max"])


def test_a_task_that_is_not_the_models_is_refused(labels: Client, identity_client: Client) -> None:
    with pytest.raises(InvalidArgumentError, match="task: is multiclass, model 'm' is for multilabel"):
        labels.score(X, task="multiclass")
    with pytest.raises(InvalidArgumentError, match="task: is regression, allowed are multiclass and multilabel"):
        identity_client.score(logits=FOUR, task="regression")


def test_what_cannot_be_the_probability_of_a_label_is_refused_by_its_row(labels: Client) -> None:
    rows = np.array([[0.5, 0.5], [0.2, 1.5]])
    with pytest.raises(InvalidArgumentError) as caught:
        labels.score(probabilities=rows, task="multilabel")
    assert caught.value.message == (
        "rows.probabilities.data: row 1 has the least value 0.2 and the largest 1.5, allowed are 0 to 1"
    )


def test_a_regression_model_gives_its_values(values: Client) -> None:
    scores = values.score(FOUR)
    np.testing.assert_array_equal(scores.values, 2 * FOUR[:, :2])
    assert scores.probabilities is None
    assert scores.predictions.tolist() == [-1] * 50
    info = values.model()
    assert (info.task, info.values_output, info.value_count, info.class_count) == ("regression", "variable", 2, 0)


def test_values_that_are_not_finite_are_invalid(values: Client) -> None:
    rows = FOUR[:3].copy()
    rows[1, 0] = np.nan
    scores = values.score(rows)
    assert scores.valid.tolist() == [True, False, True]
    assert len(values.score(FOUR[:0]).values) == 0


def test_values_and_embeddings_come_of_one_pass(values: Client) -> None:
    scores = values.score(FOUR, outputs=["values", "embeddings"])
    np.testing.assert_array_equal(scores.embeddings, FOUR)
    np.testing.assert_array_equal(scores.values, 2 * FOUR[:, :2])


GIVES_VALUES = "and model 'm' is a regression model, which gives values alone"


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({"uncertainties": ["entropy"]}, f"uncertainties: entropy is of classes, {GIVES_VALUES}"),
        ({"temperature": 2}, f"temperature: is for probabilities, {GIVES_VALUES}"),
        ({"top_k": 1}, "top_k: is 1, allowed are 0 to 0, the number of classes"),
        ({"task": "multiclass"}, "task: is multiclass, model 'm' is for regression"),
    ],
)
def test_what_is_of_classes_is_refused_of_a_regression_model(values: Client, wanted: dict, message: str) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        values.score(FOUR, **wanted)
    assert caught.value.message == message


@pytest.mark.parametrize("output", ["probabilities", "logits"])
def test_a_regression_model_has_neither_probabilities_nor_logits(values: Client, output: str) -> None:
    with pytest.raises(FailedPreconditionError) as caught:
        values.score(FOUR, outputs=[output])
    assert caught.value.message == f"outputs: there are no {output}, {GIVES_VALUES}"


def test_a_regression_model_lends_nothing_to_scores_of_classes(values: Client) -> None:
    with pytest.raises(InvalidArgumentError, match="rows: are scores of classes, and model 'm' is a regression"):
        values.score(logits=FOUR, model="m")


def test_a_classifier_gives_no_values(identity_client: Client) -> None:
    with pytest.raises(FailedPreconditionError, match="gives no values: it is for multiclass"):
        identity_client.score(FOUR, outputs=["values"])


def test_big_batches_of_values_are_cut_and_joined(serve: Serve, connect: Connect) -> None:
    client = connect(serve(onnx_models.regression(), rows_max=16))
    np.testing.assert_array_equal(client.score(FOUR).values, 2 * FOUR[:, :1])
