"""Workers that are killed while they answer: the client's unary calls see no error."""

import os
import signal
import threading
import time
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from assayd import AssaydError, Client
from benchmarks.soak.lines import Line
from benchmarks.soak.models import CLASSES, identity, softmax
from benchmarks.soak.server import Server, serving

WORKERS = 2
CLIENTS = 16
PAUSE_SECONDS = 4.0
"""Between kills: a worker that died early is started again after a pause that grows."""


def run(short: bool) -> tuple[list[Line], dict[str, Any]]:
    """Kill one of two workers, again and again."""
    kills = 1 if short else 10
    found: Counter[str] = Counter()
    ended = threading.Event()
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "m.onnx").write_bytes(identity())
        with serving(folder, model=folder / "m.onnx", workers=WORKERS) as server:
            threads = [
                threading.Thread(target=_call, args=[server, seed, ended, found]) for seed in range(CLIENTS)
            ]
            for thread in threads:
                thread.start()
            try:
                for number in range(kills):
                    time.sleep(1.0 if short else PAUSE_SECONDS)  # under load
                    _kill(server, number)
                time.sleep(1.0 if short else PAUSE_SECONDS)
            finally:
                ended.set()
                for thread in threads:
                    thread.join()
    failures = {name: count for name, count in found.items() if name.isupper()}
    line = Line(
        part="worker_kill",
        what=f"unary calls that failed or were wrong while a worker was killed {kills} times",
        asked="0",
        reached=f"{sum(failures.values()) + found['wrong']} of {found['answers']}",
        met=not failures and not found["wrong"] and found["answers"] > 0,
    )
    return [line], {"kills": kills, **dict(found)}


def _kill(server: Server, number: int) -> None:
    """Kill a worker, as soon as all are there."""
    children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children")
    deadline = time.monotonic() + 60
    while len(workers := children.read_text().split()) < WORKERS:
        if time.monotonic() > deadline:
            raise TimeoutError("a worker was not started again")
        time.sleep(0.05)
    os.kill(int(workers[number % WORKERS]), signal.SIGKILL)


def _call(server: Server, seed: int, ended: threading.Event, found: Counter[str]) -> None:
    rng = np.random.default_rng(seed)
    counts: Counter[str] = Counter()
    with Client(server.address, deadline_seconds=30) as client:
        while not ended.is_set():
            rows = rng.normal(0, 3, (rng.integers(1, 60), CLASSES)).astype(np.float32)
            try:
                right = np.allclose(client.score(rows).probabilities, softmax(rows), atol=1e-5)
            except AssaydError as error:
                counts[error.status.name] += 1
                continue
            counts.update(answers=1, wrong=not right)
    found.update(counts)
