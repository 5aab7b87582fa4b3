"""ONNX models in ONNX Runtime: what cannot be loaded or run is said in one sentence."""

import threading
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

import onnx_models
from assayd_server.errors import ArtefactError
from assayd_server.model import ModelRunError, OnnxModel

INPUT_TYPES = {
    TensorProto.BOOL: "bool",
    TensorProto.UINT8: "uint8",
    TensorProto.UINT16: "uint16",
    TensorProto.UINT32: "uint32",
    TensorProto.UINT64: "uint64",
    TensorProto.INT8: "int8",
    TensorProto.INT16: "int16",
    TensorProto.INT32: "int32",
    TensorProto.INT64: "int64",
    TensorProto.FLOAT16: "float16",
    TensorProto.FLOAT: "float32",
    TensorProto.DOUBLE: "float64",
    TensorProto.STRING: "string",
}


def passing(kind: int, shape: list[Any] | None) -> bytes:
    """A model that gives what it takes."""
    tensor = (kind, shape)
    return onnx_models.build(
        nodes=[helper.make_node("Identity", ["x"], ["y"])], inputs={"x": tensor}, outputs={"y": tensor}
    )


def refusal(content: bytes) -> str:
    """Why a model cannot be served: one line, however much ONNX Runtime has to say."""
    with pytest.raises(ArtefactError) as caught:
        OnnxModel(content, threads=1).sample()
    said = str(caught.value)
    assert len(said.splitlines()) == 1
    return said


@pytest.mark.parametrize(
    "content",
    [b"", b"garbage", b"\x00" * 1000, b"{}", np.random.default_rng(0).bytes(5000), onnx_models.network()[:-100]],
    ids=["nothing", "a word", "zeros", "JSON", "noise", "a model cut short"],
)
def test_bytes_that_are_no_model_are_refused(content: bytes) -> None:
    assert refusal(content).startswith("ONNX Runtime cannot load it: ")


@pytest.mark.parametrize("version", [99, 10_000])
def test_a_format_that_is_too_new_is_refused_with_its_version(version: int) -> None:
    model = onnx.load_model_from_string(onnx_models.identity())
    model.ir_version = version
    said = refusal(model.SerializeToString())
    assert said.startswith(f"its IR version is {version}, this ONNX Runtime reads up to ")
    assert said.endswith("when exporting, or upgrade onnxruntime")


def test_an_operator_set_that_is_too_new_is_refused() -> None:
    model = onnx.load_model_from_string(onnx_models.identity())
    model.opset_import[0].version = 999
    said = refusal(model.SerializeToString())
    assert said.startswith("its opset is 999, this ONNX Runtime reads up to ")
    assert "set the exporter's opset to " in said


def test_an_operator_that_nobody_knows_is_refused_with_its_name() -> None:
    matrix = (TensorProto.FLOAT, ["rows", 4])
    content = onnx_models.build(
        nodes=[helper.make_node("Frobnicate", ["x"], ["y"])], inputs={"x": matrix}, outputs={"y": matrix}
    )
    assert "Frobnicate" in refusal(content)


@pytest.mark.parametrize(("kind", "name"), INPUT_TYPES.items(), ids=INPUT_TYPES.values())
def test_every_type_of_a_wire_can_be_an_input(kind: int, name: str) -> None:
    model = OnnxModel(passing(kind, ["rows", 3]), threads=1)
    assert str(model.inputs[0]) == f"x: {name} (any, 3)"
    assert model.sample()["y"].shape == (4, 3)


def test_an_input_of_another_type_is_refused_with_those_that_are_allowed() -> None:
    assert refusal(passing(TensorProto.BFLOAT16, ["rows", 3])) == (
        f"input 'x' has type tensor(bfloat16), allowed are {', '.join(INPUT_TYPES.values())}"
    )


