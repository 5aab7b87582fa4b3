"""What calls return, from responses: names of classes, invalid rows, joined pieces, descriptions of models."""

import numpy as np
import pytest

from assayd import FailedModel, ModelIdentity, ModelInfo, Scores, TensorSpec
from assayd.arrays import encode
from assayd.results import joined, model_info, model_list, scores
from assayd.v1 import scoring_pb2, tensor_pb2

NAMES = {-1: "", 0: "cat", 2: "dog", 7: "newt"}


def floats(*values: object) -> tensor_pb2.Tensor:
    return encode(np.array(values, np.float32))


def ints(*values: object) -> tensor_pb2.Tensor:
    return encode(np.array(values, np.int32))


def response(**fields: object) -> scoring_pb2.ScoreResponse:
    """A response of three rows, the middle one invalid."""
    return scoring_pb2.ScoreResponse(**{"predictions": ints(2, -1, 0), "invalid_rows": [1]} | fields)


def full_response() -> scoring_pb2.ScoreResponse:
    return response(
        model=scoring_pb2.ModelIdentity(name="m", version=3, digest="sha256:ab"),
        class_names=NAMES,
        probabilities=floats([0.1, 0.2, 0.7], [np.nan] * 3, [0.8, 0.2, 0]),
        logits=floats([1, 2, 3], [np.nan, 0, 0], [4, 3, 2]),
        embeddings=floats([1], [2], [3]),
        top=scoring_pb2.TopClasses(
            classes=ints([2, 7], [-1, -1], [0, 2]), probabilities=floats([0.7, 0.2], [np.nan] * 2, [0.8, 0.2])
        ),
        uncertainties=[
            scoring_pb2.Uncertainty(
                measure=scoring_pb2.UNCERTAINTY_MEASURE_MARGIN, values=floats(0.5, np.nan, 0.4)
            ),
            scoring_pb2.Uncertainty(
                measure=scoring_pb2.UNCERTAINTY_MEASURE_ENTROPY, values=floats(0.7, np.nan, 0.5)
            ),
        ],
    )


def test_labels_are_the_names_of_the_predicted_classes() -> None:
    assert scores(response(class_names=NAMES)).labels.tolist() == ["dog", "", "cat"]


def test_labels_are_the_predictions_where_the_model_has_no_names() -> None:
    plain = scores(response())
    assert plain.labels is plain.predictions


def test_top_classes_are_named_too() -> None:
    top = scores(full_response()).top
    assert top.labels.tolist() == [["dog", "newt"], ["", ""], ["cat", "dog"]]
    assert top.classes.tolist() == [[2, 7], [-1, -1], [0, 2]]


def test_top_labels_are_the_classes_where_the_model_has_no_names() -> None:
    top = scoring_pb2.TopClasses(classes=ints([2], [-1], [0]), probabilities=floats([1], [np.nan], [1]))
    found = scores(response(top=top)).top
    assert found.labels is found.classes


def test_names_of_any_length_are_whole() -> None:
    names = {0: "a", 2: "日本" * 40}
    assert scores(response(predictions=ints(2, 0), invalid_rows=[], class_names=names)).labels[0] == "日本" * 40


def test_labels_are_shared_however_long_the_longest_of_them_is() -> None:
    names = {0: "a", 2: "b" * 10_000}
    labels = scores(response(predictions=ints(0, 2, 2), invalid_rows=[], class_names=names)).labels
    assert labels.dtype == object
    assert labels[1] is labels[2]


def test_joined_labels_are_still_texts() -> None:
    part = scores(full_response())
    assert joined([part, part]).labels.dtype == joined([part, part]).top.labels.dtype == object


@pytest.mark.parametrize("pick", [lambda part: part, lambda part: part.top], ids=["Scores", "TopClasses"])
def test_scores_are_equal_to_themselves_alone(pick) -> None:
    one, other = pick(scores(full_response())), pick(scores(full_response()))
    assert one == one  # noqa: PLR0124 - arrays in it would make this an error
    assert one != other


@pytest.mark.parametrize("pick", [lambda part: part, lambda part: part.top], ids=["Scores", "TopClasses"])
def test_scores_can_be_hashed(pick) -> None:
    one, other = pick(scores(full_response())), pick(scores(full_response()))
    assert {one: 1, other: 2}[one] == 1


def test_rows_named_invalid_are_not_valid() -> None:
    assert scores(response(invalid_rows=[0, 2])).valid.tolist() == [False, True, False]


def test_rows_are_valid_unless_named() -> None:
    assert scores(response(invalid_rows=[])).valid.tolist() == [True] * 3


def test_measures_are_found_by_their_names() -> None:
    uncertainty = scores(full_response()).uncertainty
    assert list(uncertainty) == ["margin", "entropy"]
    np.testing.assert_array_equal(uncertainty["margin"], np.array([0.5, np.nan, 0.4], np.float32))


@pytest.mark.parametrize("field", ["probabilities", "logits", "embeddings", "top", "model"])
def test_what_is_not_in_the_response_is_none(field: str) -> None:
    assert getattr(scores(response()), field) is None


