"""What strangers can send to a server by hand: each of these did harm once."""

import json
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from benchmarks.fuzz.garbage import PREFACE, frame, headers
from grpc_health.v1 import health_pb2, health_pb2_grpc

import onnx_models
from assayd.arrays import encode
from assayd.testing import Server
from assayd.v1 import rows_pb2, selection_pb2, selection_pb2_grpc
from processes import serving

NO_MESSAGE = b"\xff\xff\xff\xff this is no protobuf"
REFLECTION = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"
LOGITS = rows_pb2.Rows(logits=encode(np.zeros((3, 4), np.float32)))
VALUES = rows_pb2.Committee(values=encode(np.zeros((2, 3, 1), np.float32)))
LISTS = hasattr(health_pb2, "HealthListRequest")  # older ones do not
UNARY = ("/grpc.health.v1.Health/Check", *(["/grpc.health.v1.Health/List"] if LISTS else []))


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


@pytest.mark.skipif(not LISTS, reason="this grpcio-health-checking has no List")
def test_health_lists_the_server_its_services_and_its_models(channel: grpc.Channel) -> None:
    found = health_pb2_grpc.HealthStub(channel).List(health_pb2.HealthListRequest(), timeout=10).statuses
    assert {"", "m", "assayd.v1.ScoringService"} <= found.keys()
    assert {status.status for status in found.values()} == {health_pb2.HealthCheckResponse.SERVING}


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"offset": 2**63 - 1}, "offset"),
        ({"rows": rows_pb2.Rows(committee=VALUES), "measure": 15, "temperature": 2.0}, "temperature"),
    ],
    ids=["positions past int64", "a temperature for values without a model"],
)
def test_a_ranking_that_cannot_be_is_the_callers_mistake(
    channel: grpc.Channel, changes: dict[str, Any], field: str
) -> None:
    request = selection_pb2.RankRequest(**{"rows": LOGITS, "measure": 2, "count": 1} | changes)
    with pytest.raises(grpc.RpcError) as raised:
        selection_pb2_grpc.SelectionServiceStub(channel).Rank(request, timeout=10)
    assert raised.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert raised.value.details().startswith(field)


def test_what_strangers_send_writes_no_lines_into_the_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GRPC_VERBOSITY", raising=False)  # set in this process by the server's own modules
    (tmp_path / "m.onnx").write_bytes(onnx_models.identity())
    forged = b'\n{"event": "forged", "level": "error"}\n'
    goodbye = frame(7, 0, 0, bytes(4) + b"\xff\0\0\xff" + forged)
    odd = headers("/assayd.v1.ScoringService/Score", ("grpc-timeout", "soon"), ("grpc-encoding", "none"))
    with serving(tmp_path / "log", "--model", str(tmp_path / "m.onnx"), "--drain-delay-seconds", "0") as server:
        for garbage in (goodbye, frame(1, 4, 1, odd)):
            with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
                connection.sendall(PREFACE + frame(4, 0, 0, b"") + garbage)
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(4096):
                    pass
        server.terminate()
        assert server.exit_code() == 0
    lines = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    assert "forged" not in [line["event"] for line in lines]
