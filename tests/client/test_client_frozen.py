"""A server whose process stands still: its kernel takes connections and bytes, and nobody answers."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import grpc
import numpy as np
import pytest

import onnx_models
from assayd import ChannelSettings, Client
from assayd.channel import options
from assayd.v1 import scoring_pb2
from processes import ServerProcess, serving

X = np.eye(4, dtype=np.float32)
DEADLINE_SECONDS = 4.0


@pytest.fixture
def other(tmp_path: Path) -> Iterator[ServerProcess]:
    """A server that can be frozen."""
    (tmp_path / "m.onnx").write_bytes(onnx_models.identity())
    with serving(tmp_path / "log", "--model", str(tmp_path / "m.onnx")) as server:
        assert server.port
        yield server


@pytest.fixture
def two(serve: Callable, other: ServerProcess, connect_to: Callable[..., Client]) -> Client:
    """A client of a server that lives and of one that can be frozen, connected to both."""
    address = f"ipv4:{serve(onnx_models.identity()).address},127.0.0.1:{other.port}"
    client = connect_to(address, deadline_seconds=DEADLINE_SECONDS)
    until = time.monotonic() + 30
    while other.metric("grpc_server_handled_total", grpc_method="Score") < 2:
        assert time.monotonic() < until, "the servers do not take turns"
        client.score(X)
    return client


def test_calls_end_well_within_their_deadline_by_the_other_server(two: Client, other: ServerProcess) -> None:
    os.kill(other.process.pid, signal.SIGSTOP)
    began = time.monotonic()
    assert [len(two.score(X)) for _ in range(20)] == [4] * 20
    assert time.monotonic() - began < 2 * DEADLINE_SECONDS  # one call waits for the frozen server, not each


def test_a_server_that_goes_on_again_is_called_again(two: Client, other: ServerProcess) -> None:
    os.kill(other.process.pid, signal.SIGSTOP)
    for _ in range(4):
        two.score(X)
    os.kill(other.process.pid, signal.SIGCONT)
    before = other.metric("grpc_server_handled_total", grpc_method="Score", grpc_code="OK")
    until = time.monotonic() + 30
    while other.metric("grpc_server_handled_total", grpc_method="Score", grpc_code="OK") <= before:
        assert time.monotonic() < until, "the server that was frozen gets no calls"
        two.score(X)


def test_a_call_to_the_only_server_is_answered_when_that_goes_on(
    other: ServerProcess, connect_to: Callable[..., Client]
) -> None:
    settings = ChannelSettings(keepalive_seconds=0.4)  # the connection is ended after a second
    client = connect_to(f"127.0.0.1:{other.port}", deadline_seconds=30, settings=settings)
    client.score(X)
    os.kill(other.process.pid, signal.SIGSTOP)
    waking = threading.Timer(2.0, os.kill, (other.process.pid, signal.SIGCONT))
    waking.start()
    assert len(client.score(X)) == 4
    waking.join()


def test_a_call_in_which_nothing_is_said_is_not_ended_for_its_clients_questions(
    serve: Callable,
) -> None:
    app = serve(onnx_models.identity())
    asking = options(ChannelSettings(keepalive_seconds=0.1, attempts_max=1), deadline_seconds=30)

    def late() -> Iterator[bytes]:
        time.sleep(4)  # gRPC asks once a second; of a server that minds, the third question ends the connection
        yield scoring_pb2.ListModelsRequest().SerializeToString()

    with grpc.insecure_channel(app.address, options=asking) as channel:
        call = channel.stream_unary("/assayd.v1.ScoringService/ListModels")
        assert scoring_pb2.ListModelsResponse.FromString(call(late(), timeout=30)).models


def test_an_address_that_takes_connections_and_never_says_a_word_gets_no_calls(
    serve: Callable, silent_address: str, connect_to: Callable[..., Client]
) -> None:
    client = connect_to(f"ipv4:{silent_address},{serve(onnx_models.identity()).address}", deadline_seconds=2)
    assert [len(client.score(X)) for _ in range(10)] == [4] * 10
