"""What counting production rows for drift costs a call of Score: python -m benchmarks.drift_counting [--short].

A 784-256-128-10 network with a reference and its default columns; 1 row a call and 256, several calls in flight.
In turn, in rounds of a few seconds each: Score whose rows count, and Score whose rows do not. The server has one
core and its client, in a process of its own, another one. Besides, rounds of calls whose rows count while somebody
reads the page of metrics slowly, a few bytes at a time. Linux only. Writes benchmarks/results/drift_counting.json
unless --short.
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
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from itertools import cycle
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeAlias

import numpy as np

from assayd import Client
from benchmarks.novelty_serving import CORES, WIDTHS, files, pinned
from benchmarks.pool_processes import Server, in_process, serving_alone

RESULTS = Path(__file__).parent / "results" / "drift_counting.json"
ROW_COUNTS, IN_FLIGHT = (1, 256), 6
PLAIN, COUNTED, SLOW = "not counted", "counted", "counted, slow scrapes"
SCRAPE_SECONDS = 1.0
NAMES = ("calls_per_second", "processor_seconds_a_call")


def rate(address: str, row_count: int, record: bool, seconds: float) -> float:
    """Calls per second, with several in flight, from the client's core."""
    os.sched_setaffinity(0, {CORES[-1]})
    rows = np.random.default_rng(1).normal(size=(16 * row_count, WIDTHS[0])).astype(np.float32)
    given, count = cycle(np.split(rows, 16)), 0
    wanted: dict[str, Any] = {"outputs": ["predictions"], "uncertainties": ["entropy"], "record": record}
    with Client(address, deadline_seconds=60) as client, ThreadPoolExecutor(IN_FLIGHT) as threads:

        def send() -> Future[object]:
            return threads.submit(client.score, next(given), **wanted)

        send().result()
        flying: deque[Future[object]] = deque(send() for _ in range(IN_FLIGHT))
        began = time.perf_counter()
        while (passed := time.perf_counter() - began) < seconds:
            flying.popleft().result()
            flying.append(send())
            count += 1
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


@dataclass
class Figures:
    """Of one way, a value for each round."""

    calls_per_second: list[float] = field(default_factory=list)
    processor_seconds_a_call: list[float] = field(default_factory=list)
    """Of the server; those of the client are about the same whatever is counted."""


Found: TypeAlias = dict[str, dict[str, Figures]]
"""By rows a call and by way."""


def measured(*, rounds: int, seconds: float, reference_rows: int) -> Found:
    """All ways in turn, round by round."""
    found: Found = {str(count): {way: Figures() for way in (PLAIN, COUNTED, SLOW)} for count in ROW_COUNTS}
    with TemporaryDirectory() as name:
        model, reference = files(Path(name), reference_rows)
        with serving_alone(model=model, reference=reference, inference_threads=1) as server:
            pinned(server)
            for _ in range(rounds):
                for row_count in ROW_COUNTS:
                    for way, figures in found[str(row_count)].items():
                        with slow_scrapes(server.metrics_address) if way == SLOW else nullcontext():
                            one_round(server, row_count, way != PLAIN, seconds, figures)
    return found


def one_round(server: Server, row_count: int, record: bool, seconds: float, figures: Figures) -> None:
    """Measure once more."""
    used = server.processor_seconds()
    calls, _usage = in_process(rate, server.address, row_count, record, seconds)
    used = server.processor_seconds() - used
    figures.calls_per_second.append(calls)
    figures.processor_seconds_a_call.append(used / (calls * seconds))


def show(found: Found) -> None:
    """Print a table in Markdown."""
    print("| rows a call | rows are | calls/s | of those that are not counted | processor time a call, likewise |")
    print("|---|---|---|---|---|")
    for row_count, by_way in found.items():
        for way, figures in by_way.items():
            cells = [f"{statistics.median(figures.calls_per_second):,.0f}"]
            cells += [ratio(getattr(figures, name), getattr(by_way[PLAIN], name)) for name in NAMES]
            print(f"| {row_count} | {way} | {' | '.join(cells)} |")


def ratio(own: list[float], plain: list[float]) -> str:
    """Median, lowest and highest of the ratios in each round."""
    ratios = [one / other for one, other in zip(own, plain, strict=True)]
    return f"{statistics.median(ratios):.3f} ({min(ratios):.3f} to {max(ratios):.3f})"


def plain(found: Found) -> dict[str, Any]:
    """As JSON has it."""
    return {count: {way: asdict(figures) for way, figures in by_way.items()} for count, by_way in found.items()}


def main() -> None:
    """Measure, print, and write down."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--short", action="store_true", help="a few calls, written nowhere")
    short = parser.parse_args().short
    os.environ["OPENBLAS_NUM_THREADS"] = "1"  # of the server: two threads on its core wait for each other
    settings: dict[str, Any] = {"rounds": 9, "seconds": 3.0, "reference_rows": 20_000}
    if short:
        settings = {"rounds": 1, "seconds": 0.3, "reference_rows": 400}
    print(f"{'-'.join(map(str, WIDTHS))}, {IN_FLIGHT} calls in flight, one core each\n")
    found = measured(**settings)
    show(found)
    if not short:
        about = {"machine": platform.machine(), "cores": len(CORES), "onnxruntime": version("onnxruntime")}
        RESULTS.write_text(json.dumps({**about, **settings, "found": plain(found)}, indent=2) + "\n")


if __name__ == "__main__":
    main()
