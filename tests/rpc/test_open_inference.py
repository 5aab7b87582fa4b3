"""The Open Inference Protocol beside the native one: the same models, the same scores, the same errors."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from onnx import TensorProto, helper

import onnx_models
from assayd import Client
from assayd.testing import Server
from assayd_server.rpc.open_inference import open_inference_pb2 as pb
from open_inference import DATATYPES, MODEL_INFER, Caller, arrays, calling, raw, request
from scraping import wait_until

Serve = Callable[..., Server]
Connect = Callable[..., Client]
DEMO = Path(__file__).resolve().parents[2] / "server" / "assayd_server" / "demo" / "models"
RANDOM = np.random.default_rng(0)
ROWS = RANDOM.normal(size=(9, 4)).astype(np.float32)
KINDS = {
    "bool": TensorProto.BOOL, "uint8": TensorProto.UINT8, "uint16": TensorProto.UINT16,
    "uint32": TensorProto.UINT32, "uint64": TensorProto.UINT64, "int8": TensorProto.INT8,
    "int16": TensorProto.INT16, "int32": TensorProto.INT32, "int64": TensorProto.INT64,
    "float16": TensorProto.FLOAT16, "float32": TensorProto.FLOAT, "float64": TensorProto.DOUBLE,
}  # fmt: skip
FIELDS = {
    "bool": "bool_contents", "uint8": "uint_contents", "uint16": "uint_contents", "uint32": "uint_contents",
    "uint64": "uint64_contents", "int8": "int_contents", "int16": "int_contents", "int32": "int_contents",
    "int64": "int64_contents", "float32": "fp32_contents", "float64": "fp64_contents",
}  # fmt: skip


def logits_of(dtype: str) -> bytes:
    """Logits of numbers of a type, and the numbers themselves."""
    kind = KINDS[dtype]
    return onnx_models.build(
        nodes=[
            helper.make_node("Cast", ["x"], ["logits"], to=TensorProto.FLOAT),
            helper.make_node("Identity", ["x"], ["same"]),
        ],
        inputs={"x": (kind, ["rows", 3])},
        outputs={"logits": (TensorProto.FLOAT, ["rows", 3]), "same": (kind, ["rows", 3])},
    )


def texts_back() -> bytes:
    """Logits of texts, and the texts themselves."""
    encoder: dict[str, Any] = {"domain": "ai.onnx.ml", "keys_strings": ["gold", "ore"], "default_float": 0.0}
    return onnx_models.build(
        nodes=[
            helper.make_node("LabelEncoder", ["text"], ["gold"], values_floats=[1.0, 0.0], **encoder),
            helper.make_node("LabelEncoder", ["text"], ["ore"], values_floats=[0.0, 1.0], **encoder),
            helper.make_node("Concat", ["gold", "ore"], ["logits"], axis=1),
            helper.make_node("Identity", ["text"], ["same"]),
        ],
        inputs={"text": (TensorProto.STRING, ["rows", 1])},
        outputs={"logits": (TensorProto.FLOAT, ["rows", 2]), "same": (TensorProto.STRING, ["rows", 1])},
    )


def sample(dtype: str) -> np.ndarray:
    """Six numbers of a type, with its ends where it has any."""
    if dtype == "bool":
        return np.array([[True, False, True], [False, False, True]])
    if dtype.startswith("float"):
        return np.array([[0, -1.5, 3], [2, 0.25, 1]], dtype)
    ends = np.iinfo(dtype)
    return np.array([[ends.min, ends.max, 1], [2, 3, 4]], dtype)


@pytest.fixture(params=[False, True], ids=["by the loop", "plain calls"])
def both(request: pytest.FixtureRequest, serve: Serve) -> Callable[..., Server]:
    """Servers that take calls in each of both ways."""
    return lambda model, **settings: serve(model, plain_calls=request.param, **settings)


@pytest.fixture
def digits(serve: Serve) -> Iterator[Caller]:
    """Calls to a server of the demo's model, which has a reference."""
    with calling(serve(DEMO).address) as call:
        yield call


