"""Requests that wait are bounded in bytes too, and are held once."""

import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest

import onnx_models
from assayd import ChannelSettings, Client, InvalidArgumentError, ResourceExhaustedError
from assayd.arrays import encode
from assayd.testing import Server
from assayd.v1 import scoring_pb2, scoring_pb2_grpc, selection_pb2, selection_pb2_grpc
from processes import ServerProcess, serving
from scraping import metric
from waiting import wait_until

Connect = Callable[..., Client]
Serve = Callable[..., Server]

WIDTH = 25_000
ROW = np.zeros((1, WIDTH), np.float32)
"""100 kB."""
SETTINGS = {"request_bytes_pending_max": 150_000, "batch_delay_max_ms": 1000}
"""Room for one row, which waits a second for others to go with it."""
ONE_ATTEMPT = ChannelSettings(attempts_max=1)
HELD = "assayd_pending_request_bytes"


@contextmanager
def held(app: Server, client: Client) -> Iterator["Future[Any]"]:
    """A call whose message is held meanwhile."""
    with ThreadPoolExecutor(1) as thread:
        call = thread.submit(client.score, ROW)
        wait_until(lambda: metric(app, HELD) >= ROW.nbytes)
        yield call
        assert len(call.result()) == 1


@pytest.fixture
def app(serve: Serve) -> Server:
    return serve(onnx_models.network(width=WIDTH, hidden=2), **SETTINGS)


def test_more_bytes_than_may_be_held_are_refused_at_once(app: Server, connect: Connect) -> None:
    client = connect(app, settings=ONE_ATTEMPT)
    with held(app, connect(app)), pytest.raises(ResourceExhaustedError, match="allowed are 150000") as raised:
        client.score(ROW)
    assert raised.value.reason == "TOO_MANY_REQUEST_BYTES"
    assert 0.05 <= raised.value.retry_after_seconds <= 0.15
    assert metric(app, "assayd_refused_calls_total") == 1
    wait_until(lambda: metric(app, HELD) == 0)


def test_the_client_comes_back_when_there_is_room(serve: Serve, connect: Connect) -> None:
    # well before its attempts are over, the last of which comes after 0.75 s at least
    app = serve(onnx_models.network(width=WIDTH, hidden=2), **SETTINGS | {"batch_delay_max_ms": 300})
    client = connect(app)
    with held(app, connect(app)):
        assert len(client.score(ROW)) == 1
    assert metric(app, "assayd_refused_calls_total") >= 1


def test_the_messages_of_streams_are_refused_too(app: Server, connect: Connect) -> None:
    full = pytest.raises(ResourceExhaustedError, match="bytes of requests are being answered")
    with held(app, connect(app)), full:
        list(connect(app, settings=ONE_ATTEMPT).select_stream([ROW], budget=0.5))


def test_a_message_of_a_stream_is_held_until_it_is_answered(serve: Serve, connect: Connect) -> None:
    app = serve(onnx_models.network(width=WIDTH, hidden=2), batch_delay_max_ms=1000)
    asked = threading.Event()

    def messages() -> Iterator[selection_pb2.SelectStreamRequest]:
        request = selection_pb2.SelectStreamRequest()
        request.settings.CopyFrom(selection_pb2.SelectionSettings(measure=1, policy=1, budget=0.2))
        request.rows.inputs.tensors.append(encode(ROW))
        yield request
        asked.wait(20)

    with grpc.insecure_channel(app.address) as channel:
        with held(app, connect(app)):  # the turn that it waits for
            stream = selection_pb2_grpc.SelectionServiceStub(channel).SelectStream(messages())
            wait_until(lambda: metric(app, HELD) >= 2 * ROW.nbytes)
        assert next(stream).selected.shape == [1]
        wait_until(lambda: metric(app, HELD) == 0)
        assert metric(app, "assayd_streams") == 1
        asked.set()
        assert list(stream) == []


def test_a_message_that_is_larger_than_the_limit_passes_alone(serve: Serve, connect: Connect) -> None:
    app = serve(onnx_models.network(width=WIDTH, hidden=2), request_bytes_pending_max=64 * 1024)
    assert len(connect(app).score(ROW)) == 1
    assert metric(app, HELD) == 0


def test_nothing_is_held_of_a_request_that_was_wrong(app: Server, connect: Connect) -> None:
    with pytest.raises(InvalidArgumentError):
        connect(app).score(ROW, top_k=99)
    with grpc.insecure_channel(app.address) as channel, pytest.raises(grpc.RpcError):
        channel.unary_unary("/assayd.v1.ScoringService/Score")(b"\xff" * 1000)
    assert metric(app, HELD) == 0


def test_limits_are_shown_beside_what_is_used(app: Server) -> None:
    assert metric(app, "assayd_limit", setting="request_bytes_pending_max") == 150_000
    assert metric(app, "assayd_limit", setting="unread_bytes_max") == 256 * 2**20
    assert metric(app, "assayd_memory_limit_bytes") > 0


@pytest.mark.skipif(sys.platform != "linux", reason="it reads /proc")
def test_calls_that_wait_hold_their_rows_once(tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_bytes(onnx_models.network(width=1024, hidden=16_384))
    rows = np.zeros((2048, 1024), np.float32)
    with (
        serving(tmp_path / "log", "--model", str(tmp_path / "m.onnx"), "--inference-threads", "1") as server,
        grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel,
    ):
        stub = scoring_pb2_grpc.ScoringServiceStub(channel)
        stub.Score(of(rows[:1024]))  # what a pass takes is there from now on
        before = anonymous_bytes(server)
        request = of(rows)
        calls = [stub.Score.future(request) for _ in range(17)]  # of which one is computed
        wait_until(lambda: server.metric(HELD) >= 17 * rows.nbytes)
        grown = anonymous_bytes(server) - before
        for call in calls:
            call.cancel()
    assert grown < 1.6 * 17 * rows.nbytes


def of(rows: np.ndarray) -> scoring_pb2.ScoreRequest:
    request = scoring_pb2.ScoreRequest()
    request.rows.inputs.tensors.append(encode(rows))
    return request


def anonymous_bytes(server: ServerProcess) -> int:
    lines = Path(f"/proc/{server.process.pid}/status").read_text().splitlines()
    return 1024 * int(next(line for line in lines if line.startswith("RssAnon:")).split()[1])
