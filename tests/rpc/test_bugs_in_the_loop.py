"""Bugs in the loop that takes calls, and calls that are made to meet one: the other calls go on."""

import threading
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import grpc
import numpy as np
import pytest

import onnx_models
from assayd import ChannelSettings, Client
from assayd.arrays import encode
from assayd.testing import Server
from assayd.v1 import rows_pb2, scoring_pb2
from assayd_server.rpc.direct import core_calls
from scraping import metric
from waiting import wait_until

Connect = Callable[..., Client]
Serve = Callable[..., Server]
SCORE = "/assayd.v1.ScoringService/Score"
ROWS = np.random.default_rng(0).normal(size=(9, 4)).astype(np.float32)
REQUEST = scoring_pb2.ScoreRequest(rows=rows_pb2.Rows(inputs=rows_pb2.Inputs(tensors=[encode(ROWS)])))


def error_of(address: str) -> Any:
    """How a call of Score fails."""
    with grpc.insecure_channel(address) as channel, pytest.raises(grpc.RpcError) as raised:
        channel.unary_unary(SCORE)(REQUEST.SerializeToString(), timeout=20)
    return raised.value


def test_a_bug_in_the_loop_fails_its_call_alone(
    serve: Serve, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve(onnx_models.identity())
    client = connect(server, settings=ChannelSettings(attempts_max=1))

    def fail(*_: Any) -> None:
        raise KeyError("a bug")

    with monkeypatch.context() as patched:
        patched.setattr("assayd_server.rpc.direct.score_wire.ScoreReader.read", fail)
        assert error_of(server.address).code() is grpc.StatusCode.INTERNAL
    assert len(client.score(ROWS)) == len(ROWS)
    assert metric(server, "assayd_calls") == metric(server, "assayd_pending_request_bytes") == 0


@pytest.mark.parametrize("place", ["authorization.Authorization.refusal", "direct.score.ScoreMethod.take"])
def test_a_bug_before_a_method_has_its_call_fails_this_call_alone_and_at_once(
    serve: Serve, connect: Connect, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    server = serve(onnx_models.identity())
    client = connect(server, settings=ChannelSettings(attempts_max=1))

    def fail(*_: Any) -> None:
        raise KeyError("a bug")

    with monkeypatch.context() as patched:
        patched.setattr(f"assayd_server.rpc.{place}", fail)
        assert error_of(server.address).code() is grpc.StatusCode.INTERNAL
    assert len(client.score(ROWS)) == len(ROWS)
    wait_until(lambda: metric(server, "assayd_calls") == 0)


def test_calls_without_a_message_that_say_odd_things_of_themselves_make_room_all_the_same(
    serve: Serve, connect: Connect
) -> None:
    server = serve(onnx_models.identity(), call_threads=1, calls_waiting_max=3)
    client = connect(server)
    released = threading.Event()

    def none() -> Iterator[bytes]:
        released.wait()
        yield from ()

    with grpc.insecure_channel(server.address) as channel:
        odd = [("grpc-previous-rpc-attempts", "9" * 5000)]
        calls = [channel.stream_unary(SCORE).future(none(), timeout=60, metadata=odd) for _ in range(4)]
        wait_until(lambda: metric(server, "assayd_calls") == 4)
        assert len(client.score(ROWS)) == len(ROWS)
        released.set()
        for call in calls:
            call.cancel()


def test_a_callback_that_fails_keeps_no_other_from_being_told(caplog: pytest.LogCaptureFixture) -> None:
    told: list[str] = []
    listener: Any = SimpleNamespace(closed=lambda _: told.append("closed"))
    details = SimpleNamespace(deadline=time.time() + 60)
    event = SimpleNamespace(invocation_metadata=(), call=None, call_details=details)
    call = core_calls.CoreCall(event, SCORE, listener)
    for callback in (lambda: told.append("first"), lambda: told.index("none"), lambda: told.append("last")):
        call.add_callback(callback)
    call._closed(SimpleNamespace(batch_operations=[SimpleNamespace(cancelled=lambda: True)]))
    assert told == ["first", "last", "closed"]
    assert call.is_cancelled
    assert [record.levelname for record in caplog.records] == ["ERROR"]