def test_scores_are_those_of_the_native_protocol(both: Serve, connect: Connect) -> None:
    server = both(DEMO)
    rows = RANDOM.integers(0, 17, (5, 64), np.uint8)
    measures = ["entropy", "margin", "least_confidence", "ratio"]
    scores = connect(server).score(
        rows, outputs=["probabilities", "embeddings"], uncertainties=measures, novelty=["combined"]
    )
    with calling(server.address) as call:
        metadata = call("ModelMetadata", pb.ModelMetadataRequest(name="digits"))
        (spec,) = metadata.inputs
        asked = request((spec.name, rows.astype(dict(map(reversed, DATATYPES.items()))[spec.datatype])))
        for _ in range(2):  # read, then by its form
            found = arrays(call("ModelInfer", asked))
            assert [*found] == [output.name for output in metadata.outputs]
            expected = {
                "assayd.probabilities": scores.probabilities,
                "assayd.embedding": scores.embeddings,
                **{f"assayd.{measure}": scores.uncertainty[measure] for measure in measures},
                "assayd.novelty": scores.novelty.scores["combined"],
                "assayd.novelty_p": scores.novelty.p_values["combined"],
            }
            assert {name for name in found if name.startswith("assayd.")} == expected.keys()
            for name, values in expected.items():
                np.testing.assert_allclose(found[name], values, rtol=0, atol=1e-6, err_msg=name)


def test_outputs_come_in_the_order_in_which_they_are_asked_for(both: Serve) -> None:
    names = ["assayd.entropy", "embedding", "assayd.probabilities", "logits"]
    with calling(both(onnx_models.identity()).address) as call:
        for rows in (ROWS[:3], ROWS[3:6], ROWS):
            response = call("ModelInfer", request(("x", rows), outputs=names, id="7"))
            assert (response.model_name, response.model_version, response.id) == ("m", "1", "7")
            found = arrays(response)
            assert [*found] == names
            np.testing.assert_array_equal(found["logits"], rows)
            np.testing.assert_array_equal(found["embedding"], 2 * rows)


@pytest.mark.parametrize("dtype", KINDS)
def test_every_datatype_goes_in_and_comes_out_as_it_is(both: Serve, dtype: str) -> None:
    values = sample(dtype)
    with calling(both(logits_of(dtype)).address) as call:
        metadata = call("ModelMetadata", pb.ModelMetadataRequest(name="m"))
        assert [tensor.datatype for tensor in metadata.inputs] == [DATATYPES[dtype]]
        found = arrays(call("ModelInfer", request(("x", values), outputs=["same", "logits"])))
        assert found["same"].dtype == values.dtype
        np.testing.assert_array_equal(found["same"], values)
        np.testing.assert_array_equal(found["logits"], values.astype(np.float32))
        if dtype in FIELDS:
            typed = request(("x", values), outputs=["same"])
            del typed.raw_input_contents[:]
            getattr(typed.inputs[0].contents, FIELDS[dtype]).extend(values.ravel().tolist())
            np.testing.assert_array_equal(arrays(call("ModelInfer", typed))["same"], values)


def test_texts_go_in_and_come_out_as_they_are(both: Serve) -> None:
    values = np.array([["gold"], ["öre ☃"], [""]], object)
    with calling(both(texts_back()).address) as call:
        for _ in range(2):
            found = arrays(call("ModelInfer", request(("text", values), outputs=["logits", "same"])))
            np.testing.assert_array_equal(found["same"], values)
            np.testing.assert_array_equal(found["logits"], [[1, 0], [0, 0], [0, 0]])
        typed = request(("text", values), outputs=["same"])
        del typed.raw_input_contents[:]
        typed.inputs[0].contents.bytes_contents.extend(text.encode() for text in values.ravel())
        np.testing.assert_array_equal(arrays(call("ModelInfer", typed))["same"], values)


