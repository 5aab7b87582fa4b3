"""What strangers can send to a server by hand: each of these did harm once."""

from collections.abc import Callable, Iterator
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

import onnx_models
from assayd.testing import Server
from processes import serving

NO_MESSAGE = b"\xff\xff\xff\xff this is no protobuf"
REFLECTION = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"
UNARY = ("/grpc.health.v1.Health/Check", "/grpc.health.v1.Health/List")


@pytest.fixture
def channel(serve: Callable[..., Server]) -> Iterator[grpc.Channel]:
    with grpc.insecure_channel(serve(onnx_models.identity()).address) as channel:
        yield channel


@pytest.mark.parametrize("path", UNARY)
def test_bytes_that_are_no_message_of_health_are_the_callers_mistake(
    channel: grpc.Channel, path: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(grpc.RpcError) as raised:
        channel.unary_unary(path)(NO_MESSAGE, timeout=10)
    assert raised.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "Traceback" not in capfd.readouterr().err


@pytest.mark.parametrize("path", [REFLECTION, "/grpc.health.v1.Health/Watch"])
def test_bytes_that_are_no_message_end_a_control_stream_as_the_callers_mistake(
    channel: grpc.Channel, path: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(grpc.RpcError) as raised:
        list(channel.stream_stream(path)(iter([NO_MESSAGE]), timeout=10))
    assert raised.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "Traceback" not in capfd.readouterr().err


def test_a_server_stops_although_reflection_was_sent_what_is_no_message(tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_bytes(onnx_models.identity())
    arguments = ("--model", str(tmp_path / "m.onnx"), "--drain-delay-seconds", "0", "--drain-grace-seconds", "1")
    with serving(tmp_path / "log", *arguments) as server:
        with grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel:
            call = channel.stream_stream(REFLECTION)
            for _ in range(60):  # gRPC's own way to refuse such a message loses count of the call at times
                with pytest.raises(grpc.RpcError):
                    list(call(iter([NO_MESSAGE]), timeout=10))
        server.terminate()
        assert server.exit_code() == 0


def test_health_lists_the_server_its_services_and_its_models(channel: grpc.Channel) -> None:
    found = health_pb2_grpc.HealthStub(channel).List(health_pb2.HealthListRequest(), timeout=10).statuses
    assert {"", "m", "assayd.v1.ScoringService"} <= found.keys()
    assert {status.status for status in found.values()} == {health_pb2.HealthCheckResponse.SERVING}
