"""Many clients with batches of all sizes: every answer is of its own rows, and memory does not grow."""

import threading
import time
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from assayd import AssaydError, Client
from benchmarks.pool_processes import memory_mib
from benchmarks.soak.lines import Line
from benchmarks.soak.models import CLASSES, identity, softmax
from benchmarks.soak.server import serving

CLIENTS = 64
SIZES = (1, 1, 1, 2, 3, 5, 8, 17, 32, 64, 100, 129, 256, 512, 1025, 3000)
SAMPLE_SECONDS = 0.25
GROWTH_MAX = 1.0
"""MiB a minute."""


def run(short: bool) -> tuple[list[Line], dict[str, Any]]:
    """64 clients, and the server's memory meanwhile."""
    seconds = 3 if short else 300
    found: Counter[str] = Counter()
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "m.onnx").write_bytes(identity())
        with serving(folder, model=folder / "m.onnx") as server:
            end = time.perf_counter() + seconds
            threads = [
                threading.Thread(target=_call, args=[server.address, seed, end, found]) for seed in range(CLIENTS)
            ]
            for thread in threads:
                thread.start()
            samples = []
            while any(thread.is_alive() for thread in threads):
                samples.append((time.perf_counter(), memory_mib("VmRSS", server.process.pid)))
                time.sleep(SAMPLE_SECONDS)
            passes = server.metric("assayd_executions_total")
    growth = slope(samples)
    failures = {name: count for name, count in found.items() if name not in ("answers", "rows", "mixed")}
    figures = {
        "seconds": seconds,
        "answers": found["answers"],
        "rows": found["rows"],
        "passes": passes,
        "mixed": found["mixed"],
        "failures": failures,
        "growth_mib_per_minute": growth,
        "memory_mib": [round(mib, 1) for _, mib in samples[:: max(1, len(samples) // 60)]],
    }
    return _lines(found, failures, growth, seconds), figures


def slope(samples: list[tuple[float, float]]) -> float:
    """MiB a minute over the last half, by least squares."""
    half = np.array(samples[len(samples) // 2 :])
    return float(60 * np.polyfit(half[:, 0] - half[0, 0], half[:, 1], 1)[0])


def _call(address: str, seed: int, end: float, found: Counter[str]) -> None:
    rng = np.random.default_rng(seed)
    counts: Counter[str] = Counter()
    with Client(address, deadline_seconds=60) as client:
        while time.perf_counter() < end:
            rows = rng.normal(0, 3, (rng.choice(SIZES), CLASSES)).astype(np.float32)
            try:
                given = client.score(rows).probabilities
            except AssaydError as error:
                counts[error.status.name] += 1
                continue
            right = (
                given is not None and given.shape == rows.shape and np.allclose(given, softmax(rows), atol=1e-5)
            )
            counts.update(answers=1, rows=len(rows), mixed=not right)
    found.update(counts)  # one thread at a time: a Counter's update of numbers is not one step, but ends are apart


def _lines(found: Counter[str], failures: dict[str, int], growth: float, seconds: float) -> list[Line]:
    answers = f"of {found['answers']} calls, {found['rows']} rows, {seconds} s"
    return [
        Line(
            part="mixed",
            what=f"calls that failed, {CLIENTS} clients",
            asked="0",
            reached=f"{sum(failures.values())} {answers}",
            met=not failures and found["answers"] > 0,
        ),
        Line(
            part="mixed",
            what="answers of other rows than their own",
            asked="0",
            reached=str(found["mixed"]),
            met=found["mixed"] == 0,
        ),
        Line(
            part="mixed",
            what="growth of memory over the last half",
            asked=f"< {GROWTH_MAX:.0f} MiB/min",
            reached=f"{growth:.2f} MiB/min",
            met=growth < GROWTH_MAX,
            timed=True,
        ),
    ]
