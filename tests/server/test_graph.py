"""Graphs as exporters write them, and what is done to them before they are run."""

import itertools

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

import onnx_models
from assayd_server.errors import ArtefactError
from assayd_server.graph import inner_matrices, prepare
from assayd_server.model import OnnxModel


def zip_mapped(**class_names: list) -> bytes:
    """A softmax behind a ZipMap, as skl2onnx writes it."""
    matrix = (TensorProto.FLOAT, ["rows", 3])
    model = onnx.load_model_from_string(
        onnx_models.build(
            nodes=[helper.make_node("Softmax", ["x"], ["probabilities"], axis=1)],
            inputs={"x": matrix},
            outputs={"probabilities": matrix},
        )
    )
    model.graph.node.append(
        helper.make_node("ZipMap", ["probabilities"], ["zipped"], domain="ai.onnx.ml", **class_names)
    )
    key = TensorProto.STRING if "classlabels_strings" in class_names else TensorProto.INT64
    value = helper.make_tensor_type_proto(TensorProto.FLOAT, [])
    zipped = helper.make_sequence_type_proto(helper.make_map_type_proto(key, value))
    model.graph.output[0].CopyFrom(helper.make_value_info("zipped", zipped))
    return model.SerializeToString()


@pytest.mark.parametrize(
    ("class_names", "labels"),
    [
        ({"classlabels_strings": ["a", "b", "c"]}, ("a", "b", "c")),
        ({"classlabels_int64s": [3, 5, 8]}, ("3", "5", "8")),
    ],
    ids=["texts", "numbers"],
)
def test_a_zip_map_is_taken_off_and_its_class_names_are_kept(class_names: dict, labels: tuple[str, ...]) -> None:
    graph = prepare(zip_mapped(**class_names), exposed=None)
    assert graph.labels == labels
    model = OnnxModel(graph.content, threads=1)
    assert [str(output) for output in model.outputs] == ["probabilities: float32 (any, 3)"]
    (p,) = model.run({"x": np.zeros((2, 3), np.float32)}, ["probabilities"])
    np.testing.assert_allclose(p, 1 / 3)


def test_a_zip_map_without_class_names_is_refused() -> None:
    with pytest.raises(ArtefactError, match="ZipMap '' has no class names"):
        prepare(zip_mapped(), exposed=None)


def test_class_names_that_are_not_utf_8_are_kept_as_far_as_they_are() -> None:
    labels = prepare(zip_mapped(classlabels_strings=[b"\xff", b"b", b"c"]), exposed=None).labels
    assert labels == ("\ufffd", "b", "c")


def test_a_zip_map_that_gives_no_output_is_left_for_onnx_runtime_to_refuse() -> None:
    model = onnx.load_model_from_string(zip_mapped(classlabels_int64s=[3, 5, 8]))
    model.graph.node.append(helper.make_node("Identity", ["zipped"], ["again"]))
    model.graph.output[0].name = "again"
    content = model.SerializeToString()
    assert prepare(content, exposed=None).content is content


@pytest.mark.parametrize("links", [["y", "y"], ["y", "z", "y"], ["y", ""]])
def test_a_graph_that_goes_round_in_a_circle_or_comes_from_nowhere_is_refused(links: list[str]) -> None:
    nodes = [
        helper.make_node("Identity", [source] if source else [], [target])
        for target, source in itertools.pairwise(links)
    ]
    matrix = (TensorProto.FLOAT, ["rows", 3])
    content = prepare(onnx_models.build(nodes=nodes, inputs={"x": matrix}, outputs={"y": matrix}), exposed=None)
    with pytest.raises(ArtefactError, match="cannot load it"):
        OnnxModel(content.content, threads=1)


def test_a_graph_that_needs_no_change_keeps_its_bytes() -> None:
    content = onnx_models.network()
    assert prepare(content, exposed="embedding").content is content


def test_an_inner_tensor_can_be_exposed() -> None:
    model = OnnxModel(prepare(onnx_models.network(), exposed="a1").content, threads=1)
    x = np.random.default_rng(0).normal(size=(5, 64)).astype(np.float32)
    inner, embedding = model.run({"x": x}, ["a1", "embedding"])
    np.testing.assert_array_equal(np.maximum(inner, 0), embedding)


def test_a_tensor_that_there_is_not_cannot_be_exposed() -> None:
    with pytest.raises(ArtefactError, match="there is no tensor 'nobody' in the graph"):
        prepare(onnx_models.network(), exposed="nobody")


def test_the_inner_matrices_are_those_that_are_no_outputs() -> None:
    assert inner_matrices(onnx_models.network()) == ["a1"]


def test_a_pooled_image_is_an_inner_matrix() -> None:
    content = onnx_models.build(
        nodes=[
            helper.make_node("GlobalAveragePool", ["x"], ["pooled"]),
            helper.make_node("Flatten", ["pooled"], ["flat"]),
            helper.make_node("Relu", ["flat"], ["y"]),
        ],
        inputs={"x": (TensorProto.FLOAT, ["rows", 3, 8, 8])},
        outputs={"y": (TensorProto.FLOAT, ["rows", 3])},
    )
    assert inner_matrices(content) == ["pooled", "flat"]
    model = OnnxModel(prepare(content, exposed="pooled").content, threads=1)
    y, pooled = (model.sample()[name] for name in ("y", "pooled"))
    np.testing.assert_array_equal(pooled, y)


def test_weights_are_no_inner_matrices_even_where_they_are_listed_or_computed() -> None:
    model = onnx.load_model_from_string(onnx_models.network())
    model.graph.value_info.append(helper.make_tensor_value_info("w2", TensorProto.FLOAT, [32, 10]))
    model.graph.node.append(helper.make_node("Transpose", ["w2"], ["w2_transposed"]))
    model.graph.value_info.append(helper.make_tensor_value_info("w2_transposed", TensorProto.FLOAT, [10, 32]))
    assert inner_matrices(model.SerializeToString()) == ["a1"]


def test_what_is_no_graph_is_left_for_onnx_runtime_to_refuse() -> None:
    assert prepare(b"garbage", exposed=None).content == b"garbage"


def test_the_operation_that_gives_an_output_is_known_through_those_that_leave_it_as_it_is() -> None:
    matrix = (onnx.TensorProto.FLOAT, ["rows", 3])
    nodes = [
        onnx.helper.make_node("Sigmoid", ["x"], ["a"]),
        onnx.helper.make_node("Cast", ["a"], ["b"], to=onnx.TensorProto.FLOAT),
        onnx.helper.make_node("Identity", ["b"], ["y"]),
        onnx.helper.make_node("Identity", ["x"], ["z"]),
    ]
    content = onnx_models.build(nodes=nodes, inputs={"x": matrix}, outputs={"y": matrix, "z": matrix})
    assert prepare(content, exposed=None).made_by == {"y": "Sigmoid"}
