"""A server's life as a process: load, SIGTERM under load, exit codes."""

import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

import grpc
import numpy as np
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

import onnx_models
from assayd import CallCancelledError, ChannelSettings, Client, UnavailableError
from assayd.arrays import encode
from assayd.v1 import rows_pb2, scoring_pb2, scoring_pb2_grpc
from callers import CLASSES, Caller, wait_for_answers
from processes import ServerProcess, serving
from waiting import wait_until

LOAD_SECONDS = 20.0
LOAD_THREADS = 32
DRAIN_THREADS = 16
ONE_ATTEMPT = ChannelSettings(attempts_max=1)


@pytest.fixture
def model_file(tmp_path: Path) -> Path:
    path = tmp_path / "m.onnx"
    path.write_bytes(onnx_models.identity(CLASSES))
    return path


@pytest.fixture
def server(model_file: Path, tmp_path: Path) -> Iterator[ServerProcess]:
    arguments = ("--model", str(model_file), "--drain-delay-seconds", "0.5", "--log-calls")
    with serving(tmp_path / "log", *arguments) as server:
        yield server


@pytest.mark.slow
@pytest.mark.long
def test_32_threads_for_20_seconds_see_no_error_and_no_answer_of_another(server: ServerProcess) -> None:
    stop = threading.Event()
    with Client(f"127.0.0.1:{server.port}", settings=ONE_ATTEMPT) as client:
        callers = [Caller(client, seed, stop) for seed in range(LOAD_THREADS)]
        for caller in callers:
            caller.start()
        time.sleep(LOAD_SECONDS)
        stop.set()
        for caller in callers:
            caller.join()
    assert [caller.error for caller in callers if caller.error] == []
    assert sum(caller.mixed_up for caller in callers) == 0
    assert all(caller.answered > 0 for caller in callers)


def test_on_sigterm_every_call_that_was_accepted_is_answered(server: ServerProcess) -> None:
    stop = threading.Event()
    with Client(f"127.0.0.1:{server.port}", settings=ONE_ATTEMPT) as client:
        callers = [Caller(client, seed, stop) for seed in range(DRAIN_THREADS)]
        for caller in callers:
            caller.start()
        wait_for_answers(callers, 200)
        server.terminate()
        for caller in callers:
            caller.join()  # each ends with the first call that found no server
    assert server.exit_code() == 0
    # gRPC itself cancels what reaches it in the moment of its shutdown; the SDK would send that again
    assert {type(caller.error) for caller in callers} <= {UnavailableError, CallCancelledError}
    assert sum(caller.mixed_up for caller in callers) == 0
    calls = server.events("call")
    assert {call["code"] for call in calls} == {"OK"}
    # what the server began is what the clients have answers for: nothing was begun and dropped
    assert len(calls) == sum(caller.answered for caller in callers)


def test_a_server_of_two_stops_under_load_and_no_caller_notices(model_file: Path, tmp_path: Path) -> None:
    arguments = ("--model", str(model_file), "--drain-delay-seconds", "0.2")
    with serving(tmp_path / "a", *arguments) as first, serving(tmp_path / "b", *arguments) as second:
        stop = threading.Event()
        with Client(f"ipv4:127.0.0.1:{first.port},127.0.0.1:{second.port}", deadline_seconds=30) as client:
            callers = [Caller(client, seed, stop) for seed in range(DRAIN_THREADS)]
            for caller in callers:
                caller.start()
            wait_for_answers(callers, 200)
            first.terminate()
            assert first.exit_code() == 0
            wait_for_answers(callers, sum(caller.answered for caller in callers) + 200)
            stop.set()
            for caller in callers:
                caller.join()
    assert [caller.error for caller in callers if caller.error] == []


def test_it_goes_on_answering_while_it_says_that_it_will_stop(server: ServerProcess) -> None:
    with Client(f"127.0.0.1:{server.port}") as client:
        server.terminate()
        server.wait_for("draining")
        assert len(client.score(np.zeros((3, CLASSES), np.float32))) == 3
    assert server.exit_code() == 0
    assert [line["event"] for line in server.events("stopped")] == ["stopped"]


def test_a_second_signal_skips_the_delay(model_file: Path, tmp_path: Path) -> None:
    with serving(tmp_path / "log", "--model", str(model_file), "--drain-delay-seconds", "600") as server:
        server.wait_for("serving")
        server.terminate()
        server.wait_for("draining")
        server.process.send_signal(signal.SIGINT)
        assert server.exit_code() == 0


def test_a_signal_while_models_load_ends_it_without_serving(tmp_path: Path) -> None:
    slow = tmp_path / "slow.onnx"
    slow.write_bytes(onnx_models.slow_to_load())
    arguments = ("--model", str(slow), "--drain-delay-seconds", "600", "--log-level", "debug")
    with serving(tmp_path / "log", *arguments) as server:
        server.wait_for("loading")
        server.terminate()
        assert server.exit_code() == 0
        assert server.events("serving") == []
        assert len(server.events("stopped")) == 1


def test_a_signal_while_a_new_version_loads_ends_it_well(tmp_path: Path) -> None:
    root = tmp_path / "models"
    content = onnx_models.slow_to_load()
    onnx_models.write_bundle(root, onnx_models.identity())
    often = ("--repository-poll-seconds", "0.01", "--drain-delay-seconds", "0", "--log-level", "debug")
    with serving(tmp_path / "log", "--repository", str(root), *often) as server:
        server.wait_for("serving")
        slow = onnx_models.write_bundle(tmp_path / "aside", content, version=2)
        slow.rename(root / "m" / "2")
        server.wait_for("model read", count=2)  # and it is loaded next
        server.terminate()
        assert server.exit_code() == 0
        assert len(server.events("stopped")) == 1
        assert len(server.events("model loaded")) == 1


