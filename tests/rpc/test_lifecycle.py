"""A server's life as a process: load, SIGTERM under load, exit codes."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import onnx_models
from assayd import AssaydError, CallCancelledError, ChannelSettings, Client, Scores, UnavailableError
from processes import ServerProcess, serving

CLASSES = 4
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


def marked_rows(rng: np.random.Generator) -> np.ndarray:
    """Rows that no other call sends: whole numbers that float32 holds exactly."""
    return rng.integers(0, 2**24, (int(rng.integers(1, 65)), CLASSES)).astype(np.float32)


class Caller(threading.Thread):
    """Calls until it is told to stop or until a call fails, and checks that every answer is its own."""

    def __init__(self, client: Client, seed: int, stop: threading.Event) -> None:
        super().__init__()
        self._client = client
        self._rng = np.random.default_rng(seed)
        self._stop_calling = stop
        self.answered = 0
        self.mixed_up = 0
        self.error: AssaydError | None = None

    def run(self) -> None:
        while not self._stop_calling.is_set() and self.error is None:
            x = marked_rows(self._rng)
            try:
                scores = self._client.score(x, outputs=["logits"], uncertainties=["margin"], deadline_seconds=30)
            except AssaydError as error:
                self.error = error
            else:
                self.answered += 1
                self.mixed_up += not is_answer_to(scores, x)


def is_answer_to(scores: Scores, x: np.ndarray) -> bool:
    return np.array_equal(scores.logits, x) and np.array_equal(scores.predictions, x.argmax(axis=1))


@pytest.mark.slow
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


def wait_for_answers(callers: list["Caller"], count: int) -> None:
    while sum(caller.answered for caller in callers) < count and not any(caller.error for caller in callers):
        time.sleep(0.01)


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


def test_a_signal_while_models_load_ends_it_without_serving(model_file: Path, tmp_path: Path) -> None:
    slow_disk = tmp_path / "slow.onnx"
    os.mkfifo(slow_disk)  # reading it waits for a writer
    arguments = ("--model", str(slow_disk), "--drain-delay-seconds", "600", "--log-level", "debug")
    with serving(tmp_path / "log", *arguments) as server:
        server.wait_for("loading")
        server.terminate()
        slow_disk.write_bytes(model_file.read_bytes())
        assert server.exit_code() == 0
        assert server.events("serving") == []
        assert len(server.events("stopped")) == 1


def test_a_call_that_takes_longer_than_the_grace_is_cut(tmp_path: Path) -> None:
    path = tmp_path / "slow.onnx"
    path.write_bytes(onnx_models.network(width=2048, hidden=8192))
    arguments = ("--model", str(path), "--drain-delay-seconds", "0", "--drain-grace-seconds", "0")
    with serving(tmp_path / "log", *arguments) as server, Client(f"127.0.0.1:{server.port}") as client:
        stop = threading.Event()
        endless = threading.Thread(target=_call_until_it_fails, args=[client, stop])
        endless.start()
        server.terminate()
        assert server.exit_code() == 0
        endless.join()
        assert stop.is_set()


def _call_until_it_fails(client: Client, failed: threading.Event) -> None:
    x = np.zeros((1000, 2048), np.float32)
    try:
        while True:
            client.score(x, outputs=[], deadline_seconds=30)
    except AssaydError:
        failed.set()
