"""How several workers end: all together, for good, and with what they have accepted."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

import onnx_models
from assayd import CallCancelledError, ChannelSettings, Client, UnavailableError
from assayd_server import ports
from assayd_server.errors import StartError
from callers import CLASSES, Caller, wait_for_answers
from processes import ServerProcess, serving
from waiting import wait_until

pytestmark = pytest.mark.xdist_group("workers")

CALLERS = 16
ROWS = np.zeros((3, CLASSES), np.float32)


def pids(server: ServerProcess) -> list[int]:
    server.wait_for("serving")
    return [event["pid"] for event in server.events("worker serving")]


def ended_workers(server: ServerProcess) -> set[str]:
    """Those that have drained and stopped; the parent's own line names none."""
    return {event["worker"] for event in server.events("stopped") if "worker" in event}


def is_free(port: int) -> bool:
    try:
        ports.check_free("127.0.0.1", port)
    except StartError:
        return False
    return True


def test_on_sigterm_every_call_that_a_worker_accepted_is_answered(model_file: Path, tmp_path: Path) -> None:
    arguments = ("--model", str(model_file), "--workers", "2", "--drain-delay-seconds", "0.5", "--log-calls")
    with serving(tmp_path / "log", *arguments) as server:
        stop = threading.Event()
        address = f"127.0.0.1:{server.port}"
        # a connection each, which channels that are built alike would share
        settings = [ChannelSettings(attempts_max=1, keepalive_seconds=30 + n) for n in range(CALLERS)]
        clients = [Client(address, settings=own) for own in settings]
        callers = [Caller(client, seed, stop) for seed, client in enumerate(clients)]
        for caller in callers:
            caller.start()
        wait_for_answers(callers, 200)
        server.terminate()
        for caller in callers:
            caller.join()  # each ends with the first call that found no server
        for client in clients:
            client.close()
        assert server.exit_code() == 0
    # gRPC itself cancels what reaches it in the moment of its shutdown; the SDK would send that again
    assert {type(caller.error) for caller in callers} <= {UnavailableError, CallCancelledError}
    assert sum(caller.mixed_up for caller in callers) == 0
    calls = server.events("call")
    assert {call["worker"] for call in calls} == {"0", "1"}
    assert {call["code"] for call in calls} == {"OK"}
    assert len(calls) == sum(caller.answered for caller in callers)
    assert ended_workers(server) == {"0", "1"}
    assert server.events("worker died") == []


def test_a_second_signal_skips_the_delay_but_not_one_to_the_whole_group(model_file: Path, tmp_path: Path) -> None:
    arguments = ("--model", str(model_file), "--workers", "2", "--drain-delay-seconds", "600")
    with serving(tmp_path / "log", *arguments) as server:
        for process in (*pids(server), server.process.pid):  # as Ctrl-C in a terminal does
            os.kill(process, signal.SIGINT)
        wait_until(lambda: len(server.events("draining")) == 3)
        with Client(f"127.0.0.1:{server.port}") as client:
            assert len(client.score(ROWS)) == 3
        server.terminate()
        assert server.exit_code() == 0
    assert ended_workers(server) == {"0", "1"}


def test_when_the_parent_is_killed_its_workers_end_by_themselves(model_file: Path, tmp_path: Path) -> None:
    arguments = ("--model", str(model_file), "--workers", "2", "--drain-delay-seconds", "0")
    with serving(tmp_path / "log", *arguments) as server:
        port = server.port
        server.process.kill()
        wait_until(lambda: ended_workers(server) == {"0", "1"})
        assert {event["worker"] for event in server.events("the parent is gone")} == {"0", "1"}
        wait_until(lambda: is_free(port))


def test_a_worker_that_hangs_is_killed_when_its_time_is_over(model_file: Path, tmp_path: Path) -> None:
    times = ("--drain-delay-seconds", "0", "--drain-grace-seconds", "0")
    with serving(tmp_path / "log", "--model", str(model_file), "--workers", "2", *times) as server:
        os.kill(pids(server)[0], signal.SIGSTOP)
        server.terminate()
        assert server.exit_code() == 0
    assert len(server.events("workers killed")) == 1
    assert len(ended_workers(server)) == 1
    assert server.events("worker died") == []


def serve(model: Path) -> subprocess.CompletedProcess[str]:
    """Two workers of a model that cannot be served."""
    command = [sys.executable, "-m", "assayd_server", "serve", "--workers", "2", "--model", str(model)]
    ports_of_own = ("--port", "0", "--metrics-port", "0")
    return subprocess.run([*command, *ports_of_own], capture_output=True, text=True, check=False, timeout=60)


def test_a_model_that_cannot_be_loaded_is_told_of_once_and_nothing_starts_again(tmp_path: Path) -> None:
    bad = tmp_path / "bad.onnx"
    bad.write_bytes(b"no model")
    run = serve(bad)
    assert (run.returncode, run.stdout, len(run.stderr.splitlines())) == (1, "", 1)
    assert run.stderr.startswith(f"assayd: {bad}: ")


@pytest.fixture
def slow_model(tmp_path: Path) -> Path:
    """A model that takes some seconds to load."""
    path = tmp_path / "slow.onnx"
    path.write_bytes(onnx_models.slow_to_load())
    return path


def children(server: ServerProcess) -> list[int]:
    """Of the parent, before they have said anything."""
    threads = Path(f"/proc/{server.process.pid}/task").glob("*/children")
    return [int(number) for thread in threads for number in thread.read_text().split()]


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="children are found by Linux's /proc")
def test_a_worker_that_is_killed_while_it_loads_ends_the_start(slow_model: Path, tmp_path: Path) -> None:
    with serving(tmp_path / "log", "--model", str(slow_model), "--workers", "2") as server:
        wait_until(lambda: len(children(server)) == 2)
        os.kill(children(server)[0], signal.SIGKILL)
        assert server.exit_code() == 1
    said = server.log.read_text()
    assert said in [f"assayd: worker {number} ended by SIGKILL before it served\n" for number in range(2)]


def test_a_signal_while_models_load_ends_the_workers_without_serving(slow_model: Path, tmp_path: Path) -> None:
    arguments = (
        "--model",
        str(slow_model),
        "--workers",
        "2",
        "--drain-delay-seconds",
        "600",
        "--log-level",
        "debug",
    )
    with serving(tmp_path / "log", *arguments) as server:
        wait_until(lambda: len(server.events("loading")) == 2)
        server.terminate()
        server.wait_for("draining")
        assert server.exit_code() == 0
    assert server.events("serving") == []
    assert server.events("worker died") == []
    assert "assayd: " not in server.log.read_text()