def test_several_inputs_are_told_apart_by_name(both: Serve) -> None:
    a, b = ROWS[:2, :3], np.array([[1, 2, 3], [4, 5, 6]], np.uint8)
    with calling(both(onnx_models.two_inputs()).address) as call:
        for pairs in ((("a", a), ("b", b)), (("b", b), ("a", a))):
            found = arrays(call("ModelInfer", request(*pairs, outputs=["logits"])))
            np.testing.assert_array_equal(found["logits"], a + b)


def test_no_rows_are_no_error(both: Serve) -> None:
    with calling(both(onnx_models.identity()).address) as call:
        found = arrays(call("ModelInfer", request(("x", ROWS[:0]))))
    assert {values.shape[0] for values in found.values()} == {0}


def test_a_row_that_cannot_be_scored_is_nan_and_its_neighbours_are_not(both: Serve) -> None:
    rows = ROWS[:3].copy()
    rows[1, 2] = np.nan
    with calling(both(onnx_models.identity()).address) as call:
        found = arrays(call("ModelInfer", request(("x", rows), outputs=["assayd.entropy", "logits"])))
    assert np.isnan(found["assayd.entropy"]).tolist() == [False, True, False]
    np.testing.assert_array_equal(found["logits"], rows)


def test_a_model_with_more_outputs_than_scores_gives_them_all(both: Serve) -> None:
    with calling(both(onnx_models.labels()).address) as call:
        found = arrays(call("ModelInfer", request(("x", ROWS[:4, :3]))))
    assert [*found] == [
        "probabilities", "label", "assayd.probabilities", "assayd.multilabel_max", "assayd.multilabel_mean"
    ]  # fmt: skip
    assert found["label"].dtype == np.int64
    np.testing.assert_array_equal(found["label"], found["probabilities"] > 0.5)


def test_a_regression_model_gives_its_values_and_its_embedding(both: Serve) -> None:
    with calling(both(onnx_models.regression()).address) as call:
        found = arrays(call("ModelInfer", request(("x", ROWS))))
    assert [*found] == ["variable", "embedding", "assayd.embedding"]
    np.testing.assert_array_equal(found["variable"], 2 * ROWS[:, :1])


def test_ids_come_back_to_whom_they_belong(serve: Serve) -> None:
    """Also where requests differ in nothing but their ids and numbers, which are then not parsed."""
    with calling(serve(onnx_models.identity()).address) as call:
        for number in range(30):
            rows = RANDOM.normal(size=(2, 4)).astype(np.float32)
            one = "" if number % 3 == 0 else f"{number:03}" if number % 3 == 1 else f"ümlaut {number:02}"
            response = call("ModelInfer", request(("x", rows), outputs=["logits"], id=one))
            assert response.id == one
            np.testing.assert_array_equal(arrays(response)["logits"], rows)


def test_calls_that_come_together_get_their_own_answers(serve: Serve) -> None:
    with grpc.insecure_channel(serve(onnx_models.identity()).address) as channel:
        call = channel.unary_unary(MODEL_INFER)
        rows = [RANDOM.normal(size=(1 + index % 3, 4)).astype(np.float32) for index in range(60)]
        asked = [request(("x", each), outputs=["logits"], id=str(index)) for index, each in enumerate(rows)]
        futures = [call.future(each.SerializeToString(), timeout=20) for each in asked]
        for index, future in enumerate(futures):
            response = pb.ModelInferResponse.FromString(future.result())
            assert response.id == str(index)
            np.testing.assert_array_equal(arrays(response)["logits"], rows[index])


def test_the_newest_version_is_meant_unless_one_is_named(both: Serve, tmp_path: Path) -> None:
    for version in (2, 10):
        onnx_models.write_bundle(tmp_path / "models", onnx_models.identity(), version=version)
    with calling(both(tmp_path / "models").address) as call:
        for version, answered in (("", "10"), ("2", "2"), ("10", "10")):
            response = call("ModelInfer", request(("x", ROWS), model_name="m", model_version=version))
            assert response.model_version == answered
            assert call("ModelReady", pb.ModelReadyRequest(name="m", version=version)).ready
        assert [*call("ModelMetadata", pb.ModelMetadataRequest(name="m")).versions] == ["2", "10"]
        for name, version in (("m", "3"), ("other", "")):
            assert not call("ModelReady", pb.ModelReadyRequest(name=name, version=version)).ready


