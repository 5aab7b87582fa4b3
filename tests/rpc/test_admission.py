"""Calls that hold threads: callers whose message does not come must not take the server away from the others."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import grpc
import numpy as np
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

import onnx_models
from assayd import ChannelSettings, Client, DeadlineExceededError, ResourceExhaustedError
from assayd.testing import Server
from busy import WIDTH, busy
from scraping import metric
from waiting import WAIT_SECONDS_MAX, wait_until

GOOD = np.zeros((1, 4), np.float32)
WIDE = np.zeros((1, WIDTH), np.float32)
SCORE = "/assayd.v1.ScoringService/Score"
CHECK = "/grpc.health.v1.Health/Check"
WATCH = "/grpc.health.v1.Health/Watch"
REFLECT = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"
ONE_ATTEMPT = ChannelSettings(attempts_max=1)

Connect = Callable[..., Client]
Serve = Callable[..., Server]


@contextmanager
def header_only_calls(app: Server, count: int, path: str = SCORE) -> Iterator[list[Any]]:
    """Calls whose headers have come and whose message does not."""
    release = threading.Event()

    def no_message() -> Iterator[bytes]:
        release.wait()
        yield from ()

    with ExitStack() as stack:
        channel = stack.enter_context(grpc.insecure_channel(app.address))
        stack.callback(release.set)
        method = channel.stream_unary(path)
        held = metric(app, "assayd_calls")
        calls = [method.future(no_message(), timeout=60) for _ in range(count)]
        if path == SCORE:
            wait_until(lambda: metric(app, "assayd_calls") >= held + count or all(call.done() for call in calls))
        yield calls
        for call in calls:
            call.cancel()


def is_healthy(app: Server) -> bool:
    with grpc.insecure_channel(app.address) as channel:
        response = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=10)
    return response.status == health_pb2.HealthCheckResponse.SERVING


def refusal(client: Client) -> ResourceExhaustedError | None:
    try:
        client.score(GOOD, deadline_seconds=0.5)
    except ResourceExhaustedError as error:
        return error
    except Exception:  # not yet refused: the calls that hold the threads are not late yet
        return None
    return None


def test_one_thread_less_than_all_held_leaves_score_alive(serve: Serve, connect: Connect) -> None:
    app = serve(onnx_models.identity())  # 64 threads, the default
    with header_only_calls(app, 63):
        assert len(connect(app).score(GOOD)) == 1


def test_calls_without_a_message_hold_no_thread(serve: Serve, connect: Connect) -> None:
    app = serve(onnx_models.identity(), call_threads=1, calls_waiting_max=7)
    with header_only_calls(app, 7):
        assert len(connect(app).score(GOOD)) == 1
        assert len(connect(app).rank(GOOD, measure="margin", count=1).positions) == 1


def test_the_plain_way_with_every_thread_held_health_answers_and_calls_are_refused_at_once(
    serve: Serve, connect: Connect
) -> None:
    app = serve(onnx_models.identity(), plain_calls=True)
    client = connect(app, settings=ONE_ATTEMPT)
    with header_only_calls(app, 64):
        wait_until(lambda: refusal(client) is not None)
        began = time.monotonic()
        with pytest.raises(ResourceExhaustedError, match="the server is full") as raised:
            client.score(GOOD, deadline_seconds=30)
        assert time.monotonic() - began < 5  # at once, and not when the deadline or a thread came
        assert raised.value.reason == "TOO_MANY_CALLS"
        assert 0.05 <= raised.value.retry_after_seconds <= 0.15
        assert is_healthy(app)
        assert metric(app, "assayd_refused_calls_total") >= 1
    wait_until(lambda: refusal(client) is None)
    assert len(client.score(GOOD)) == 1


@pytest.mark.parametrize("path", [CHECK, WATCH, REFLECT])
def test_control_calls_without_a_message_do_not_hold_health_for_long(serve: Serve, path: str) -> None:
    app = serve(onnx_models.identity(), message_wait_max_seconds=0.1)
    with header_only_calls(app, 16, path) as stalled:
        for call in stalled:  # cut by the server, or refused because the others held every thread
            with pytest.raises(grpc.RpcError) as raised:
                call.result(timeout=WAIT_SECONDS_MAX)
            assert raised.value.code() in (grpc.StatusCode.CANCELLED, grpc.StatusCode.RESOURCE_EXHAUSTED)
        assert is_healthy(app)


def test_idle_reflection_streams_leave_health_and_scoring_alone(serve: Serve, connect: Connect) -> None:
    app = serve(onnx_models.identity())
    with header_only_calls(app, 16, REFLECT):
        assert is_healthy(app)
        assert len(connect(app).score(GOOD)) == 1


def test_with_every_health_thread_held_calls_are_refused_at_once_too(serve: Serve, connect: Connect) -> None:
    app = serve(onnx_models.network(), call_threads=1, calls_waiting_max=0)
    client = connect(app, settings=ONE_ATTEMPT)
    full = pytest.raises(ResourceExhaustedError, match="the server is full")
    with header_only_calls(app, 16, CHECK), busy(app, 1), full:
        client.score(WIDE, deadline_seconds=5)


def test_more_calls_than_may_wait_are_refused_at_once(serve: Serve, connect: Connect) -> None:
    app = serve(onnx_models.network(), call_threads=2, calls_waiting_max=3)
    with (
        busy(app, 5, threads=2),
        pytest.raises(ResourceExhaustedError, match="5 calls are being answered or wait"),
    ):
        connect(app, settings=ONE_ATTEMPT).score(WIDE)


def test_a_call_whose_message_does_not_come_is_cancelled_and_its_thread_freed(
    serve: Serve, connect: Connect
) -> None:
    app = serve(onnx_models.identity(), call_threads=1, message_wait_max_seconds=0.2)
    with header_only_calls(app, 1) as (stalled,):
        with pytest.raises(grpc.RpcError) as raised:
            stalled.result(timeout=WAIT_SECONDS_MAX)
        assert raised.value.code() is grpc.StatusCode.CANCELLED
        wait_until(lambda: metric(app, "assayd_calls") == 0)
        assert metric(app, "assayd_stalled_calls_total") == 1
        assert metric(app, "grpc_server_handled_total", grpc_method="Score", grpc_code="Canceled") == 1
        assert len(connect(app).score(GOOD)) == 1


def test_the_plain_way_a_call_that_expired_while_it_waited_for_a_thread_is_not_computed(
    serve: Serve, connect: Connect
) -> None:
    app = serve(onnx_models.identity(), call_threads=1, plain_calls=True)
    client = connect(app)
    client.models()  # so that there is a connection
    with header_only_calls(app, 1), pytest.raises(DeadlineExceededError):
        client.score(GOOD, deadline_seconds=0.2)
    wait_until(lambda: metric(app, "assayd_calls") == 0)
    assert metric(app, "assayd_executions_total") == 0
    wait_until(
        lambda: metric(app, "grpc_server_handled_total", grpc_method="Score", grpc_code="DeadlineExceeded") == 1
    )
    handled = {
        code: metric(app, "grpc_server_handled_total", grpc_method="Score", grpc_code=code)
        for code in ("Canceled", "InvalidArgument", "DeadlineExceeded", "OK")
    }
    # the one without a message: gRPC may tell of the end of its messages before it tells of the cancellation
    assert handled.pop("Canceled") + handled.pop("InvalidArgument") == 1
    assert handled == {"DeadlineExceeded": 1, "OK": 0}  # the one that waited
    client.score(GOOD)
    assert metric(app, "assayd_executions_total") == 1


def test_the_client_tries_again_when_it_was_pushed_back(serve: Serve, connect: Connect) -> None:
    app = serve(onnx_models.identity(), call_threads=1, calls_waiting_max=0)
    with header_only_calls(app, 1):
        assert len(connect(app).score(GOOD)) == 1  # refused first, then answered in place of the call without one
        assert metric(app, "assayd_refused_calls_total") >= 1


def test_calls_without_a_message_leave_their_places_to_calls_that_have_one(serve: Serve, connect: Connect) -> None:
    app = serve(onnx_models.identity(), call_threads=2, calls_waiting_max=14)
    with header_only_calls(app, 16) as stalled:
        assert len(connect(app).score(GOOD)) == 1
        assert len(connect(app).rank(GOOD, measure="margin", count=1).positions) == 1
        ended = [call for call in stalled if call.done()]
        assert 1 <= len(ended) <= 2  # no more than had to
        assert {call.code() for call in ended} == {grpc.StatusCode.RESOURCE_EXHAUSTED}


def test_half_of_the_places_are_kept_by_calls_whose_message_is_on_its_way(serve: Serve, connect: Connect) -> None:
    app = serve(onnx_models.network(), call_threads=2, calls_waiting_max=6)
    with header_only_calls(app, 4) as waiting, busy(app, 4, threads=2):
        client = connect(app, settings=ONE_ATTEMPT)
        time.sleep(0.5)  # twice as long as it takes for a message to be late
        with pytest.raises(ResourceExhaustedError, match="8 calls are being answered or wait"):
            client.score(WIDE)
        assert not any(call.done() for call in waiting)


def test_the_wait_that_is_asked_for_doubles_at_each_attempt(serve: Serve, connect: Connect) -> None:
    app = serve(onnx_models.network(), call_threads=1, calls_waiting_max=7)
    client = connect(app)
    with busy(app, 8, threads=1):
        began = time.monotonic()
        with pytest.raises(ResourceExhaustedError) as raised:
            client.score(WIDE)
        waited = time.monotonic() - began
        assert metric(app, "assayd_refused_calls_total") == 5  # as often as gRPC tries
    assert waited >= 0.5 * (0.1 + 0.2 + 0.4 + 0.8)  # chance takes off half at most; without doubling 0.6 at most
    assert 0.8 <= raised.value.retry_after_seconds <= 2.4


def test_more_pending_rows_than_allowed_are_refused(serve: Serve, connect: Connect) -> None:
    app = serve(onnx_models.network(width=256, hidden=2048), rows_pending_max=1000)
    x = np.zeros((1000, 256), np.float32)
    refused: list[ResourceExhaustedError] = []

    def call(client: Client) -> None:
        try:
            client.score(x, outputs=[])
        except ResourceExhaustedError as error:
            refused.append(error)

    clients = [connect(app, settings=ONE_ATTEMPT) for _ in range(4)]
    for _ in range(20):
        threads = [threading.Thread(target=call, args=[client]) for client in clients]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert refused, "four times the rows that may be pending were all taken"
    assert {error.reason for error in refused} == {"TOO_MANY_PENDING_ROWS"}
    assert metric(app, "assayd_refused_calls_total") == len(refused)
