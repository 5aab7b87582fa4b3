"""What benchmarks.serving claims is checked: wrong answers and failed calls are noticed, ratios judged."""

import signal
import socket
import subprocess
import sys

import pytest

if sys.platform != "linux":
    pytest.skip("it reads /proc", allow_module_level=True)

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from benchmarks.serving import echo_server, h2load, python_load
from benchmarks.serving.asking import WrongAnswerError, until_answered
from benchmarks.serving.exchanges import Exchange, Zeros
from benchmarks.serving.h2load import Load
from benchmarks.serving.measured import CALLS, Comparison
from benchmarks.serving.registry import BENCHMARKS
from benchmarks.serving.systems import Served, echo
from benchmarks.serving.turns import Called, in_turn

from waiting import wait_until

ROOT = Path(__file__).resolve().parents[1]
EXCHANGE = echo_server.exchange(b"request", bytes(300))
LOAD = Load(8, connections=2)
HAS_H2LOAD = pytest.mark.skipif(h2load.h2load() is None, reason="h2load is not here: make bench fetches it")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Served, ...]]:
    """A bare echo, over TCP and over a Unix socket."""
    with echo(tmp_path_factory.mktemp("echo")) as servers:
        for server in servers:
            until_answered(server.name, server.target, EXCHANGE)
        yield servers


def called(server: Served, exchange: Exchange = EXCHANGE) -> Called:
    return Called(server.name, server.target, server.program, exchange, LOAD)


def test_servers_take_turns_and_each_has_figures_for_each_round(served: tuple[Served, ...]) -> None:
    rounds = in_turn([called(server) for server in served], rounds=2, seconds=0.05)
    assert [len(figures) for figures in rounds.values()] == [2, 2]
    assert all(figures[CALLS] > 0 for each in rounds.values() for figures in each)


def test_an_answer_that_is_not_the_expected_one_ends_the_turn(served: tuple[Served, ...]) -> None:
    wrong = replace(EXCHANGE, matches=Zeros(299))
    with pytest.raises(WrongAnswerError, match="not NumPy's"):
        called(served[0], wrong).measure(0.05)


@HAS_H2LOAD
def test_failures_that_h2load_counts_as_successes_are_noticed(served: tuple[Served, ...]) -> None:
    failing = Exchange("/echo/no-number", b"request", Zeros(300))
    with pytest.raises(RuntimeError, match=r"0 bytes where \d+ were due"):
        h2load.driven(served[0].target, failing, LOAD, calls=20, answer_bytes=300)


@HAS_H2LOAD
def test_answers_of_another_length_are_noticed(served: tuple[Served, ...]) -> None:
    with pytest.raises(RuntimeError, match="were due"):
        h2load.driven(served[0].target, EXCHANGE, LOAD, calls=20, answer_bytes=299)


def test_the_client_in_python_makes_calls_and_compares_the_answers(served: tuple[Served, ...]) -> None:
    traffic = python_load.driven(served[0].target, EXCHANGE, LOAD, seconds=0.1)
    assert traffic.answered > LOAD.in_flight
    with pytest.raises(WrongAnswerError, match="wrong"):
        python_load.driven(served[0].target, replace(EXCHANGE, matches=Zeros(1)), LOAD, seconds=0.1)


@pytest.mark.parametrize(
    ("own", "at_most", "verdict"),
    [
        ([1.0, 1.2, 9.0], False, "MISSED"),
        ([1.0, 1.3, 9.0], False, "reached"),
        ([1.0, 2.0, 9.0], False, "stretch"),
        ([1.0, 2.0, 9.0], True, "MISSED"),
        ([0.5, 1.4, 9.0], True, "MISSED"),
        ([0.5, 1.2, 9.0], True, "reached"),
    ],
)
def test_the_median_of_the_rounds_is_judged(own: list[float], at_most: bool, verdict: str) -> None:
    rounds = {"own": [{CALLS: value} for value in own], "other": [{CALLS: 1.0}] * 3}
    stretch = 0.1 if at_most else 2.0
    assert Comparison("own", "other", asked=1.3, stretch=stretch, at_most=at_most).verdict(rounds) == verdict


def test_a_peer_that_is_not_set_up_is_left_out() -> None:
    assert Comparison("own", "other", asked=1.3).verdict({"own": [{CALLS: 1.0}]}) == "left out"


def test_each_benchmark_is_explained_by_its_name() -> None:
    page = (ROOT / "benchmarks" / "README.md").read_text()
    assert [name for name in BENCHMARKS if f"`{name}`" not in page] == []


def test_a_server_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    script = (
        "import os, signal, sys; from pathlib import Path; from benchmarks.serving import systems\n"
        "with systems.echo(Path(sys.argv[1])) as (served, _):\n"
        "    print(served.target, flush=True); os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path)]
    killed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert killed.returncode == -signal.SIGKILL
    host, port = killed.stdout.strip().split(":")
    wait_until(lambda: not listens(host, int(port)))


def listens(host: str, port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((host, port)) == 0
