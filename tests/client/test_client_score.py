"""Client.score against a real server: every kind of rows, every output, every keyword."""

import numpy as np
import pytest
from onnx import TensorProto, helper
from scipy import special

import onnx_models
from assayd import Client, FailedPreconditionError, InvalidArgumentError, NotFoundError

X = np.random.default_rng(11).normal(0, 2, (6, 4)).astype(np.float32)
P = special.softmax(X.astype(np.float64), axis=1)


def sum_of_two_inputs() -> bytes:
    """Logits that are the sum of the inputs a and b."""
    matrix = (TensorProto.FLOAT, ["rows", 3])
    return onnx_models.build(
        nodes=[helper.make_node("Add", ["a", "b"], ["logits"])],
        inputs={"a": matrix, "b": matrix},
        outputs={"logits": matrix},
    )


@pytest.fixture
def labelled_client(serve, connect, tmp_path) -> Client:
    """A client of a server whose four classes have names and whose model has a temperature of 2."""
    labels = ["ant", "bee", "cicada", "dragonfly"]
    onnx_models.write_bundle(tmp_path / "models", onnx_models.identity(), labels=labels, temperature=2.0)
    return connect(serve(tmp_path / "models"))


def test_inputs_are_scored_by_the_model(identity_client: Client) -> None:
    scores = identity_client.score(X)
    assert scores.predictions.tolist() == X.argmax(axis=1).tolist()
    np.testing.assert_allclose(scores.probabilities, P, rtol=1e-5)


def test_the_answer_names_the_model(identity_client: Client) -> None:
    model = identity_client.score(X).model
    assert (model.name, model.version) == ("m", 1)
    assert model.digest.startswith("sha256:")


def test_nested_lists_of_numbers_are_scored(identity_client: Client) -> None:
    assert identity_client.score(X[:2].tolist()).predictions.tolist() == X[:2].argmax(axis=1).tolist()


def test_a_dict_of_one_array_feeds_the_input_of_that_name(identity_client: Client) -> None:
    assert identity_client.score({"x": X}).predictions.tolist() == X.argmax(axis=1).tolist()


def test_a_dict_feeds_each_input_by_its_name(serve, connect) -> None:
    client = connect(serve(sum_of_two_inputs()))
    a, b = np.eye(3, dtype=np.float32), np.float32([[0, 0, 5]] * 3)
    np.testing.assert_array_equal(client.score({"b": b, "a": a}, outputs="logits").logits, a + b)


def test_logits_are_scored_without_a_model(identity_client: Client) -> None:
    scores = identity_client.score(logits=X)
    np.testing.assert_allclose(scores.probabilities, P, rtol=1e-5)
    assert scores.model is None


def test_probabilities_are_scored_without_a_model(identity_client: Client) -> None:
    scores = identity_client.score(probabilities=P, uncertainties=["least_confidence"])
    np.testing.assert_allclose(scores.uncertainty["least_confidence"], (1 - P.max(axis=1)) * 4 / 3, rtol=1e-5)


def test_logits_may_be_whole_numbers(identity_client: Client) -> None:
    scores = identity_client.score(logits=[[0, 1, 0, 0], [3, 0, 0, 0]])
    assert scores.predictions.tolist() == [1, 0]


def test_probabilities_may_be_whole_numbers(identity_client: Client) -> None:
    assert identity_client.score(probabilities=[[0, 0, 1], [1, 0, 0]]).predictions.tolist() == [2, 0]


def test_embeddings_and_a_head_may_be_whole_numbers(identity_client: Client) -> None:
    scores = identity_client.score(embeddings=[[1, 2]], head=([[1, 0], [0, 1]], [10, 20]), outputs="logits")
    assert scores.logits.tolist() == [[11, 22]]


def test_none_leaves_measures_and_outputs_to_the_server(identity_client: Client) -> None:
    scores = identity_client.score(X, uncertainties=None, outputs=None)
    assert (scores.uncertainty, scores.logits) == ({}, None)
    assert scores.probabilities is not None


def test_an_empty_list_of_outputs_asks_for_predictions_alone(identity_client: Client) -> None:
    scores = identity_client.score(X, outputs=[])
    assert scores.predictions.tolist() == X.argmax(axis=1).tolist()
    assert scores.probabilities is None


def test_embeddings_are_scored_with_a_head(identity_client: Client) -> None:
    weights, bias = np.float32([[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 1]]), np.float32([1, 2, 3])
    scores = identity_client.score(embeddings=X, head=(weights, bias), outputs=["logits"])
    np.testing.assert_allclose(scores.logits, X @ weights.T + bias, rtol=1e-5)


def test_a_head_needs_no_bias(identity_client: Client) -> None:
    scores = identity_client.score(embeddings=X, head=(np.eye(4, dtype=np.float32), None), outputs=["logits"])
    np.testing.assert_allclose(scores.logits, X, rtol=1e-6)


def test_a_head_on_inputs_takes_the_models_embedding(identity_client: Client) -> None:
    scores = identity_client.score(X, head=(np.eye(4, dtype=np.float32), None), outputs=["logits"])
    np.testing.assert_allclose(scores.logits, 2 * X, rtol=1e-6)


