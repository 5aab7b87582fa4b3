"""The most uncertain of many rows, by assayd's core, by plain NumPy and by its peers.

    python -m benchmarks.ranking_core [--peers PYTHON] [--short]

PYTHON is that of an environment with modAL-python==0.4.2.1, small-text==1.4.1 and scikit-activeml==1.0.1; without
it there are no peers. Everything runs on one core, one after the other, is timed by the processor time it took,
and compared within a round only. Memory is what NumPy and Python take beyond the scores themselves. Takes some
minutes, and writes results/ranking_core.json.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import softmax

from benchmarks.server_kinds.report import describe_machine, format_json

HERE = Path(__file__).parent
OURS = ("assayd", "limit")
PEERS = ("modAL", "scikit-activeml", "small-text")
PEER_MEASURES = ("least_confidence", "margin", "entropy")
MEASURES = ("least_confidence", "margin", "ratio", "entropy")
LOGITS_PEERS = ("modAL",)
"""The others differ from it on probabilities already, and softmax would come on top for each of them."""
SLOW = {("small-text", "margin"), ("small-text", "entropy")}
SLOW_SHARE = 20
"""The slow ones, a Python call a row, get one row in so many; their rate does not depend on it."""
ONE_THREAD = {f"{name}_NUM_THREADS": "1" for name in ("OPENBLAS", "OMP", "MKL")}
ROW = "{:<24} {:<17} {:<16} {:>10} {:>10} {:>20} {:>20} {:>8}"
HEADINGS = ("scores", "measure", "tool", "ms", "M rows/s", "speed / limit", "assayd's / its", "MB")


@dataclass(frozen=True)
class Plan:
    """What to measure."""

    shapes: Sequence[tuple[int, int]]
    count: int
    round_count: int


FULL = Plan(((1_000_000, 10), (100_000, 1000)), 1000, 9)
SHORT = Plan(((20_000, 10), (1_000, 1000)), 20, 2)


class Worker:
    """A process that runs tools in one environment, one order at a time."""

    def __init__(self, python: str, tools: Sequence[str], script: Path = HERE / "ranking_tools.py") -> None:
        command = [python, str(script), *tools]
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(
            command, stdin=pipe, stdout=pipe, text=True, env={**os.environ, **ONE_THREAD}
        )
        self.tools = tools
        self.versions = self._answer()

    def run(self, **order: Any) -> dict[str, Any]:
        """Have one thing done, and wait for it."""
        assert self._process.stdin
        print(json.dumps(order), file=self._process.stdin, flush=True)
        return self._answer()

    def close(self) -> None:
        """Let it end."""
        self._process.communicate()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout
        return json.loads(self._process.stdout.readline())


@dataclass(frozen=True)
class Scores:
    """A file of float32."""

    kind: str
    shape: tuple[int, int]
    path: Path


def written_scores(folder: Path, plan: Plan) -> Iterator[Scores]:
    """Probabilities and logits of each shape, one after the other."""
    for shape in plan.shapes:
        logits = 2 * np.random.default_rng(0).standard_normal(shape, np.float32)
        for kind, scores in (("probabilities", softmax(logits, axis=1)), ("logits", logits)):
            path = folder / f"{kind}_{shape[1]}.npy"
            np.save(path, scores)
            yield Scores(kind, shape, path)
            path.unlink()


def takes_part(tool: str, kind: str, measure: str) -> bool:
    """Peers have fewer measures, and no logits."""
    return tool in OURS or (measure in PEER_MEASURES and (kind == "probabilities" or tool in LOGITS_PEERS))


def measured(workers: Sequence[Worker], plan: Plan, scores: Scores, measure: str) -> dict[str, dict[str, Any]]:
    """Each tool in turn, round after round; then once more to see its memory and what it chose."""
    runs = {tool: worker for worker in workers for tool in worker.tools if takes_part(tool, scores.kind, measure)}
    orders = {
        tool: {
            "tool": tool, "kind": scores.kind, "measure": measure, "path": str(scores.path), "count": plan.count,
            "row_count": scores.shape[0] // (SLOW_SHARE if (tool, measure) in SLOW else 1), "traces": False,
        }
        for tool in runs
    }  # fmt: skip
    rounds = [
        {tool: runs[tool].run(**orders[tool])["seconds"] for tool in runs} for _ in range(plan.round_count + 1)
    ]
    traced = {tool: runs[tool].run(**{**orders[tool], "traces": True}) for tool in runs}
    return {
        tool: {
            "row_count": orders[tool]["row_count"],
            "rates": [orders[tool]["row_count"] / times[tool] for times in rounds[1:]],  # the first warms up
            "megabytes": traced[tool]["megabytes"],
            "chosen": traced[tool]["chosen"],
        }
        for tool in runs
    }


def spread(values: Sequence[float]) -> dict[str, float]:
    """Of rounds."""
    return {"median": statistics.median(values), "lowest": min(values), "highest": max(values)}


def summary(tool: str, results: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Medians of one tool, and ratios within rounds."""
    own, ours, best = results[tool], results["assayd"], results["limit"]
    shared = len({*own["chosen"]} & {*ours["chosen"]}) / len(ours["chosen"])
    return {
        "tool": tool,
        "row_count": own["row_count"],
        "rows_per_second": spread(own["rates"]),
        "speed_to_limit": spread([a / b for a, b in zip(own["rates"], best["rates"], strict=True)]),
        "assayd_speed_to_it": spread([a / b for a, b in zip(ours["rates"], own["rates"], strict=True)]),
        "megabytes": own["megabytes"],
        "rows_chosen_as_by_assayd": shared if own["row_count"] == ours["row_count"] else None,
    }