def test_a_request_goes_on_being_understood_after_a_swap(serve: Serve, tmp_path: Path) -> None:
    """What was known of requests to a version is not used for the one that takes its place."""
    onnx_models.write_bundle(tmp_path / "models", onnx_models.identity(), version=1)
    server = serve(tmp_path / "models", repository_poll_seconds=0.05, contract_changes="allow")
    with calling(server.address) as call:
        asked = request(("x", ROWS), outputs=["logits"], model_name="m")
        for _ in range(2):
            assert call("ModelInfer", asked).model_version == "1"
        onnx_models.write_bundle(tmp_path / "models", onnx_models.identity(5), version=2)
        wait_until(lambda: call("ModelReady", pb.ModelReadyRequest(name="m", version="2")).ready)
        code, details = call.error("ModelInfer", asked)
        assert code == grpc.StatusCode.INVALID_ARGUMENT
        assert details.startswith("inputs[0].shape: unexpected shape for input 'x' for model 'm'")
        wider = RANDOM.normal(size=(9, 5)).astype(np.float32)
        response = call("ModelInfer", request(("x", wider), outputs=["logits"], model_name="m"))
        assert response.model_version == "2"


def without(message: pb.ModelInferRequest, **fields: Any) -> pb.ModelInferRequest:
    """The same with other values in fields of its first input."""
    for name, value in fields.items():
        if name == "shape":
            del message.inputs[0].shape[:]
            message.inputs[0].shape.extend(value)
        else:
            setattr(message.inputs[0], name, value)
    return message


def both_ways() -> pb.ModelInferRequest:
    message = request(("x", ROWS[:1]))
    message.inputs[0].contents.fp32_contents.extend([1, 2, 3, 4])
    return message


def typed(field: str, values: list[Any]) -> pb.ModelInferRequest:
    message = request(("x", ROWS[:1]))
    del message.raw_input_contents[:]
    getattr(message.inputs[0].contents, field).extend(values)
    return message


def with_parameter(place: str, name: str) -> pb.ModelInferRequest:
    message = request(("x", ROWS), outputs=["logits"])
    tensor: Any = message.inputs[0] if place == "inputs" else message.outputs[0]
    tensor.parameters[name].string_param = "region"
    return message


