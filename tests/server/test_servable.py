"""A model with its bundle: what must agree when it is loaded, and one forward pass over rows."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper

import onnx_models
from assayd_server.errors import ArtefactError, FailedPreconditionError, InvalidArgumentError
from assayd_server.forward import Forward
from assayd_server.rows import Inputs, NamedArray
from assayd_server.servable import Servable

Load = Callable[..., Servable]
ROWS = np.random.default_rng(0).normal(0, 1, (3, 4)).astype(np.float32)


def inputs(values: np.ndarray, name: str = "") -> Inputs:
    return Inputs((NamedArray(name, values),), len(values))


def forward(model: Servable, rows: np.ndarray, *roles: str) -> Forward:
    return model.forward(model.match(inputs(rows)), row_count=len(rows), roles=roles)


def passing(data_type: str) -> bytes:
    """Logits that are the input, in its type."""
    matrix = (helper.np_dtype_to_tensor_dtype(np.dtype(data_type)), ["rows", 4])
    return onnx_models.build(
        nodes=[helper.make_node("Identity", ["x"], ["logits"])], inputs={"x": matrix}, outputs={"logits": matrix}
    )


def as_wide_as_the_input() -> bytes:
    """Logits that are the input and one column more, however wide it is, and a fixed output of two columns."""
    return onnx_models.build(
        nodes=[
            helper.make_node("ReduceMax", ["x"], ["largest"], axes=[1], keepdims=1),
            helper.make_node("Concat", ["x", "largest"], ["logits"], axis=1),
            helper.make_node("Concat", ["largest", "largest"], ["fixed"], axis=1),
        ],
        inputs={"x": (TensorProto.FLOAT, ["rows", "width"])},
        outputs={
            "logits": (TensorProto.FLOAT, ["rows", "wider"]),
            "fixed": (TensorProto.FLOAT, ["rows", 2]),
        },
    )


def test_a_model_without_a_manifest_entry_is_read_by_its_outputs(load: Load) -> None:
    model = load(onnx_models.identity())
    assert model.contract.roles == {"logits": "logits", "embedding": "embedding"}
    assert (model.labels, model.temperature) == ((), 1.0)


def test_the_manifest_says_which_output_is_what(load: Load) -> None:
    model = load(onnx_models.identity(), outputs={"logits": "embedding"})
    assert model.contract.roles == {"logits": "embedding"}


def test_a_flag_beats_the_manifest(load: Load) -> None:
    model = load(onnx_models.identity(), chosen={"logits": "logits"}, outputs={"logits": "embedding"})
    assert model.contract.roles == {"logits": "logits"}


def test_a_manifest_that_names_an_output_that_there_is_not_is_refused(load: Load) -> None:
    with pytest.raises(ArtefactError, match=r"^output 'nope' cannot be the logits"):
        load(onnx_models.identity(), outputs={"logits": "nope"})


def test_the_temperature_is_the_manifests(load: Load) -> None:
    assert load(onnx_models.identity(), temperature=2.5).temperature == 2.5


def test_inputs_that_the_manifest_declares_rightly_are_accepted(load: Load) -> None:
    entry = {"name": "x", "data_type": "float32", "shape": [None, 4]}
    assert load(onnx_models.identity(), inputs=[entry]).contract.inputs[0].name == "x"


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"name": "image"}, "image: float32 (any, 4)"),
        ({"data_type": "float64"}, "x: float64 (any, 4)"),
        ({"shape": [None, 5]}, "x: float32 (any, 5)"),
        ({"shape": [None, 4, 1]}, "x: float32 (any, 4, 1)"),
        ({"shape": [None, None]}, "x: float32 (any, any)"),
    ],
)
def test_inputs_that_the_manifest_declares_wrongly_are_refused(
    load: Load, entry: dict[str, Any], said: str
) -> None:
    declared = {"name": "x", "data_type": "float32", "shape": [None, 4]} | entry
    with pytest.raises(ArtefactError) as caught:
        load(onnx_models.identity(), inputs=[declared])
    assert str(caught.value) == f"inputs: the manifest says {said}, the model has x: float32 (any, 4)"


def test_an_input_too_many_in_the_manifest_is_refused(load: Load) -> None:
    entries = [{"name": name, "data_type": "float32", "shape": [None, 4]} for name in ("x", "y")]
    with pytest.raises(ArtefactError, match=r"^inputs: the manifest says x: .*; y: "):
        load(onnx_models.identity(), inputs=entries)


@pytest.mark.parametrize("labels", [["a"], ["a", "b", "c"], ["a", "b", "c", "d", "e"]], ids=len)
def test_labels_of_the_wrong_number_are_refused(load: Load, labels: list[str]) -> None:
    with pytest.raises(ArtefactError) as caught:
        load(onnx_models.identity(), labels=labels)
    assert str(caught.value) == f"labels: {len(labels)} names were given, the model has 4 classes"


def test_labels_of_the_right_number_are_kept_in_their_order(load: Load) -> None:
    assert load(onnx_models.identity(), labels=["d", "c", "b", "a"]).labels == ("d", "c", "b", "a")


def test_arrays_are_matched_to_the_inputs_of_the_model_by_name(load: Load) -> None:
    a, b = np.zeros((2, 3)), np.zeros((2, 3), np.int64)
    matched = load(onnx_models.two_inputs()).match(Inputs((NamedArray("b", b), NamedArray("a", a)), 2))
    assert {name: id(values) for name, values in matched.items()} == {"a": id(a), "b": id(b)}


@pytest.mark.parametrize("row_count", [0, 2])
def test_arrays_that_do_not_fit_the_model_are_refused_whatever_their_number(load: Load, row_count: int) -> None:
    with pytest.raises(InvalidArgumentError, match=rf"tensors\[0\]\.shape: is \[{row_count}, 5\]"):
        load(onnx_models.identity()).match(inputs(np.zeros((row_count, 5), np.float32)))


def test_a_pass_gives_only_what_was_asked_for(load: Load) -> None:
    given = forward(load(onnx_models.identity()), ROWS, "logits")
    np.testing.assert_array_equal(given.logits, ROWS)
    assert (given.probabilities, given.embeddings) == (None, None)


def test_a_pass_gives_scores_and_embeddings_at_once(load: Load) -> None:
    given = forward(load(onnx_models.identity()), ROWS, "logits", "embedding")
    np.testing.assert_array_equal(given.logits, ROWS)
    np.testing.assert_array_equal(given.embeddings, 2 * ROWS)


def test_a_model_of_probabilities_gives_probabilities(load: Load) -> None:
    given = forward(load(onnx_models.softmax_only()), ROWS, "probabilities")
    assert given.logits is None
    np.testing.assert_allclose(np.asarray(given.probabilities).sum(axis=1), 1, rtol=1e-6)


def test_rows_of_another_type_are_cast_for_the_model(load: Load) -> None:
    given = forward(load(onnx_models.identity()), np.arange(8).reshape(2, 4), "logits")
    assert np.asarray(given.logits).tolist() == [[0, 1, 2, 3], [4, 5, 6, 7]]


@pytest.mark.parametrize(
    ("taken", "given"), [("float16", "float32"), ("float32", "float32"), ("float64", "float64")]
)
def test_scores_are_at_least_in_single_precision(load: Load, taken: str, given: str) -> None:
    logits = forward(load(passing(taken)), ROWS.astype(taken), "logits").logits
    assert np.asarray(logits).dtype == given


def test_no_rows_run_nothing_and_have_the_right_widths(load: Load) -> None:
    model = load(onnx_models.network(width=6, hidden=3, class_count=5))
    given = forward(model, np.zeros((0, 6), np.float32), "logits", "embedding")
    assert (np.shape(given.logits), np.shape(given.embeddings)) == ((0, 5), (0, 3))


def test_rows_that_the_graph_refuses_are_the_callers_mistake(load: Load) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        forward(load(onnx_models.look_up()), np.array([99]), "logits")
    assert (caught.value.field, caught.value.reason) == ("rows.inputs", "MODEL_FAILED")
    assert "99" not in caught.value.message
    assert "99" in str(caught.value.__cause__)


def test_answers_that_are_fewer_than_the_rows_are_refused(load: Load) -> None:
    rows = np.array([[1, 0, 0, 0], [-1, -1, -1, -1]], np.float32)
    with pytest.raises(FailedPreconditionError) as caught:
        forward(load(onnx_models.rows_with_a_positive_value()), rows, "logits")
    assert caught.value.reason == "MODEL_GAVE_ANOTHER_SHAPE"
    assert str(caught.value) == "model 'm' gave [1, 4] values where [2, 4] were due"


def test_answers_for_another_number_of_classes_are_refused(load: Load) -> None:
    model = load(as_wide_as_the_input())
    assert model.contract.class_count == 2
    with pytest.raises(FailedPreconditionError, match=r"gave \[3, 5\] values where \[3, 2\] were due$"):
        forward(model, ROWS, "logits")


def test_an_embedding_of_another_width_is_refused(load: Load) -> None:
    model = load(as_wide_as_the_input(), chosen={"logits": "fixed", "embedding": "logits"})
    with pytest.raises(FailedPreconditionError) as caught:
        forward(model, ROWS, "logits", "embedding")
    assert caught.value.reason == "MODEL_GAVE_ANOTHER_SHAPE"
