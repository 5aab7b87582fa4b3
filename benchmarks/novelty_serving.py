"""What novelty costs a call of Score: python -m benchmarks.novelty_serving [--short].

A 784-256-128-10 network with a reference, batches of 256 rows, several calls in flight. In turn, in several rounds
of a few seconds each: Score with predictions and entropies alone, and the same with a measure of novelty. The
server has one core and its client, in a process of its own, another one. Linux only. Writes
benchmarks/results/novelty_serving.json unless --short.
"""

import argparse
import json
import os
import platform
import statistics
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from importlib.metadata import version
from itertools import cycle
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from assayd import Client
from assayd_server.reference_building import build
from assayd_server.reference_wanted import ReferenceWanted
from benchmarks.pool_processes import Server, in_process, serving_alone
from benchmarks.pool_serving import perceptron, random_layers

RESULTS = Path(__file__).parent / "results" / "novelty_serving.json"
WIDTHS, BATCH, IN_FLIGHT = (784, 256, 128, 10), 256, 6
CORES = sorted(os.sched_getaffinity(0))
PLAIN = "without"
WAYS: dict[str, list[str]] = {
    PLAIN: [],
    "combined": ["combined"],
    "energy": ["energy"],
    "gen": ["gen"],
    "knn": ["knn"],
}


def files(folder: Path, reference_rows: int, widths: Sequence[int] = WIDTHS) -> tuple[Path, Path]:
    """A model with random weights, and a reference of rows for it."""
    rng = np.random.default_rng(0)
    layers = random_layers(widths, rng)
    model, rows, reference = folder / "model.onnx", folder / "rows.npy", folder / "reference.npz"
    model.write_bytes(perceptron(layers))
    np.save(rows, rng.normal(size=(reference_rows, widths[0])).astype(np.float32))
    build(ReferenceWanted(rows=rows, model=model, output=reference))
    return model, reference


def pinned(server: Server) -> None:
    """On the server's core, with all threads that it has."""
    for thread in Path(f"/proc/{server.process_id}/task").iterdir():
        os.sched_setaffinity(int(thread.name), {CORES[0]})


def rate(address: str, novelty: list[str], seconds: float) -> float:
    """Rows per second, with several calls in flight, from the client's core."""
    os.sched_setaffinity(0, {CORES[-1]})
    rows = np.random.default_rng(1).normal(size=(16 * BATCH, WIDTHS[0])).astype(np.float32)
    given, count = cycle(np.split(rows, 16)), 0
    wanted: dict[str, Any] = {"outputs": ["predictions"], "uncertainties": ["entropy"], "novelty": novelty}
    with Client(address, deadline_seconds=60) as client, ThreadPoolExecutor(IN_FLIGHT) as threads:

        def send() -> Future[object]:
            return threads.submit(client.score, next(given), **wanted)

        send().result()
        flying: deque[Future[object]] = deque(send() for _ in range(IN_FLIGHT))
        began = time.perf_counter()
        while (passed := time.perf_counter() - began) < seconds:
            flying.popleft().result()
            flying.append(send())
            count += BATCH
        return count / passed


def measured(*, rounds: int, seconds: float, reference_rows: int) -> dict[str, list[float]]:
    """Rows per second by way, a value for each round."""
    rates: dict[str, list[float]] = {way: [] for way in WAYS}
    with TemporaryDirectory() as name:
        model, reference = files(Path(name), reference_rows)
        with serving_alone(model=model, reference=reference, inference_threads=1) as server:
            pinned(server)
            for _ in range(rounds):
                for way, novelty in WAYS.items():
                    found, _usage = in_process(rate, server.address, novelty, seconds)
                    rates[way].append(found)
    return rates


def show(rates: dict[str, list[float]]) -> None:
    """Print a table in Markdown."""
    print("| novelty | rows/s | of those without |")
    print("|---|---|---|")
    for way, values in rates.items():
        ratios = [own / plain for own, plain in zip(values, rates[PLAIN], strict=True)]
        spread = f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
        print(f"| {way} | {statistics.median(values):,.0f} | {spread} |")


def main() -> None:
    """Measure, print, and write down."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--short", action="store_true", help="a few calls, written nowhere")
    short = parser.parse_args().short
    os.environ["OPENBLAS_NUM_THREADS"] = "1"  # of the server: two threads on its core wait for each other
    settings: dict[str, Any] = {"rounds": 7, "seconds": 4.0, "reference_rows": 20_000}
    if short:
        settings = {"rounds": 1, "seconds": 0.3, "reference_rows": 400}
    print(f"{'-'.join(map(str, WIDTHS))}, {BATCH} rows a call, {IN_FLIGHT} calls in flight, one core each\n")
    rates = measured(**settings)
    show(rates)
    if not short:
        about = {"machine": platform.machine(), "cores": len(CORES), "onnxruntime": version("onnxruntime")}
        RESULTS.write_text(json.dumps({**about, **settings, "rows_per_second": rates}, indent=2) + "\n")


if __name__ == "__main__":
    main()