WRONG = {
    "another name": (
        request(("y", ROWS)),
        "inputs[0].name: unexpected inference input 'y' for model 'm', it takes x: FP32 [-1, 4]",
    ),
    "no input": (
        request(),
        "inputs: expected 1 inputs but got 0 inputs for model 'm': missing ['x'], it takes x: FP32 [-1, 4]",
    ),
    "an input too many": (
        request(("x", ROWS), ("y", ROWS)),
        "inputs[1].name: unexpected inference input 'y' for model 'm', it takes x: FP32 [-1, 4]",
    ),
    "an input twice": (
        request(("x", ROWS), ("x", ROWS)),
        "inputs[1].name: input 'x' for model 'm' was given twice",
    ),
    "another datatype": (
        request(("x", ROWS.astype(np.float64))),
        "inputs[0].datatype: input 'x' has datatype 'FP64', but model 'm' expects 'FP32'",
    ),
    "texts": (
        request(("x", np.array([["a"] * 4], object))),
        "inputs[0].datatype: input 'x' has datatype 'BYTES', but model 'm' expects 'FP32'",
    ),
    "an unknown datatype": (
        without(request(("x", ROWS)), datatype="BF16"),
        "inputs[0].datatype: input 'x' has datatype 'BF16', which is no datatype of a model here, "
        "but model 'm' expects 'FP32'",
    ),
    "another width": (
        request(("x", np.zeros((2, 5), np.float32))),
        "inputs[0].shape: unexpected shape for input 'x' for model 'm': expected [-1, 4], got [2, 5]",
    ),
    "another rank": (
        request(("x", np.zeros((2, 4, 1), np.float32))),
        "inputs[0].shape: unexpected shape for input 'x' for model 'm': expected [-1, 4], got [2, 4, 1]",
    ),
    "no rank": (
        without(request(("x", ROWS)), shape=[]),
        "inputs[0].shape: unexpected shape for input 'x' for model 'm': expected [-1, 4], got []",
    ),
    "a negative length": (
        without(request(("x", ROWS)), shape=[-1, 4]),
        "inputs[0].shape: unexpected shape for input 'x' for model 'm': expected [-1, 4], got [-1, 4]",
    ),
    "fewer bytes": (
        without(request(("x", ROWS[:1])), shape=[2, 4]),
        "raw_input_contents[0]: input 'x' has 16 bytes, FP32 [2, 4] takes 32",
    ),
    "more rows than bytes": (
        without(request(("x", ROWS[:1])), shape=[2**28, 4]),
        f"inputs: {2**28} rows were sent, allowed are 100 in one request",
    ),
    "more rows than there can be": (
        without(request(("x", ROWS[:1])), shape=[2**62, 4]),
        f"inputs[0].shape: unexpected shape for input 'x' for model 'm': expected [-1, 4], got [{2**62}, 4]",
    ),
    "bytes for more inputs": (
        pb.ModelInferRequest(inputs=request(("x", ROWS)).inputs, raw_input_contents=[raw(ROWS)] * 2),
        "raw_input_contents: 2 were given for 1 inputs",
    ),
    "bytes and elements": (
        both_ways(),
        "inputs[0].contents: input 'x' must have no contents where there are raw_input_contents",
    ),
    "elements of another type": (
        typed("fp64_contents", [1, 2, 3, 4]),
        "inputs[0].contents: input 'x' is FP32, which goes into fp32_contents, not fp64_contents",
    ),
    "too few elements": (
        typed("fp32_contents", [1, 2, 3]),
        "inputs[0].contents: input 'x' has 3 elements, [1, 4] takes 4",
    ),
    "too many rows": (
        request(("x", np.zeros((101, 4), np.float32))),
        "inputs: 101 rows were sent, allowed are 100 in one request",
    ),
    "an unknown output": (
        request(("x", ROWS), outputs=["logits", "scores"]),
        "outputs[1].name: unexpected inference output 'scores' for model 'm', it gives logits, embedding, "
        "assayd.probabilities, assayd.least_confidence, assayd.margin, assayd.ratio, assayd.entropy, "
        "assayd.embedding",
    ),
    "novelty without a reference": (
        request(("x", ROWS), outputs=["assayd.novelty"]),
        "outputs[0].name: unexpected inference output 'assayd.novelty' for model 'm', it gives logits, embedding, "
        "assayd.probabilities, assayd.least_confidence, assayd.margin, assayd.ratio, assayd.entropy, "
        "assayd.embedding",
    ),
    "an output twice": (
        request(("x", ROWS), outputs=["logits", "logits"]),
        "outputs[1].name: output 'logits' is asked for twice",
    ),
    "a version that is no number": (
        request(("x", ROWS), model_version="latest"),
        "model_version: is 'latest', allowed are whole numbers above 0",
    ),
    "a priority that is no number": (
        request(("x", ROWS), parameters={"priority": "high"}),
        f"parameters: priority is 'high', allowed are whole numbers from 0 to {2**64 - 1}",
    ),
    "a timeout below 0": (
        request(("x", ROWS), parameters={"timeout": -1}),
        f"parameters: timeout is -1, allowed are whole numbers from 0 to {2**53}",
    ),
    "shared memory in": (
        with_parameter("inputs", "shared_memory_region"),
        "inputs[0].parameters: shared_memory_region is not served: send the bytes",
    ),
    "shared memory out": (
        with_parameter("outputs", "shared_memory_region"),
        "outputs[0].parameters: shared_memory_region is not served: send the bytes",
    ),
    "classification": (
        with_parameter("outputs", "classification"),
        "outputs[0].parameters: classification is not served: ask for assayd.probabilities, or for top_k of "
        "ScoringService/Score",
    ),
    "no message of this kind": (b"\xff\xff\xff", "the message is not of this call's type"),
}


