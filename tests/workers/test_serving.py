"""Two workers on one port: who answers, what their metrics say, and what happens when one dies or hangs."""

import gzip
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import numpy as np
import pytest
from prometheus_client.parser import text_string_to_metric_families

from assayd import ChannelSettings, Client
from assayd_server.cpus import usable_cpus
from callers import CLASSES, Caller, wait_for_answers
from processes import ServerProcess, serving
from programs import program
from waiting import wait_until

pytestmark = pytest.mark.xdist_group("workers")

CALLERS = 8
CONNECTIONS_MAX = 64


@pytest.fixture(scope="module")
def server(model_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    arguments = ("--model", str(model_file), "--workers", "2", "--drain-delay-seconds", "0")
    with serving(tmp_path_factory.mktemp("workers") / "log", *arguments) as server:
        server.wait_for("serving")
        yield server


@contextmanager
def connections(server: ServerProcess, count: int) -> Iterator[list[Client]]:
    """Clients with a connection each: gRPC shares one among channels that are built alike."""
    with ExitStack() as stack:
        settings = [ChannelSettings(keepalive_seconds=30 + number) for number in range(count)]
        address = f"127.0.0.1:{server.port}"
        yield [stack.enter_context(Client(address, settings=own, deadline_seconds=30)) for own in settings]


def get(server: ServerProcess, path: str, **headers: str) -> tuple[int, bytes]:
    port = server.wait_for("serving")["metrics_port"]
    try:
        with urlopen(Request(f"http://127.0.0.1:{port}{path}", headers=headers), timeout=10) as response:
            return response.status, response.read()
    except HTTPError as error:
        return error.code, error.read()


def pid(server: ServerProcess, worker: int) -> int:
    """The process that is this worker now."""
    return [event["pid"] for event in server.events("worker serving") if event["worker"] == str(worker)][-1]


def rows_by_worker(server: ServerProcess) -> list[float]:
    return [server.metric("assayd_rows_total", worker=str(worker)) for worker in range(2)]


def test_both_workers_answer_and_their_metrics_add_up(server: ServerProcess) -> None:
    before, sent = rows_by_worker(server), 0
    with connections(server, CONNECTIONS_MAX) as clients:
        for client in clients:
            sent += 3
            assert len(client.score(np.zeros((3, CLASSES), np.float32))) == 3
            counted = np.subtract(rows_by_worker(server), before)
            assert counted.sum() == sent
            if counted.all():
                break
    assert counted.all()
    assert server.metric("assayd_rows_total") == sum(before) + sent


def test_the_page_of_all_metrics_is_as_prometheus_wants_it(server: ServerProcess) -> None:
    _, page = get(server, "/metrics")
    run = subprocess.run(
        [program("promtool"), "check", "metrics"], input=page, capture_output=True, check=False, timeout=60
    )
    assert (run.returncode, run.stdout, run.stderr) == (0, b"", b"")


def test_each_series_is_there_once_and_says_which_worker_it_is_of(server: ServerProcess) -> None:
    families = list(text_string_to_metric_families(get(server, "/metrics")[1].decode()))
    assert len({family.name for family in families}) == len(families)
    samples = [sample for family in families for sample in family.samples]
    series = [(sample.name, frozenset(sample.labels.items())) for sample in samples]
    assert len(set(series)) == len(series)
    parents = {sample.name for sample in samples if "worker" not in sample.labels}
    assert {name for name in parents if not name.startswith("process_")} == {
        "assayd_workers",
        "assayd_workers_alive",
    }
    for worker in ("0", "1"):
        assert {"grpc_server_handled_total", "assayd_model_info", "process_resident_memory_bytes"} <= {
            sample.name for sample in samples if sample.labels.get("worker") == worker
        }


def test_a_scrape_that_takes_gzip_gets_it(server: ServerProcess) -> None:
    _, packed = get(server, "/metrics", **{"Accept-Encoding": "gzip"})
    assert b'assayd_rows_total{worker="1"' in gzip.decompress(packed)
    assert len(packed) < len(get(server, "/metrics")[1]) / 4


def test_the_parent_says_how_many_workers_there_are_and_that_they_are_ready(server: ServerProcess) -> None:
    wait_until(lambda: server.metric("assayd_workers_alive") == 2)
    assert server.metric("assayd_workers") == 2
    assert [get(server, path) for path in ("/healthz", "/readyz")] == [(200, b"alive\n"), (200, b"ready\n")]
    assert server.wait_for("serving")["workers"] == 2


def test_each_worker_has_its_share_of_the_threads(server: ServerProcess) -> None:
    threads = [server.metric("assayd_threads", worker=worker, purpose="inference") for worker in ("0", "1")]
    assert threads == [max(1, usable_cpus() // 2)] * 2


@pytest.mark.parametrize("arguments", [(), ("--workers", "2")])
def test_a_second_server_on_the_port_is_told_that_it_is_taken(
    server: ServerProcess, model_file: Path, arguments: tuple[str, ...]
) -> None:
    command = [sys.executable, "-m", "assayd_server", "serve", "--model", str(model_file), *arguments]
    where = ("--port", str(server.port), "--metrics-port", "0", "--log-level", "error")
    run = subprocess.run([*command, *where], capture_output=True, text=True, check=False, timeout=60)
    said = f"assayd: port: cannot listen on 127.0.0.1:{server.port}: Address already in use\n"
    assert (run.returncode, run.stderr) == (1, said)


def test_a_worker_is_killed_under_load_and_no_caller_notices(server: ServerProcess) -> None:
    restarts = server.metric("assayd_worker_restarts_total")
    stop = threading.Event()
    with connections(server, CALLERS) as clients:
        callers = [Caller(client, seed, stop) for seed, client in enumerate(clients)]
        for caller in callers:
            caller.start()
        wait_for_answers(callers, 200)
        os.kill(pid(server, 0), signal.SIGKILL)
        wait_until(lambda: server.metric("assayd_worker_restarts_total") == restarts + 1)
        wait_until(lambda: server.metric("assayd_workers_alive") == 2)
        wait_for_answers(callers, sum(caller.answered for caller in callers) + 200)
        stop.set()
        for caller in callers:
            caller.join()
    assert [caller.error for caller in callers if caller.error] == []
    assert sum(caller.mixed_up for caller in callers) == 0
    died = server.events("worker died")[-1]
    assert (died["worker"], died["reason"]) == ("0", "worker 0 ended by SIGKILL")


def test_a_worker_that_cannot_start_again_is_tried_again_while_the_other_serves(
    server: ServerProcess, model_file: Path
) -> None:
    content = model_file.read_bytes()
    count = len(server.events("worker died"))
    try:
        model_file.write_bytes(content[:-50])
        os.kill(pid(server, 1), signal.SIGKILL)
        wait_until(lambda: len(server.events("worker died")) >= count + 2)
        assert get(server, "/readyz")[0] == 200
        with Client(f"127.0.0.1:{server.port}") as client:
            assert len(client.score(np.zeros((3, CLASSES), np.float32))) == 3
    finally:
        model_file.write_bytes(content)
    reasons = [event["reason"] for event in server.events("worker died")[count:]]
    assert reasons[0] == "worker 1 ended by SIGKILL"
    assert reasons[1].startswith(f"{model_file}: ONNX Runtime cannot load it: ")
    wait_until(lambda: server.metric("assayd_workers_alive") == 2)


def test_a_worker_that_does_not_answer_is_left_out_of_the_metrics_and_counted(server: ServerProcess) -> None:
    wait_until(lambda: server.metric("assayd_workers_alive") == 2)
    before = [server.metric("assayd_worker_unanswered_scrapes_total", worker=worker) for worker in ("0", "1")]
    hung = pid(server, 0)
    os.kill(hung, signal.SIGSTOP)
    try:
        page = get(server, "/metrics")[1].decode()
        assert 'assayd_rows_total{worker="0"' not in page
        assert 'assayd_rows_total{worker="1"' in page
        assert f'assayd_worker_unanswered_scrapes_total{{worker="0"}} {before[0] + 1}' in page
        assert f'assayd_worker_unanswered_scrapes_total{{worker="1"}} {before[1]}' in page
    finally:
        os.kill(hung, signal.SIGCONT)
    wait_until(lambda: 'assayd_rows_total{worker="0"' in get(server, "/metrics")[1].decode())


def test_a_signal_to_a_worker_itself_does_nothing(server: ServerProcess) -> None:
    restarts = server.metric("assayd_worker_restarts_total")
    for worker in range(2):
        for number in (signal.SIGTERM, signal.SIGINT):
            os.kill(pid(server, worker), number)
    with connections(server, CALLERS) as clients:
        assert [len(client.score(np.zeros((3, CLASSES), np.float32))) for client in clients] == [3] * CALLERS
    assert server.metric("assayd_workers_alive") == 2
    assert server.metric("assayd_worker_restarts_total") == restarts
