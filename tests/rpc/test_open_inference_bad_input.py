"""Requests of the Open Inference Protocol that are wrong: the status, and a sentence that says where and why."""

from collections.abc import Callable
from typing import Any

import grpc
import numpy as np
import pytest
from onnx import TensorProto

import onnx_models
from assayd.testing import Server
from assayd_server.rpc.open_inference import open_inference_pb2 as pb
from open_inference import arrays, calling, raw, request

Serve = Callable[..., Server]
ROWS = np.random.default_rng(0).normal(size=(9, 4)).astype(np.float32)


@pytest.fixture(params=[False, True], ids=["by the loop", "plain calls"])
def both(request: pytest.FixtureRequest, serve: Serve) -> Callable[..., Server]:
    """Servers that take calls in each of both ways."""
    return lambda model, **settings: serve(model, plain_calls=request.param, **settings)


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
    "a version of more digits than Python reads": (
        request(("x", ROWS), model_version="9" * 5000),
        f"model_version: is '{'9' * 981}...",
    ),
    "a timeout of more digits than Python reads": (
        request(("x", ROWS), parameters={"timeout": "9" * 5000}),
        f"parameters: timeout is '{'9' * 976}...",
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
    asked = request(("x", np.array([[True, False, True], [False, False, True]])))
    asked.raw_input_contents[0] = b"\0\1\2\0\1\1"
    with calling(both(onnx_models.numbers_back(TensorProto.BOOL)).address) as call:
        code, details = call.error("ModelInfer", asked)
    assert code == grpc.StatusCode.INVALID_ARGUMENT
    assert details == "raw_input_contents[0]: input 'x' has a byte that is neither 0 nor 1"


def test_an_element_out_of_range_is_said(both: Serve) -> None:
    asked = request(("x", np.array([[0, 1, 2], [3, 4, 5]], np.int8)))
    del asked.raw_input_contents[:]
    asked.inputs[0].contents.int_contents.extend([0, 1, 2, 3, 4, 128])
    with calling(both(onnx_models.numbers_back(TensorProto.INT8)).address) as call:
        code, details = call.error("ModelInfer", asked)
    assert code == grpc.StatusCode.INVALID_ARGUMENT
    assert details == "inputs[0].contents: input 'x' has a value that is no INT8"


def test_half_precision_has_no_typed_elements(both: Serve) -> None:
    asked = request(("x", np.array([[0, 1, 2], [3, 4, 5]], np.float16)))
    del asked.raw_input_contents[:]
    asked.inputs[0].contents.fp32_contents.extend([0] * 6)
    with calling(both(onnx_models.numbers_back(TensorProto.FLOAT16)).address) as call:
        code, details = call.error("ModelInfer", asked)
    assert code == grpc.StatusCode.INVALID_ARGUMENT
    assert details == "inputs[0].contents: input 'x' is FP16, which goes into raw_input_contents"


def test_a_text_that_ends_too_soon_is_said(both: Serve) -> None:
    asked = request(("text", np.array([["gold"]], object)))
    asked.raw_input_contents[0] = asked.raw_input_contents[0][:-1]
    with calling(both(onnx_models.texts_back()).address) as call:
        code, details = call.error("ModelInfer", asked)
    assert code == grpc.StatusCode.INVALID_ARGUMENT
    assert details.startswith("raw_input_contents[0]: ends inside a text")


def test_rows_that_a_model_fails_on_are_their_own_callers_error(both: Serve) -> None:
    with calling(both(onnx_models.look_up()).address) as call:
        code, details = call.error("ModelInfer", request(("position", np.array([99]))))
        assert code == grpc.StatusCode.INVALID_ARGUMENT
        assert details.startswith("inputs: the model failed on these rows")
        assert arrays(call("ModelInfer", request(("position", np.array([1])))))["logits"].shape == (1, 4)


def test_an_answer_that_would_be_too_large_is_refused_with_how_many_rows_are_not(both: Serve) -> None:
    with calling(both(onnx_models.identity(), message_bytes_max=64 * 1024).address) as call:
        code, details = call.error("ModelInfer", request(("x", np.zeros((3000, 4), np.float32))))
    assert code == grpc.StatusCode.INVALID_ARGUMENT
    assert details.startswith("inputs: 3000 are too many: the answer would be larger than a message may be")
