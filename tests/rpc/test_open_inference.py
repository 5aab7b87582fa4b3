"""The Open Inference Protocol beside the native one: the same models, the same scores, the same errors."""

from collections.abc import Callable
from pathlib import Path

import grpc
import numpy as np
import pytest
from onnx import TensorProto

import onnx_models
from assayd import Client
from assayd.testing import Server
from assayd_server.rpc.open_inference import open_inference_pb2 as pb
from open_inference import DATATYPES, MODEL_INFER, arrays, calling, request
from waiting import wait_until

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
    with calling(both(onnx_models.numbers_back(KINDS[dtype])).address) as call:
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
    with calling(both(onnx_models.texts_back()).address) as call:
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
