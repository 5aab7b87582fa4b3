"""A system that gives a server no more threads: calls are refused or answered by the threads that there are."""

import threading
from collections.abc import Callable, Iterator

import grpc
import numpy as np
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

import onnx_models
from assayd import ChannelSettings, Client, ResourceExhaustedError
from assayd.testing import Server
from scraping import metric
from waiting import wait_until

Connect = Callable[..., Client]
Serve = Callable[..., Server]
Switch = Callable[[bool], None]
ROWS = np.eye(4, dtype=np.float32)
OURS = ("call", "stream", "health", "watch", "refusal", "scoring")
"""What the names of a server's own threads begin with; the client has others, in the same process."""
ONCE = ChannelSettings(attempts_max=1)


@pytest.fixture
def give(monkeypatch: pytest.MonkeyPatch) -> Iterator[Switch]:
    """Switch whether the system gives the server threads."""
    start, given = threading.Thread.start, threading.Event()
    given.set()

    def start_or_not(thread: threading.Thread) -> None:
        if thread.name.startswith(OURS) and not given.is_set():
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", start_or_not)
    yield lambda on: given.set() if on else given.clear()
    given.set()


def test_a_call_that_there_is_no_thread_for_is_refused_at_once_and_the_next_is_answered(
    serve: Serve, connect: Connect, give: Switch
) -> None:
    server = serve(onnx_models.identity())
    client = connect(server, settings=ONCE)
    give(False)
    for _ in range(3):
        with pytest.raises(ResourceExhaustedError) as raised:
            client.score(ROWS)
        assert raised.value.reason == "NO_THREAD"
    wait_until(lambda: metric(server, "assayd_calls") == metric(server, "assayd_pending_rows") == 0)
    assert metric(server, "assayd_pending_request_bytes") == 0
    give(True)
    assert len(client.score(ROWS)) == 4


@pytest.mark.parametrize("plain_calls", [False, True])
def test_the_threads_that_there_are_answer_all_other_calls(
    serve: Serve, connect: Connect, give: Switch, plain_calls: bool
) -> None:
    server = serve(onnx_models.identity(), plain_calls=plain_calls)
    client = connect(server, settings=ONCE)
    give(False)
    for _ in range(3):
        assert [model.name for model in client.models().models] == ["m"]
        assert client.rank(logits=ROWS, measure="margin", count=1).row_count == 4
        with grpc.insecure_channel(server.address) as channel:
            checked = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=10)
        assert checked.status == health_pb2.HealthCheckResponse.SERVING


def test_a_stream_that_there_is_no_thread_for_is_refused_and_the_next_is_answered(
    serve: Serve, connect: Connect, give: Switch
) -> None:
    client = connect(serve(onnx_models.identity()), settings=ONCE)
    give(False)
    with pytest.raises(ResourceExhaustedError):
        list(client.select_stream([{"logits": ROWS}], budget=0.5))
    give(True)
    (found,) = client.select_stream([{"logits": ROWS}], budget=0.5)
    assert len(found.selected) == 4