@pytest.fixture
def slow_model(tmp_path: Path) -> Path:
    """A forward pass of SLOW_ROWS takes a good part of a second."""
    path = tmp_path / "slow.onnx"
    path.write_bytes(onnx_models.network(width=1024, hidden=8192))
    return path


SLOW_ROWS = np.zeros((2000, 1024), np.uint8)


@contextmanager
def queued_calls(server: ServerProcess, count: int) -> Iterator[list[grpc.Future]]:
    """Calls of which one is computed and the others wait."""
    rows = rows_pb2.Rows(inputs=rows_pb2.Inputs(tensors=[encode(SLOW_ROWS)]))
    request = scoring_pb2.ScoreRequest(rows=rows, outputs=[scoring_pb2.OUTPUT_PREDICTIONS])
    with grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        stub = scoring_pb2_grpc.ScoringServiceStub(channel)
        calls = [stub.Score.future(request, timeout=60) for _ in range(count)]
        while server.metric("assayd_pending_rows") < count * len(SLOW_ROWS):
            assert not any(call.done() for call in calls), "the first call was over before the last one had come"
            time.sleep(0.01)
        yield calls


def test_calls_that_wait_when_the_grace_is_over_are_dropped(slow_model: Path, tmp_path: Path) -> None:
    arguments = (
        "--model",
        str(slow_model),
        "--drain-delay-seconds",
        "0",
        "--drain-grace-seconds",
        "0",
        "--log-calls",
    )
    with serving(tmp_path / "log", *arguments) as server, queued_calls(server, 12) as calls:
        server.terminate()
        assert server.exit_code() == 0
        codes = [call["code"] for call in server.events("call")]
        assert len(codes) == 12
        assert codes.count("OK") <= 2  # the one under way, and perhaps one that was over just before
        assert set(codes) <= {"OK", "Canceled"}
        assert sum(call.exception() is None for call in calls) <= 2


def takes_connections(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=10).close()
    except ConnectionRefusedError:
        return False
    return True


def test_it_is_alive_for_as_long_as_it_finishes_calls(slow_model: Path, tmp_path: Path) -> None:
    """A liveness probe that failed meanwhile would end a drain that may take ten minutes."""
    arguments = ("--model", str(slow_model), "--drain-delay-seconds", "0", "--drain-grace-seconds", "600")
    with serving(tmp_path / "log", *arguments) as server, queued_calls(server, 12) as calls:
        probes = server.wait_for("serving")["metrics_port"]
        server.terminate()
        wait_until(lambda: not takes_connections(server.port))
        with urlopen(f"http://127.0.0.1:{probes}/healthz", timeout=10) as response:
            assert response.status == 200
        assert not all(call.done() for call in calls)
        for call in calls:
            call.cancel()
        assert server.exit_code() == 0


def test_a_cancelled_call_leaves_the_queue_and_is_not_computed(slow_model: Path, tmp_path: Path) -> None:
    arguments = ("--model", str(slow_model), "--drain-delay-seconds", "0")
    with serving(tmp_path / "log", *arguments) as server, queued_calls(server, 8) as calls:
        for call in calls[1:]:
            call.cancel()
        while server.metric("assayd_pending_rows") > 0:
            time.sleep(0.01)
        assert server.metric("assayd_executions_total") <= 10  # of 16: each call takes two passes
        assert server.metric("grpc_server_handled_total", grpc_code="Canceled") >= 6


def test_an_open_reflection_stream_does_not_hold_up_the_stop(model_file: Path, tmp_path: Path) -> None:
    arguments = ("--model", str(model_file), "--drain-delay-seconds", "0", "--drain-grace-seconds", "600")
    with (
        serving(tmp_path / "log", *arguments) as server,
        grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel,
    ):
        release = threading.Event()
        stream = reflection_pb2_grpc.ServerReflectionStub(channel).ServerReflectionInfo(
            asked_and_kept_open(release)
        )
        assert next(stream).list_services_response.service
        server.terminate()
        assert server.exit_code() == 0
        release.set()


def test_an_open_health_watch_does_not_hold_up_the_stop(model_file: Path, tmp_path: Path) -> None:
    arguments = ("--model", str(model_file), "--drain-delay-seconds", "0", "--drain-grace-seconds", "600")
    with (
        serving(tmp_path / "log", *arguments) as server,
        grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel,
    ):
        watch = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest())
        assert next(watch).status == health_pb2.HealthCheckResponse.SERVING
        server.terminate()
        assert server.exit_code() == 0


def asked_and_kept_open(release: threading.Event) -> Iterator[reflection_pb2.ServerReflectionRequest]:
    yield reflection_pb2.ServerReflectionRequest(list_services="")
    release.wait()


def test_signals_at_any_moment_end_it_well(model_file: Path, tmp_path: Path) -> None:
    with serving(tmp_path / "log", "--model", str(model_file), "--drain-delay-seconds", "600") as server:
        server.wait_for("serving")
        for _ in range(5000):  # signals that come together count as one, so one alone would not skip the delay
            if server.process.poll() is not None:
                break
            server.process.send_signal(signal.SIGTERM)
            time.sleep(0.002)
        assert server.exit_code() == 0
