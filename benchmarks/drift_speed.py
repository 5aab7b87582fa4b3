"""A window of 1,000 x 64 against a reference of 10,000, by assayd, by plain NumPy and by its peers.

    python -m venv peers && peers/bin/pip install alibi-detect==0.12.0 evidently==0.7.23
    python -m benchmarks.drift_speed [--peers peers/bin/python] [--short]

Without an environment of theirs there are no peers. alibi-detect and the limit do one test, Kolmogorov and
Smirnov's; so does assayd-ks, by the functions of the server. assayd-core is all that the server says of these
columns. assayd-rpc is TestDrift as anyone calls it, of a small network whose 64 inputs are columns: the client
encodes the window, a server with its defaults reads it, runs the network, tests the columns and what is watched of
the network besides, and the client reads the answer. evidently makes its report.

Everything runs on one core with one thread, one after the other, and is compared within a round only. What counts
is the processor time of the whole process. That of assayd-rpc holds server and client, with all of their threads:
it pays for both ends of the call and for the way between, which peers, called in process, do not have. Time by the
clock would add what other programs take of the core. Takes two minutes, and writes results/drift_speed.json.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.metadata
import json
import os
import platform
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from assayd_server.reference_building import build
from assayd_server.reference_wanted import ReferenceWanted
from benchmarks.drift_tools import MODEL, OURS, REFERENCE, SERVED
from benchmarks.pool_serving import perceptron, random_layers
from benchmarks.ranking_core import Worker, spread

HERE = Path(__file__).parent
PEERS = ("alibi-detect", "evidently")
ROUNDS, ROUNDS_SHORT = 9, 2
SLOW_ROUNDS = {"evidently": 3}
HIDDEN, CLASSES = 32, 10
BASELINES = {"to_limit": "limit", "to_assayd": "assayd-rpc"}
ASKED = {
    "assayd-ks": ("to_limit", "at most", 2.0),
    "alibi-detect": ("to_assayd", "at least", 5.0),
    "evidently": ("to_assayd", "at least", 100.0),
}
ROW = "{:<14} {:>10} {:>26} {:>26}"


def written(folder: Path, shapes: Sequence[tuple[int, int]]) -> list[str]:
    """Files of normal numbers: the reference and the window, which is like it; what a server needs beside them."""
    rng, paths = np.random.default_rng(0), [folder / "reference.npy", folder / "window.npy"]
    for path, shape in zip(paths, shapes, strict=True):
        np.save(path, rng.standard_normal(shape, np.float32))
    width = shapes[0][1]
    (folder / MODEL).write_bytes(perceptron(random_layers((width, HIDDEN, CLASSES), rng)))
    features = tuple(f"x[{place}]" for place in range(width))
    build(ReferenceWanted(rows=paths[0], model=folder / MODEL, output=folder / REFERENCE, features=features))
    return [str(path) for path in paths]


def measured(workers: Sequence[Worker], paths: Sequence[str], round_count: int) -> dict[str, list[float]]:
    """Seconds of each tool in each round; the slow ones take part in the first few."""
    runs = {tool: worker for worker in workers for tool in worker.tools}
    for tool, worker in runs.items():
        worker.run(tool=tool, reference=paths[0])
        worker.run(tool=tool, window=paths[1])  # warms up
    seconds: dict[str, list[float]] = {tool: [] for tool in runs}
    for place in range(round_count):
        for tool, worker in runs.items():
            if place < SLOW_ROUNDS.get(tool, round_count):
                seconds[tool].append(worker.run(tool=tool, window=paths[1])["seconds"])
    return seconds


def summary(tool: str, seconds: dict[str, list[float]]) -> dict[str, Any]:
    """Of one tool, and what it took in the same round over the limit and over the whole call of assayd."""
    ratios = {
        name: spread([own / other for own, other in zip(seconds[tool], seconds[baseline], strict=False)])
        for name, baseline in BASELINES.items()
    }
    return {"tool": tool, "seconds": spread(seconds[tool]), **ratios}


def line(entry: dict[str, Any]) -> str:
    """A row of the table."""
    ratios = ["{median:.2f} ({lowest:.2f}-{highest:.2f})".format(**entry[name]) for name in BASELINES]
    return ROW.format(entry["tool"], f"{1e3 * entry['seconds']['median']:.2f}", *ratios)


def judged(entry: dict[str, Any]) -> str:
    """What is asked of the median, and whether it was reached."""
    ratio, bound, value = ASKED[entry["tool"]]
    median = entry[ratio]["median"]
    reached = median <= value if bound == "at most" else median >= value
    verdict = "reached" if reached else "MISSED"
    return f"{entry['tool']}: {median:.2f} x {BASELINES[ratio]}, asked {bound} {value:g}: {verdict}"


@contextlib.contextmanager
def started(peers: str | None, python: str) -> Iterator[list[Worker]]:
    """The processes: ours, and the peers' where there is one."""
    script = HERE / "drift_tools.py"
    ours = [Worker(python, OURS, script), Worker(python, SERVED, script)]
    workers = [*ours, *([Worker(peers, PEERS, script)] if peers else [])]
    try:
        yield workers
    finally:
        for worker in workers:
            worker.close()


def machine(workers: Sequence[Worker]) -> dict[str, Any]:
    """What it ran on."""
    packages = {name: version for worker in reversed(workers) for name, version in worker.versions.items()}
    return {
        "architecture": platform.machine(),
        "cpu_count": os.cpu_count(),
        "python": platform.python_version(),
        "packages": packages | {name: importlib.metadata.version(name) for name in ("numpy", "scipy")},
    }


def main() -> None:
    """Print the table, and write the figures unless they are short."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", metavar="PYTHON", help="of an environment with the peers")
    parser.add_argument("--short", action="store_true", help="see that it runs")
    arguments = parser.parse_args()
    shapes = ((500, 8), (100, 8)) if arguments.short else ((10_000, 64), (1000, 64))
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})  # the workers inherit it, and take turns
    with tempfile.TemporaryDirectory() as folder, started(arguments.peers, sys.executable) as workers:
        seconds = measured(workers, written(Path(folder), shapes), ROUNDS_SHORT if arguments.short else ROUNDS)
        content = {"machine": machine(workers), "shapes": shapes}
    entries = [summary(tool, seconds) for tool in seconds]
    print(
        ROW.format("tool", "ms", *(f"time / {name}'s" for name in BASELINES.values())),
        *map(line, entries),
        sep="\n",
    )
    if not arguments.short:
        print(*(judged(entry) for entry in entries if entry["tool"] in ASKED), sep="\n")
        path = HERE / "results" / "drift_speed.json"
        path.write_text(json.dumps({**content, "results": entries}, indent=1) + "\n")


if __name__ == "__main__":
    main()
