"""Workers that are killed while they answer: the client's unary calls see no error."""

import os
import signal
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.soak.callers import Load, calling
from benchmarks.soak.lines import Line
from benchmarks.soak.models import identity
from benchmarks.soak.server import Server, serving

WORKERS = 2
CLIENTS = 16
PAUSE_SECONDS = 4.0
"""Between kills, besides the one after which a worker is started again."""


def run(short: bool) -> tuple[list[Line], dict[str, Any]]:
    """Kill one of two workers, again and again."""
    kills, pause_seconds = (1, 1.0) if short else (10, PAUSE_SECONDS)
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "m.onnx").write_bytes(identity())
        with (
            serving(folder, model=folder / "m.onnx", workers=WORKERS) as server,
            calling(CLIENTS, Load(address=server.address, sizes=range(1, 60))) as outcome,
        ):
            for number in range(kills):
                time.sleep(pause_seconds)
                _kill(server, number)
            time.sleep(pause_seconds)
    failed = sum(outcome.errors.values()) + outcome["wrong"]
    line = Line(
        part="worker_kill",
        what=f"unary calls that failed or were wrong while a worker was killed {kills} times",
        asked="0",
        reached=f"{failed} of {outcome['answers']}",
        met=failed == 0 and outcome["answers"] > 0,
    )
    return [line], {"kills": kills, **outcome}


def _kill(server: Server, number: int) -> None:
    """Kill a worker, as soon as all are there: with one left, there is somebody to answer."""
    server.wait_for("assayd_worker_restarts_total", number)
    server.wait_for("assayd_workers_alive", WORKERS)
    tasks = Path(f"/proc/{server.process.pid}/task").iterdir()
    workers = sorted(int(child) for task in tasks for child in (task / "children").read_text().split())
    os.kill(workers[number % WORKERS], signal.SIGKILL)