@pytest.mark.parametrize("field", ["probabilities", "logits", "embeddings"])
def test_what_is_in_the_response_is_an_array(field: str) -> None:
    expected = {"probabilities": 0.8, "logits": 4, "embeddings": 3}[field]
    array = getattr(scores(full_response()), field)
    assert array.dtype == np.float32
    assert array[2, 0] == np.float32(expected)


def test_the_model_that_answered_is_named() -> None:
    assert scores(full_response()).model == ModelIdentity("m", 3, "sha256:ab")


def test_the_length_is_the_number_of_rows() -> None:
    assert len(scores(response())) == 3


def test_no_rows_give_empty_scores() -> None:
    empty = scores(scoring_pb2.ScoreResponse(predictions=ints(), class_names={-1: ""}))
    assert (len(empty), empty.labels.shape, empty.valid.shape) == (0, (0,), (0,))


def test_one_part_joins_to_itself() -> None:
    part = scores(full_response())
    assert joined([part]) is part


def test_parts_join_in_order() -> None:
    first = scores(response(predictions=ints(2, -1), class_names={-1: "", 2: "dog"}))
    second = scores(response(predictions=ints(7), invalid_rows=[], class_names={-1: "", 7: "axolotl"}))
    whole = joined([first, second])
    assert whole.predictions.tolist() == [2, -1, 7]
    assert whole.labels.tolist() == ["dog", "", "axolotl"]
    assert whole.valid.tolist() == [True, False, True]


def test_every_field_is_joined() -> None:
    part = scores(full_response())
    whole = joined([part, part])
    for field in ("predictions", "labels", "valid", "probabilities", "logits", "embeddings"):
        expected = np.concatenate([getattr(part, field)] * 2)
        np.testing.assert_array_equal(getattr(whole, field), expected, err_msg=field)
    for field in ("classes", "labels", "probabilities"):
        expected = np.concatenate([getattr(part.top, field)] * 2)
        np.testing.assert_array_equal(getattr(whole.top, field), expected, err_msg=field)
    assert list(whole.uncertainty) == ["margin", "entropy"]
    np.testing.assert_array_equal(whole.uncertainty["entropy"], np.tile(part.uncertainty["entropy"], 2))
    assert whole.model == part.model


@pytest.mark.parametrize("field", ["probabilities", "logits", "embeddings", "top", "model"])
def test_what_no_part_has_the_whole_has_not(field: str) -> None:
    part = scores(response())
    assert getattr(joined([part, part]), field) is None


def test_scores_cannot_be_changed() -> None:
    part = scores(response())
    with pytest.raises(AttributeError):
        part.valid = np.ones(3, np.bool_)


def test_scores_need_no_more_than_predictions_labels_valid_and_uncertainty() -> None:
    empty = np.empty(0, np.int32)
    assert len(Scores(empty, empty, np.empty(0, np.bool_), {})) == 0


def a_model() -> scoring_pb2.Model:
    return scoring_pb2.Model(
        identity=scoring_pb2.ModelIdentity(name="m", version=2, digest="sha256:cd"),
        inputs=[scoring_pb2.TensorSpec(name="x", data_type=tensor_pb2.DATA_TYPE_UINT8, shape=[-1, 28, 28])],
        outputs=[scoring_pb2.TensorSpec(name="y", data_type=tensor_pb2.DATA_TYPE_FLOAT32, shape=[-1, 2])],
        logits_output="y",
        probabilities_output="p",
        embedding_output="h",
        class_count=2,
        embedding_width=5,
        labels=["cat", "dog"],
        temperature=1.5,
        task=scoring_pb2.TASK_MULTILABEL,
        values_output="v",
        value_count=3,
    )


def test_a_model_is_described_in_plain_values() -> None:
    assert model_info(a_model()) == ModelInfo(
        name="m",
        version=2,
        digest="sha256:cd",
        inputs=(TensorSpec("x", "uint8", (None, 28, 28)),),
        outputs=(TensorSpec("y", "float32", (None, 2)),),
        logits_output="y",
        probabilities_output="p",
        embedding_output="h",
        class_count=2,
        embedding_width=5,
        labels=("cat", "dog"),
        temperature=1.5,
        task="multilabel",
        values_output="v",
        value_count=3,
    )


def test_an_axis_of_length_zero_is_not_one_of_any_length() -> None:
    spec = scoring_pb2.TensorSpec(name="x", data_type=tensor_pb2.DATA_TYPE_UINT8, shape=[-1, 0, 1])
    assert model_info(scoring_pb2.Model(inputs=[spec])).inputs[0].shape == (None, 0, 1)


def test_models_are_listed_with_those_that_failed() -> None:
    failed = scoring_pb2.FailedModel(name="m", version=3, reason="its digest is wrong")
    listed = model_list(scoring_pb2.ListModelsResponse(models=[a_model()], failed=[failed]))
    assert listed.models == (model_info(a_model()),)
    assert listed.failed == (FailedModel("m", 3, "its digest is wrong"),)
