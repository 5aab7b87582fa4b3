"""Every RPC can be found and called by who knows nothing but the address: by reflection alone."""

import base64
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import grpc
import numpy as np
import pytest
from benchmarks.fuzz.valid import valid_calls
from google.protobuf import descriptor_pb2
from google.protobuf.json_format import MessageToJson
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from assayd.testing import Server, serving
from assayd_server.rpc.services import PATHS

BUF = Path(sys.executable).with_name("buf")
DEMO = Path(__file__).resolve().parents[2] / "server" / "assayd_server" / "demo" / "models"
IMAGES = base64.b64encode(np.random.default_rng(0).integers(0, 17, (4, 64), np.uint8)).decode()
ROWS = {"rows": {"inputs": {"tensors": [{"data_type": "DATA_TYPE_UINT8", "shape": [4, 64], "data": IMAGES}]}}}
V1, V2 = "assayd.v1", "inference.GRPCInferenceService"
VALID = valid_calls()


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving(DEMO) as server:
        yield server


def curl(server: Server, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [BUF, "curl", "--protocol", "grpc", "--http2-prior-knowledge", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def methods(server: Server) -> set[str]:
    """Every path, as reflection tells."""
    listed = curl(server, "--list-methods", f"http://{server.address}")
    assert listed.returncode == 0, listed.stderr
    return {f"/{line.strip()}" for line in listed.stdout.splitlines() if line.strip()}


def test_reflection_lists_every_rpc(server: Server) -> None:
    found = methods(server)
    assert found >= PATHS
    assert {path for path in found - PATHS if not path.startswith("/grpc.")} == set()


@pytest.mark.parametrize("path", sorted(PATHS))
def test_an_rpc_answers_who_knows_it_by_reflection_alone(server: Server, path: str) -> None:
    request = "\n".join(map(MessageToJson, VALID[path][0]))
    called = curl(server, f"http://{server.address}{path}", "--data", request)
    if path.endswith(("ModelLoad", "ModelUnload")):
        assert "unimplemented" in called.stderr
        assert "looks into its repository" in called.stderr
    else:
        assert called.returncode == 0, called.stderr
        assert called.stdout.startswith("{")


def test_scores_come_through_both_protocols_by_reflection_alone(server: Server) -> None:
    native = curl(server, f"http://{server.address}/{V1}.ScoringService/Score", "--data", json.dumps(ROWS))
    metadata = curl(
        server, f"http://{server.address}/{V2}/ModelMetadata", "--data", json.dumps({"name": "digits"})
    )
    (tensor,) = json.loads(metadata.stdout)["inputs"]
    values = np.frombuffer(base64.b64decode(IMAGES), np.uint8).astype(
        {"FP32": np.float32, "UINT8": np.uint8}[tensor["datatype"]]
    )
    asked = {
        "modelName": "digits",
        "inputs": [{"name": tensor["name"], "datatype": tensor["datatype"], "shape": [4, 64]}],
        "outputs": [{"name": "assayd.probabilities"}],
        "rawInputContents": [base64.b64encode(values.tobytes()).decode()],
    }
    other = curl(server, f"http://{server.address}/{V2}/ModelInfer", "--data", json.dumps(asked))
    expected = np.frombuffer(base64.b64decode(json.loads(native.stdout)["probabilities"]["data"]), np.float32)
    found = np.frombuffer(base64.b64decode(json.loads(other.stdout)["rawOutputContents"][0]), np.float32)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)


def test_an_unknown_symbol_is_not_found(server: Server) -> None:
    with grpc.insecure_channel(server.address) as channel:
        stub = reflection_pb2_grpc.ServerReflectionStub(channel)
        asked = [
            reflection_pb2.ServerReflectionRequest(file_containing_symbol=symbol)
            for symbol in ("inference.Nothing", "inference.ModelInferRequest", "assayd.v1.Tensor")
        ]
        missing, theirs, ours = stub.ServerReflectionInfo(iter(asked), timeout=20)
    assert missing.error_response.error_code == grpc.StatusCode.NOT_FOUND.value[0]
    for found, name in ((theirs, "open_inference.proto"), (ours, "assayd/v1/tensor.proto")):
        (content, *_) = found.file_descriptor_response.file_descriptor_proto
        assert descriptor_pb2.FileDescriptorProto.FromString(content).name == name