@pytest.mark.parametrize(("asked", "details"), WRONG.values(), ids=[*WRONG])
def test_what_is_wrong_is_said(both: Serve, asked: Any, details: str) -> None:
    with calling(both(onnx_models.identity(), rows_max=100).address) as call:
        assert call.error("ModelInfer", asked) == (grpc.StatusCode.INVALID_ARGUMENT, details)
        assert call("ModelInfer", request(("x", ROWS))).model_name == "m"


@pytest.mark.parametrize("name", ["ModelInfer", "ModelMetadata", "ModelStatistics"])
@pytest.mark.parametrize(("model", "version"), [("other", ""), ("m", "7")])
def test_an_unknown_model_or_version_is_not_found(both: Serve, name: str, model: str, version: str) -> None:
    if name == "ModelInfer":
        asked: Any = request(("x", ROWS), model_name=model, model_version=version)
    else:
        asked = getattr(pb, f"{name}Request")(name=model, version=version)
    with calling(both(onnx_models.identity()).address) as call:
        code, details = call.error(name, asked)
    assert code == grpc.StatusCode.NOT_FOUND
    assert f"Request for unknown model: {model!r} " in details


def test_a_byte_that_is_no_bool_is_said(both: Serve) -> None:
    asked = request(("x", sample("bool")))
    asked.raw_input_contents[0] = b"\0\1\2\0\1\1"
    with calling(both(logits_of("bool")).address) as call:
        code, details = call.error("ModelInfer", asked)
    assert code == grpc.StatusCode.INVALID_ARGUMENT
    assert details == "raw_input_contents[0]: input 'x' has a byte that is neither 0 nor 1"


def test_an_element_out_of_range_is_said(both: Serve) -> None:
    asked = request(("x", sample("int8")))
    del asked.raw_input_contents[:]
    asked.inputs[0].contents.int_contents.extend([0, 1, 2, 3, 4, 128])
    with calling(both(logits_of("int8")).address) as call:
        code, details = call.error("ModelInfer", asked)
    assert code == grpc.StatusCode.INVALID_ARGUMENT
    assert details == "inputs[0].contents: input 'x' has a value that is no INT8"


def test_half_precision_has_no_typed_elements(both: Serve) -> None:
    asked = request(("x", sample("float16")))
    del asked.raw_input_contents[:]
    asked.inputs[0].contents.fp32_contents.extend([0] * 6)
    with calling(both(logits_of("float16")).address) as call:
        code, details = call.error("ModelInfer", asked)
    assert code == grpc.StatusCode.INVALID_ARGUMENT
    assert details == "inputs[0].contents: input 'x' is FP16, which goes into raw_input_contents"


def test_a_text_that_ends_too_soon_is_said(both: Serve) -> None:
    asked = request(("text", np.array([["gold"]], object)))
    asked.raw_input_contents[0] = asked.raw_input_contents[0][:-1]
    with calling(both(texts_back()).address) as call:
        code, details = call.error("ModelInfer", asked)
    assert code == grpc.StatusCode.INVALID_ARGUMENT
    assert details.startswith("raw_input_contents[0]: ends inside a text")


def test_rows_that_a_model_fails_on_are_their_own_callers_error(both: Serve) -> None:
    with calling(both(onnx_models.look_up()).address) as call:
        code, details = call.error("ModelInfer", request(("position", np.array([99]))))
        assert code == grpc.StatusCode.INVALID_ARGUMENT
        assert "the model failed on these rows" in details
        assert arrays(call("ModelInfer", request(("position", np.array([1])))))["logits"].shape == (1, 4)
