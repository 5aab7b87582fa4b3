"""`assayd demo`: starts a real server as a process of its own, and does the main job with the client."""

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import numpy as np

from assayd import Client
from assayd_server.demo import drifting, show
from assayd_server.errors import StartError
from assayd_server.progress import Progress

FOLDER = Path(__file__).parent

_START_SECONDS_MAX = 60.0
_STOP_SECONDS_MAX = 30.0
_SINGLE_CALLS = 1000
_BATCHES, _BATCH_ROWS = 100, 1000


def run() -> None:
    """Serve, score, show, stop.

    Raises:
        StartError: the server did not start or did not stop as it should.
    """
    with np.load(FOLDER / "held_out.npz", allow_pickle=False) as held_out:
        images, digits = held_out["images"], held_out["labels"]
    print(f"Starting a server with the bundle in {FOLDER / 'models'} ...", flush=True)
    with served() as port, Client(f"127.0.0.1:{port}") as client:
        show.model(client.model(), port)
        scores = client.score(
            images, uncertainties=["least_confidence", "margin", "ratio", "entropy"], top_k=3, neighbors=6
        )
        show.accuracy(scores, digits)
        show.latency(_single_row_seconds(client, images))
        show.throughput(*_bulk(client, images))
        show.most_uncertain(images, digits, scores)
        show.most_similar(images, scores)
        _watch(client, images)
        print("\nStopping the server with SIGTERM ...", flush=True)
    print("It finished what it had accepted and ended with exit code 0.")


def _watch(client: Client, images: Any) -> None:
    """Show a stream that begins to drift, up to its first alarm."""
    stream = drifting.batches(images)
    reports = client.watch_drift(
        stream, window_rows=drifting.WINDOW_ROWS, expected_run_rows=drifting.EXPECTED_RUN_ROWS
    )
    show.stream(images[: show.SHOWN], drifting.turned_and_blurred(images[: show.SHOWN]), drifting.HEALTHY_ROWS)
    for report in reports:
        show.report(report)
        if report.alert and report.window is not None:
            return


@contextmanager
def served() -> Iterator[int]:
    """The port of a server with the demo's bundle: a process of its own, ended as Kubernetes would end it.

    Raises:
        StartError: it did not start, or its exit code is not 0.
    """
    command = [sys.executable, "-m", "assayd_server", "serve", "--repository", str(FOLDER / "models")]
    command += ["--port", "0", "--metrics-port", "0", "--drain-delay-seconds", "0"]
    # nothing in the command comes from anybody else
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:  # noqa: S603  # nosec B603
        try:
            event = _serving_event(process)
            _wait_until_ready(event["metrics_port"])
            yield event["port"]
            process.send_signal(signal.SIGTERM)
            code = process.wait(_STOP_SECONDS_MAX)
        finally:
            process.kill()
    if code:
        raise StartError(f"the server ended with exit code {code}")


def _serving_event(process: subprocess.Popen[str]) -> dict[str, Any]:
    """Read the server's log until it says on which ports it serves; what it logs later is read and dropped."""
    assert process.stderr is not None  # it is a pipe
    last = ""
    for last in process.stderr:
        if last.startswith("{") and (event := json.loads(last))["event"] == "serving":
            threading.Thread(target=process.stderr.read, daemon=True).start()
            return event
    raise StartError(f"the server did not start: {last.strip()}")


def _wait_until_ready(metrics_port: int) -> None:
    deadline = time.monotonic() + _START_SECONDS_MAX
    while time.monotonic() < deadline:
        try:
            with urlopen(f"http://127.0.0.1:{metrics_port}/readyz", timeout=1):  # nosec B310  # always http
                return
        except URLError:
            time.sleep(0.05)
    raise StartError(f"the server was not ready after {_START_SECONDS_MAX:g} s")


def _single_row_seconds(client: Client, images: Any) -> list[float]:
    """The time of each of many calls with one row, one after the other."""
    one = [images[index % len(images)][None] for index in range(_SINGLE_CALLS)]
    return [_seconds(lambda row=row: client.score(row, uncertainties=["entropy"])) for row in one]  # type: ignore[misc]


def _bulk(client: Client, images: Any) -> tuple[int, float]:
    """How many rows were streamed, and how long it took."""
    rows = images[np.arange(_BATCH_ROWS) % len(images)]
    progress = Progress("rows streamed", _BATCHES * _BATCH_ROWS)

    def stream() -> None:
        for scores in client.score_stream((rows for _ in range(_BATCHES)), uncertainties=["entropy"]):
            progress.advance(len(scores))

    seconds = _seconds(stream)
    progress.close()
    return _BATCHES * _BATCH_ROWS, seconds


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
