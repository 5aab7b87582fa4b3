"""Many clients with batches of all sizes: every answer is of its own rows, and memory does not grow."""

import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from benchmarks.pool_processes import memory_mib
from benchmarks.soak.callers import Load, Outcome, calling
from benchmarks.soak.lines import Line
from benchmarks.soak.models import identity
from benchmarks.soak.server import serving

CLIENTS = 64
SIZES = (1, 1, 1, 2, 3, 5, 8, 17, 32, 64, 100, 129, 256, 512, 1025, 3000)
SAMPLE_SECONDS = 0.25
GROWTH_MAX = 1.0
"""MiB a minute."""


def run(short: bool) -> tuple[list[Line], dict[str, Any]]:
    """64 clients, and the server's memory meanwhile."""
    seconds = 3 if short else 300
    samples: list[tuple[float, float]] = []
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "m.onnx").write_bytes(identity())
        with serving(folder, model=folder / "m.onnx") as server:
            began = time.perf_counter()
            with calling(CLIENTS, Load(address=server.address, sizes=SIZES)) as outcome:
                while (now := time.perf_counter() - began) < seconds:
                    samples.append((now, memory_mib("VmRSS", server.process.pid)))
                    time.sleep(SAMPLE_SECONDS)
            passes = server.metric("assayd_executions_total")
    growth = slope(samples)
    figures = {
        "seconds": seconds,
        "answers": outcome["answers"],
        "rows": outcome["rows"],
        "passes": passes,
        "wrong": outcome["wrong"],
        "errors": outcome.errors,
        "growth_mib_per_minute": growth,
        "memory_mib": [round(mib, 1) for _, mib in samples[:: max(1, len(samples) // 60)]],
    }
    return _lines(outcome, growth, seconds), figures


def slope(samples: Sequence[tuple[float, float]]) -> float:
    """MiB a minute over the last half, by least squares."""
    half = np.array(samples[len(samples) // 2 :])
    return float(60 * np.polyfit(half[:, 0] - half[0, 0], half[:, 1], 1)[0])


def _lines(outcome: Outcome, growth: float, seconds: float) -> list[Line]:
    return [
        Line(
            part="mixed",
            what=f"calls that failed, {CLIENTS} clients",
            asked="0",
            reached=f"{sum(outcome.errors.values())} of {outcome['answers']}, {outcome['rows']} rows, {seconds} s",
            met=not outcome.errors and outcome["answers"] > 0,
        ),
        Line(
            part="mixed",
            what="answers of other rows than their own",
            asked="0",
            reached=str(outcome["wrong"]),
            met=outcome["wrong"] == 0,
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