@pytest.mark.parametrize("name", ["least_confidence", "margin", "ratio", "entropy"])
def test_each_measure_can_be_asked_for(identity_client: Client, name: str) -> None:
    second, first = np.sort(P, axis=1)[:, -2:].T
    expected = {
        "least_confidence": (1 - first) * 4 / 3,
        "margin": 1 - (first - second),
        "ratio": second / first,
        "entropy": -(P * np.log(P)).sum(axis=1) / np.log(4),
    }
    uncertainty = identity_client.score(X, uncertainties=[name]).uncertainty
    assert list(uncertainty) == [name]
    np.testing.assert_allclose(uncertainty[name], expected[name], rtol=1e-4)


def test_the_most_probable_classes_come_in_order(identity_client: Client) -> None:
    top = identity_client.score(X, top_k=3).top
    np.testing.assert_array_equal(top.classes, np.argsort(-X, axis=1)[:, :3])
    np.testing.assert_allclose(top.probabilities, -np.sort(-P, axis=1)[:, :3], rtol=1e-5)


def test_only_what_was_asked_for_is_returned(identity_client: Client) -> None:
    scores = identity_client.score(X, outputs=["logits", "embeddings"])
    np.testing.assert_array_equal(scores.logits, X)
    np.testing.assert_array_equal(scores.embeddings, 2 * X)
    assert scores.probabilities is None
    assert scores.top is None
    assert scores.uncertainty == {}


def test_predictions_alone_are_the_smallest_answer(identity_client: Client) -> None:
    scores = identity_client.score(X, outputs=["predictions"])
    assert scores.predictions.tolist() == X.argmax(axis=1).tolist()
    assert scores.probabilities is None


def test_a_temperature_takes_the_place_of_the_models_own(labelled_client: Client) -> None:
    scores = labelled_client.score(X, temperature=1.0)
    np.testing.assert_allclose(scores.probabilities, P, rtol=1e-5)


def test_the_models_own_temperature_is_used_unless_one_is_given(labelled_client: Client) -> None:
    expected = special.softmax(X / 2, axis=1)
    np.testing.assert_allclose(labelled_client.score(X).probabilities, expected, rtol=1e-5)


def test_classes_are_named_where_the_model_has_names(labelled_client: Client) -> None:
    scores = labelled_client.score(np.float32([[0, 9, 1, 0], [5, 0, 0, 0]]), top_k=2)
    assert scores.labels.tolist() == ["bee", "ant"]
    assert scores.top.labels.tolist() == [["bee", "cicada"], ["ant", "bee"]]


def test_a_model_named_with_logits_lends_them_its_class_names(labelled_client: Client) -> None:
    assert labelled_client.score(logits=X[:1] * 0, model="m").labels.tolist() == ["ant"]


def test_a_row_that_cannot_be_scored_is_marked_and_its_neighbours_are_not(labelled_client: Client) -> None:
    rows = X.copy()
    rows[2, 1] = np.nan
    scores = labelled_client.score(rows, temperature=1.0, uncertainties=["entropy"], top_k=1)
    assert scores.valid.tolist() == [True, True, False, True, True, True]
    assert (scores.predictions[2], scores.labels[2], scores.top.classes[2, 0]) == (-1, "", -1)
    assert np.isnan(scores.probabilities[2]).all()
    assert np.isnan(scores.uncertainty["entropy"][2])
    np.testing.assert_allclose(scores.probabilities[[0, 1, 3, 4, 5]], P[[0, 1, 3, 4, 5]], rtol=1e-5)


def test_no_rows_give_empty_scores_of_the_right_widths(identity_client: Client) -> None:
    scores = identity_client.score(X[:0], uncertainties=["margin"], top_k=2)
    assert len(scores) == 0
    assert scores.probabilities.shape == (0, 4)
    assert scores.top.classes.shape == (0, 2)
    assert scores.uncertainty["margin"].shape == (0,)


def test_the_rows_are_left_as_they_were(identity_client: Client) -> None:
    rows = X.copy()
    rows.flags.writeable = False
    identity_client.score(rows)
    np.testing.assert_array_equal(rows, X)


def test_half_precision_and_big_endian_rows_are_scored(identity_client: Client) -> None:
    expected = identity_client.score(X.astype(np.float16)).predictions
    np.testing.assert_array_equal(identity_client.score(X.astype(">f4")).predictions, expected)


def test_wrong_rows_are_refused_with_the_field(identity_client: Client) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        identity_client.score(X[:, :3])
    assert caught.value.field == "rows.inputs.tensors[0].shape"
    assert caught.value.reason == "INPUT_DOES_NOT_FIT"


def test_a_model_that_is_not_there_is_not_found(identity_client: Client) -> None:
    with pytest.raises(NotFoundError, match="'other' is not loaded, loaded are m") as caught:
        identity_client.score(X, model="other")
    assert caught.value.reason == "UNKNOWN_MODEL"


def test_what_the_model_lacks_is_a_failed_precondition(serve, connect) -> None:
    client = connect(serve(onnx_models.softmax_only()))
    with pytest.raises(FailedPreconditionError, match="gives no logits"):
        client.score(X, outputs=["logits"])


def test_an_unknown_keyword_is_a_type_error(identity_client: Client) -> None:
    with pytest.raises(TypeError, match="topk"):
        identity_client.score(X, topk=3)
