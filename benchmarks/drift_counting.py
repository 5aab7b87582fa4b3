"""What counting production rows for drift costs a call of Score: python -m benchmarks.drift_counting [--short].

A 784-256-128-10 network with a reference and its default columns; 1 row a call and 256, several calls in flight.
For half a second each in turn, Score whose rows count and Score whose rows do not, from one client: on a machine
that others use too, only neighbours in time compare. The server has one core and its client, in a process of its
own, another one. The same again while somebody reads the page of metrics slowly, a few bytes at a time. Linux
only. Writes benchmarks/results/drift_counting.json unless --short.
"""

import argparse
import json
import os
import platform
import socket
import statistics
import threading
import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from importlib.metadata import version
from itertools import cycle
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeAlias

import numpy as np

from assayd import Client
from benchmarks.novelty_serving import CORES, WIDTHS, files, pinned
from benchmarks.pool_processes import in_process, serving_alone

RESULTS = Path(__file__).parent / "results" / "drift_counting.json"
ROW_COUNTS, IN_FLIGHT = (1, 256), 6
ALONE, SLOW = "read by nobody", "read slowly"
"""The page of metrics."""
SCRAPE_SECONDS = 1.0
Rates: TypeAlias = dict[str, list[float]]
"""Calls a second, a value for each turn: counted, and not counted."""


def rates(address: str, row_count: int, turns: int, seconds: float) -> Rates:
    """Calls with several in flight, from the client's core, with rows that count and that do not in turn."""
    os.sched_setaffinity(0, {CORES[-1]})
    rows = np.random.default_rng(1).normal(size=(16 * row_count, WIDTHS[0])).astype(np.float32)
    given, found = cycle(np.split(rows, 16)), {"not counted": list[float](), "counted": list[float]()}
    with Client(address, deadline_seconds=60) as client, ThreadPoolExecutor(IN_FLIGHT) as threads:

        def send(record: bool) -> Future[object]:
            wanted: dict[str, Any] = {"outputs": ["predictions"], "uncertainties": ["entropy"], "record": record}
            return threads.submit(client.score, next(given), **wanted)

        for _ in range(turns):
            for way, values in found.items():
                values.append(turn(lambda way=way: send(way == "counted"), seconds))  # type: ignore[misc]
    return found


def turn(send: Any, seconds: float) -> float:
    """Calls a second."""
    flying, count, began = deque(send() for _ in range(IN_FLIGHT)), 0, time.perf_counter()
    while (passed := time.perf_counter() - began) < seconds:
        flying.popleft().result()
        flying.append(send())
        count += 1
    for call in flying:
        call.result()
    return count / passed


@contextmanager
def slow_scrapes(metrics_address: str) -> Iterator[None]:
    """Someone asks for the metrics, and reads them a few bytes at a time, again and again."""
    ended = threading.Event()
    thread = threading.Thread(target=_scrape, args=[metrics_address, ended])
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _scrape(address: str, ended: threading.Event) -> None:
    host, _, port = address.rpartition(":")
    while not ended.is_set():
        with socket.create_connection((host, int(port)), timeout=10) as connection:
            connection.sendall(b"GET /metrics HTTP/1.1\r\nHost: metrics\r\nConnection: close\r\n\r\n")
            stop = time.monotonic() + SCRAPE_SECONDS
            while connection.recv(256) and time.monotonic() < stop and not ended.is_set():
                ended.wait(0.01)


def measured(*, turns: int, seconds: float, reference_rows: int) -> dict[str, dict[str, Rates]]:
    """By rows a call, and by who reads the metrics."""
    found: dict[str, dict[str, Rates]] = {}
    with TemporaryDirectory() as name:
        model, reference = files(Path(name), reference_rows)
        with serving_alone(model=model, reference=reference, inference_threads=1) as server:
            pinned(server)
            for row_count in ROW_COUNTS:
                for read in (ALONE, SLOW):
                    with slow_scrapes(server.metrics_address) if read == SLOW else nullcontext():
                        values, _usage = in_process(rates, server.address, row_count, turns, seconds)
                    found.setdefault(str(row_count), {})[read] = values
    return found


def show(found: dict[str, dict[str, Rates]]) -> None:
    """Print a table in Markdown."""
    print("| rows a call | metrics are | calls/s, not counted | counted | ratio in a turn, median (quartiles) |")
    print("|---|---|---|---|---|")
    for row_count, by_reader in found.items():
        for read, values in by_reader.items():
            plain, counted = values["not counted"], values["counted"]
            ratios = np.divide(counted, plain)
            low, middle, high = np.quantile(ratios, [0.25, 0.5, 0.75])
            medians = f"{statistics.median(plain):,.0f} | {statistics.median(counted):,.0f}"
            print(f"| {row_count} | {read} | {medians} | {middle:.3f} ({low:.3f} to {high:.3f}) |")


def main() -> None:
    """Measure, print, and write down."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--short", action="store_true", help="a few calls, written nowhere")
    short = parser.parse_args().short
    os.environ["OPENBLAS_NUM_THREADS"] = "1"  # of the server: two threads on its core wait for each other
    settings: dict[str, Any] = {"turns": 50, "seconds": 0.5, "reference_rows": 20_000}
    if short:
        settings = {"turns": 1, "seconds": 0.2, "reference_rows": 400}
    print(f"{'-'.join(map(str, WIDTHS))}, {IN_FLIGHT} calls in flight, one core each\n")
    found = measured(**settings)
    show(found)
    if not short:
        about = {"machine": platform.machine(), "cores": len(CORES), "onnxruntime": version("onnxruntime")}
        RESULTS.write_text(json.dumps({**about, **settings, "calls_per_second": found}, indent=1) + "\n")


if __name__ == "__main__":
    main()
