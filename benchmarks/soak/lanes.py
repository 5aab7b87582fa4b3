"""Bulk scoring at full rate beside online calls: how much longer these wait."""

import asyncio
import multiprocessing
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from assayd import Client
from benchmarks.soak.lines import Line
from benchmarks.soak.models import WIDTH, network
from benchmarks.soak.open_loop import Answered, by_client, offer
from benchmarks.soak.server import load_cpus, serving

HIDDEN = 256
ROWS = 8
RATE = 50.0
"""Online calls a second: few, so that what they wait for is bulk and not each other."""
BULK_ROWS = 4096
FACTOR = 10.0
_SPAWN = multiprocessing.get_context("spawn")


def run(short: bool) -> tuple[list[Line], dict[str, Any]]:
    """The p99 of online calls, without and with bulk, in turns."""
    alone: list[float] = []
    beside: list[float] = []
    failed, bulk_rows = 0, 0.0
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "m.onnx").write_bytes(network(HIDDEN))
        with serving(folder, model=folder / "m.onnx") as server:
            for turn in range(1 if short else 5):
                quiet = asyncio.run(_online(server.address, seconds=1 if short else 20, seed=turn))
                with _bulk(server.address):
                    before = server.metric("assayd_rows_total")
                    began = time.perf_counter()
                    busy = asyncio.run(_online(server.address, seconds=1 if short else 20, seed=turn))
                    bulk_rows += (server.metric("assayd_rows_total") - before) / (time.perf_counter() - began)
                alone.append(quiet.quantile_ms(0.99))
                beside.append(busy.quantile_ms(0.99))
                failed += sum(quiet.failures.values()) + sum(busy.failures.values())
    factor = float(np.median(beside) / np.median(alone))
    figures = {
        "p99_ms_alone": alone,
        "p99_ms_beside_bulk": beside,
        "rows_per_second": bulk_rows / len(alone),
        "online_calls_per_second": RATE,
        "factor": factor,
    }
    lines = [
        Line(
            part="lanes",
            what="p99 of online calls beside bulk at full rate, over that without",
            asked=f"<= {FACTOR:.0f}",
            reached=f"{factor:.1f} ({np.median(alone):.1f} to {np.median(beside):.1f} ms)",
            met=factor <= FACTOR,
            timed=True,
        ),
        Line(
            part="lanes",
            what="online calls that failed",
            asked="0",
            reached=str(failed),
            met=failed == 0,
            timed=True,
        ),
    ]
    return lines, figures


async def _online(address: str, *, seconds: float, seed: int) -> Answered:
    rows = np.random.default_rng(seed).random((ROWS, WIDTH), dtype=np.float32)
    async with by_client(address, rows) as send:
        return await offer(send, rate=RATE, seconds=seconds, seed=seed)


@contextmanager
def _bulk(address: str) -> Iterator[None]:
    """A process that scores without end, and leaves the CPU to the online calls' when they need it."""
    here, there = _SPAWN.Pipe()
    process = _SPAWN.Process(target=_score, args=[address, there])
    process.start()
    there.close()
    try:
        here.recv()
        yield
    finally:
        here.close()
        process.join()


def _score(address: str, parent: Connection) -> None:
    os.sched_setaffinity(0, load_cpus())
    os.nice(19)
    rows = np.random.default_rng(0).random((BULK_ROWS, WIDTH), dtype=np.float32)

    def batches() -> Iterator[np.ndarray]:
        while not parent.poll():  # true once the other end is closed
            yield rows

    with Client(address, deadline_seconds=120) as client:
        for number, _ in enumerate(client.score_stream(batches())):
            if number == 0:
                parent.send("under way")