def test_an_output_of_another_type_is_only_described() -> None:
    content = onnx_models.build(
        nodes=[
            helper.make_node("Identity", ["x"], ["logits"]),
            helper.make_node("SequenceConstruct", ["x"], ["sequence"]),
        ],
        inputs={"x": (TensorProto.FLOAT, ["rows", 4])},
        outputs={"logits": (TensorProto.FLOAT, ["rows", 4])},
    )
    model = onnx.load_model_from_string(content)
    model.graph.output.append(helper.make_tensor_sequence_value_info("sequence", TensorProto.FLOAT, None))
    loaded = OnnxModel(model.SerializeToString(), threads=1)
    assert [output.data_type for output in loaded.outputs] == ["float32", "seq(tensor(float))"]
    assert set(loaded.sample()) == {"logits", "sequence"}


def test_an_input_without_an_axis_is_refused() -> None:
    assert refusal(passing(TensorProto.FLOAT, [])) == "input x: float32 () has no axis for the rows"


@pytest.mark.parametrize("rows_a_pass", [1, 3, 8])
@pytest.mark.parametrize("row_count", [1, 3, 4, 8, 20])
def test_a_fixed_number_of_rows_at_a_time_is_nobodys_business(rows_a_pass: int, row_count: int) -> None:
    model = OnnxModel(passing(TensorProto.FLOAT, [rows_a_pass, 4]), threads=1)
    assert [str(tensor) for tensor in (*model.inputs, *model.outputs)] == [
        "x: float32 (any, 4)",
        "y: float32 (any, 4)",
    ]
    x = np.random.default_rng(0).random((row_count, 4), np.float32)
    (y,) = model.run({"x": x}, ["y"])
    np.testing.assert_array_equal(y, x)


@pytest.mark.parametrize("rows", ["rows", 3])
def test_an_output_of_one_pixel_is_a_matrix(rows: Any) -> None:
    model = OnnxModel(passing(TensorProto.FLOAT, [rows, 5, 1, 1]), threads=1)
    assert str(model.outputs[0]) == "y: float32 (any, 5)"
    x = np.random.default_rng(0).random((7, 5, 1, 1), np.float32)
    (y,) = model.run({"x": x}, ["y"])
    np.testing.assert_array_equal(y, x[:, :, 0, 0])


@pytest.mark.parametrize("shape", [["rows", 5, 1], ["rows", 5, "height", "width"], ["rows", 5, 1, 2]])
def test_an_output_of_more_than_one_pixel_or_of_a_sequence_keeps_its_axes(shape: list[Any]) -> None:
    model = OnnxModel(passing(TensorProto.FLOAT, shape), threads=1)
    assert len(model.outputs[0].shape) == len(shape)
    assert model.sample()["y"].ndim == len(shape)  # although height and width are 1 here


def test_an_output_that_is_not_the_one_pixel_it_declares_keeps_its_axes() -> None:
    content = onnx_models.build(
        nodes=[helper.make_node("Reshape", ["x", "shape"], ["y"])],
        inputs={"x": (TensorProto.FLOAT, ["rows", 4]), "shape": (TensorProto.INT64, ["rows"])},
        outputs={"y": (TensorProto.FLOAT, ["rows", 4, 1, 1])},
    )
    model = OnnxModel(content, threads=1)
    feeds = {"x": np.zeros((4, 4), np.float32), "shape": np.array([4, 2, 2, 1])}
    assert model.run(feeds, ["y"])[0].shape == (4, 2, 2, 1)


def test_an_output_that_stands_for_all_rows_does_not_stop_a_model_of_fixed_rows() -> None:
    rows = (TensorProto.FLOAT, [3, 4])
    content = onnx_models.build(
        nodes=[
            helper.make_node("Identity", ["x"], ["logits"]),
            helper.make_node("ReduceSum", ["x"], ["loss"], keepdims=0),
        ],
        inputs={"x": rows},
        outputs={"logits": rows, "loss": (TensorProto.FLOAT, [])},
    )
    sample = OnnxModel(content, threads=1).sample()
    assert {name: values.shape for name, values in sample.items()} == {"logits": (4, 4), "loss": ()}