def line(entry: Mapping[str, Any]) -> str:
    """One row of the table."""
    rate, ratios = entry["rows_per_second"]["median"], (entry["speed_to_limit"], entry["assayd_speed_to_it"])
    cells = ["{median:.2f} ({lowest:.2f}-{highest:.2f})".format(**ratio) for ratio in ratios]
    name = f"{entry['row_count']} x {entry['class_count']} {entry['kind'][:6]}"
    figures = (f"{1e3 * entry['row_count'] / rate:.1f}", f"{rate / 1e6:.3g}", *cells, f"{entry['megabytes']:.1f}")
    return ROW.format(name, entry["measure"], entry["tool"], *figures)


@contextlib.contextmanager
def started(peers: str | None) -> Iterator[list[Worker]]:
    """The processes: ours, and the peers' where there is one."""
    workers = [Worker(sys.executable, OURS)]
    if peers:
        workers.append(Worker(peers, PEERS))
    try:
        yield workers
    finally:
        for worker in workers:
            worker.close()


def main() -> None:
    """Print the table, and write the figures unless they are short."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", metavar="PYTHON", help="of an environment with the peers")
    parser.add_argument("--short", action="store_true", help="see that it runs")
    arguments = parser.parse_args()
    plan = SHORT if arguments.short else FULL
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})  # the workers inherit it, and take turns
    print(ROW.format(*HEADINGS))
    entries = []
    with tempfile.TemporaryDirectory() as folder, started(arguments.peers) as workers:
        for scores in written_scores(Path(folder), plan):
            for measure in MEASURES:
                results = measured(workers, plan, scores, measure)
                case = {"kind": scores.kind, "class_count": scores.shape[1], "measure": measure}
                added = [{**case, **summary(tool, results)} for tool in results]
                print("\n".join(map(line, added)), flush=True)
                entries += added
        packages = {name: version for worker in workers for name, version in worker.versions.items()}
    if not arguments.short:
        content = {"machine": {**describe_machine(), "packages": packages}, "round_count": plan.round_count}
        (HERE / "results" / "ranking_core.json").write_text(format_json({**content, "results": entries}))


if __name__ == "__main__":
    main()
