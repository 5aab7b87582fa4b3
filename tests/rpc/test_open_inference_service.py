"""What a server says of itself and its models by the Open Inference Protocol, and what it does not serve."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import grpc
import pytest

import onnx_models
from assayd.testing import Server
from assayd_server.app import App
from assayd_server.rpc.open_inference import open_inference_pb2 as pb
from assayd_server.rpc.open_inference.absent import WHY
from open_inference import SERVICE, calling

Serve = Callable[..., Server]

SAME_NAMES_IN_ONE_PROCESS = """
import sys
from google.protobuf import descriptor_pb2, descriptor_pool

def add():
    # what the modules of tritonclient, MLServer and KServe do when they are imported
    for name in ("grpc_service.proto", "open_inference.proto"):
        file = descriptor_pb2.FileDescriptorProto(name=name, syntax="proto3")
        if name == "grpc_service.proto":
            file.package = "inference"
            file.message_type.add(name="ModelInferRequest").field.add(name="other", number=1, type=9, label=1)
            file.message_type.add(name="ServerLiveRequest")
            service = file.service.add(name="GRPCInferenceService")
            service.method.add(name="Other", input_type=".inference.ServerLiveRequest",
                               output_type=".inference.ServerLiveRequest")
        descriptor_pool.Default().Add(file)

def ours():
    from assayd_server.rpc import server
    from assayd_server.rpc.open_inference.open_inference_pb2 import ModelInferRequest
    assert ModelInferRequest(model_name="m").SerializeToString() == b"\\n\\x01m"
    from assayd_server.rpc.descriptors import of_all_services
    found = of_all_services().FindFileContainingSymbol("inference.GRPCInferenceService")
    assert "ModelInfer" in found.services_by_name["GRPCInferenceService"].methods_by_name

steps = [add, ours]
for step in steps if sys.argv[1] == "theirs first" else reversed(steps):
    step()
theirs = descriptor_pool.Default().FindMessageTypeByName("inference.ModelInferRequest")
assert [field.name for field in theirs.fields] == ["other"]
"""


@pytest.mark.parametrize("order", ["theirs first", "ours first"])
def test_a_process_that_has_another_clients_stubs_can_serve(order: str) -> None:
    command = [sys.executable, "-c", SAME_NAMES_IN_ONE_PROCESS, order]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


def test_a_server_says_what_it_is(serve: Serve) -> None:
    with calling(serve(onnx_models.identity()).address) as call:
        assert call("ServerLive").live
        assert call("ServerReady").ready
        found = call("ServerMetadata")
    assert found.name == "assayd"
    assert {"model_repository", "statistics", "priority", "timeout"} <= {*found.extensions}


def test_a_server_that_drains_lives_and_is_not_ready(app_to_drain: App) -> None:
    with calling(f"127.0.0.1:{app_to_drain.port}") as call:
        said = []

        def look(_seconds: float) -> None:
            said.append(call("ServerLive").live)
            said.append(call("ServerReady").ready)
            said.append(call("ModelReady", pb.ModelReadyRequest(name="m")).ready)

        app_to_drain.drain(wait=look)
    assert said == [True, False, False]


def test_a_model_says_what_it_takes_and_gives(serve: Serve) -> None:
    with calling(serve(onnx_models.two_inputs()).address) as call:
        found = call("ModelMetadata", pb.ModelMetadataRequest(name="m"))
    assert (found.name, [*found.versions], found.platform) == ("m", ["1"], "onnxruntime_onnx")
    assert [(one.name, one.datatype, [*one.shape]) for one in found.inputs] == [
        ("a", "FP32", [-1, 3]),
        ("b", "UINT8", [-1, 3]),
    ]
    assert [(one.name, one.datatype, [*one.shape]) for one in found.outputs] == [
        ("logits", "FP32", [-1, 3]),
        ("assayd.probabilities", "FP32", [-1, 3]),
        ("assayd.least_confidence", "FP32", [-1]),
        ("assayd.margin", "FP32", [-1]),
        ("assayd.ratio", "FP32", [-1]),
        ("assayd.entropy", "FP32", [-1]),
    ]


def test_the_index_lists_what_is_loaded_and_what_failed(serve: Serve, tmp_path: Path) -> None:
    onnx_models.write_bundle(tmp_path / "models", onnx_models.identity(), version=2)
    onnx_models.write_bundle(tmp_path / "models", b"no model", version=10)
    with calling(serve(tmp_path / "models").address) as call:
        found = call("RepositoryIndex").models
        ready = call("RepositoryIndex", pb.RepositoryIndexRequest(ready=True)).models
        code, _ = call.error("RepositoryIndex", pb.RepositoryIndexRequest(repository_name="other"))
    assert [(one.name, one.version, one.state) for one in found] == [
        ("m", "2", "READY"),
        ("m", "10", "UNAVAILABLE"),
    ]
    assert found[1].reason
    assert [*ready] == [found[0]]
    assert code == grpc.StatusCode.INVALID_ARGUMENT


def test_statistics_are_of_the_models_that_are_meant(serve: Serve, tmp_path: Path) -> None:
    for name, version in (("a", 1), ("a", 2), ("b", 1)):
        onnx_models.write_bundle(tmp_path / "models", onnx_models.identity(), name=name, version=version)
    with calling(serve(tmp_path / "models").address) as call:

        def listed(**fields: str) -> list[tuple[str, str]]:
            found = call("ModelStatistics", pb.ModelStatisticsRequest(**fields)).model_stats
            return [(one.name, one.version) for one in found]

        assert listed() == [("a", "1"), ("a", "2"), ("b", "1")]
        assert listed(name="a") == [("a", "1"), ("a", "2")]
        assert listed(name="a", version="2") == [("a", "2")]


@pytest.mark.parametrize("name", ["RepositoryModelLoad", "RepositoryModelUnload"])
def test_loading_by_calls_is_refused_with_what_to_do_instead(serve: Serve, name: str) -> None:
    with calling(serve(onnx_models.identity()).address) as call:
        code, details = call.error(name)
    assert code == grpc.StatusCode.UNIMPLEMENTED
    assert "repository" in details


@pytest.mark.parametrize("name", WHY)
@pytest.mark.parametrize("plain", [False, True], ids=["by the loop", "plain calls"])
def test_what_else_triton_serves_is_refused_with_a_sentence(serve: Serve, name: str, plain: bool) -> None:
    address = serve(onnx_models.identity(), plain_calls=plain).address
    with grpc.insecure_channel(address) as channel, pytest.raises(grpc.RpcError) as raised:
        list(channel.stream_stream(f"/{SERVICE}/{name}")(iter([b""]), timeout=20))
    assert raised.value.code() == grpc.StatusCode.UNIMPLEMENTED
    assert raised.value.details() == f"{name}: {WHY[name]}"


def test_health_knows_the_service(serve: Serve) -> None:
    from grpc_health.v1 import health_pb2, health_pb2_grpc

    with grpc.insecure_channel(serve(onnx_models.identity()).address) as channel:
        check = health_pb2_grpc.HealthStub(channel).Check
        assert check(health_pb2.HealthCheckRequest(service=SERVICE), timeout=20).status == 1