def test_axes_of_any_length_other_than_the_rows_are_allowed() -> None:
    model = OnnxModel(passing(TensorProto.FLOAT, ["rows", "height", "width", 3]), threads=1)
    assert str(model.inputs[0]) == "x: float32 (any, any, any, 3)"
    assert model.sample()["y"].shape == (4, 1, 1, 3)


def test_a_graph_that_fails_on_made_up_rows_says_so() -> None:
    content = onnx_models.build(
        nodes=[helper.make_node("Reshape", ["x", "shape"], ["logits"])],
        inputs={"x": (TensorProto.FLOAT, ["rows", 4])},
        outputs={"logits": (TensorProto.FLOAT, ["rows", 4])},
        weights={"shape": np.array([7, 7], np.int64)},
    )
    with pytest.raises(ModelRunError, match="Reshape"):
        OnnxModel(content, threads=1).sample()


def test_the_made_up_rows_are_the_same_each_time() -> None:
    first, second = (OnnxModel(onnx_models.network(), threads=1).sample() for _ in range(2))
    np.testing.assert_array_equal(first["logits"], second["logits"])


def test_inputs_and_outputs_are_described_in_the_order_of_the_graph() -> None:
    model = OnnxModel(onnx_models.network(width=6, hidden=3, class_count=2), threads=1)
    assert list(map(str, model.inputs)) == ["x: float32 (any, 6)"]
    assert list(map(str, model.outputs)) == ["logits: float32 (any, 2)", "embedding: float32 (any, 3)"]


def test_a_pass_gives_the_outputs_that_were_asked_for_in_that_order() -> None:
    rows = np.arange(8, dtype=np.float32).reshape(2, 4)
    embedding, logits = OnnxModel(onnx_models.identity(), threads=1).run({"x": rows}, ["embedding", "logits"])
    np.testing.assert_array_equal(embedding, 2 * rows)
    np.testing.assert_array_equal(logits, rows)


def test_text_reaches_the_model_whole() -> None:
    texts = np.array([["", "größe"], ["模型", "a\nb"]], object)
    (passed,) = OnnxModel(passing(TensorProto.STRING, ["rows", 2]), threads=1).run({"x": texts}, ["y"])
    assert passed.tolist() == texts.tolist()


def test_values_that_the_graph_refuses_are_a_run_error_in_one_line() -> None:
    model = OnnxModel(onnx_models.look_up(rows=8), threads=1)
    with pytest.raises(ModelRunError) as caught:
        model.run({"position": np.array([0, 99])}, ["logits"])
    assert len(str(caught.value).splitlines()) == 1


def test_an_unknown_output_is_a_run_error() -> None:
    with pytest.raises(ModelRunError):
        OnnxModel(onnx_models.identity(), threads=1).run({"x": np.zeros((1, 4), np.float32)}, ["nope"])


def test_a_model_that_failed_once_goes_on() -> None:
    model = OnnxModel(onnx_models.look_up(class_count=4), threads=1)
    with pytest.raises(ModelRunError):
        model.run({"position": np.array([99])}, ["logits"])
    np.testing.assert_array_equal(model.run({"position": np.array([0])}, ["logits"])[0], [[0, 1, 2, 3]])


def test_a_session_can_be_used_from_several_threads() -> None:
    model = OnnxModel(onnx_models.identity(), threads=1)
    results: dict[int, np.ndarray] = {}

    def run(number: int) -> None:
        for _ in range(50):
            (results[number],) = model.run({"x": np.full((3, 4), number, np.float32)}, ["logits"])

    threads = [threading.Thread(target=run, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert {number: set(values.ravel().tolist()) for number, values in results.items()} == {
        number: {number} for number in range(8)
    }


def test_onnx_runtime_prints_nothing_of_its_own(capfd: pytest.CaptureFixture[str]) -> None:
    refusal(b"garbage")
    model = OnnxModel(onnx_models.look_up(), threads=1)
    with pytest.raises(ModelRunError):
        model.run({"position": np.array([99])}, ["logits"])
    assert capfd.readouterr() == ("", "")
