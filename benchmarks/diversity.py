"""Committees and diverse batches against other libraries and NumPy: python -m benchmarks.diversity [--short].

In each round every contender of a case works once, in turn, on the same arrays and on one thread, and is compared
with assayd's time in that round. Libraries that are not installed are left out: install scikit-activeml==1.0.1,
small-text==1.4.1, torch and baal==2.1.0 into an environment of their own, and run it there with PYTHONPATH=server.
Memory is the peak of what Python and NumPy allocate beyond the arrays given, in a run of its own; what PyTorch
allocates is not seen.
"""

import argparse
import functools
import importlib.metadata
import json
import os
import platform
import statistics
import time
import tracemalloc
import warnings
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before NumPy is imported
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from assayd_server.core.badge import badge
from assayd_server.core.batch_bald import batch_bald
from assayd_server.core.committee import CommitteeMeasure, committee_uncertainty
from assayd_server.core.hashing import id_hash
from assayd_server.core.k_center import k_center
from benchmarks.diversity_peers import DRAWS, PEERS

RESULTS = Path(__file__).parent / "results" / "diversity.json"
OURS, LIMIT = "assayd", "plain NumPy"
ROUNDS = 5
SLOW_SECONDS = 5.0
"""Who takes longer works in the first round only."""
PACKAGES = ("numpy", "scipy", "scikit-activeml", "small-text", "baal", "torch")
Contenders = Mapping[str, Callable[[], object]]


@dataclass(frozen=True)
class Size:
    """Of the arrays: those of the figures, or just enough to see that everything runs."""

    bald_rows: int = 100_000
    rows: int = 5000
    classes: int = 100
    dimension: int = 256
    picks: int = 100
    batch_bald_rows: int = 1000


SHORT = Size(bald_rows=500, rows=60, classes=4, dimension=8, picks=5, batch_bald_rows=40)


def bald(size: Size) -> Contenders:
    """20 members, 10 classes."""
    members = np.random.default_rng(0).dirichlet(np.ones(10), (20, size.bald_rows)).astype(np.float32)
    ours = functools.partial(committee_uncertainty, members, CommitteeMeasure.MEAN_KL)
    limit = functools.partial(plain_bald, members)
    np.testing.assert_allclose(ours() * np.log(10), limit(), atol=1e-5)
    return {OURS: ours, LIMIT: limit} | given_these(PEERS["BALD"], members)


def diverse(size: Size) -> dict[str, Contenders]:
    """BADGE, and k-centre from one row that is labelled."""
    random = np.random.default_rng(0)
    probabilities = random.dirichlet(np.ones(size.classes), size.rows).astype(np.float32)
    embeddings = random.normal(size=(size.rows, size.dimension)).astype(np.float32)
    ids, count, rest = id_hash(np.arange(size.rows)), size.picks, embeddings[1:]
    badges = {
        OURS: functools.partial(badge, probabilities, embeddings, count, seed=0, ids=ids),
        LIMIT: functools.partial(plain_badge, probabilities, embeddings, count),
    }
    centres = {
        OURS: functools.partial(k_center, rest, count, chosen=embeddings[:1]),
        LIMIT: functools.partial(plain_k_center, rest, count, embeddings[:1]),
    }
    return {
        "BADGE": badges | given_these(PEERS["BADGE"], probabilities, embeddings, count),
        "k-centre": centres | given_these(PEERS["k-centre"], rest, count, embeddings[:1]),
    }


def batches_of_bald(size: Size) -> Contenders:
    """20 members, 10 classes, 10 picks, 500 draws."""
    members = np.random.default_rng(0).dirichlet(np.ones(10), (20, size.batch_bald_rows))
    ours = functools.partial(batch_bald, members, 10, seed=0, samples_max=DRAWS)
    return {OURS: ours} | given_these(PEERS["BatchBALD"], members, 10)


def all_cases(size: Size) -> dict[str, Contenders]:
    return {"BALD": bald(size), **diverse(size), "BatchBALD": batches_of_bald(size)}


def given_these(peers: Contenders, *arguments: Any) -> dict[str, Callable[[], object]]:
    return {name: functools.partial(work, *arguments) for name, work in peers.items()}


def plain_bald(members: np.ndarray) -> np.ndarray:
    """The formula in blocks, without a look at whether the rows are probabilities."""
    informations = np.empty(members.shape[1], members.dtype)
    for start in range(0, members.shape[1], 500):
        block = members[:, start : start + 500]
        mean = block.mean(axis=0)
        information = np.einsum("mnc,mnc->n", block, np.log(np.maximum(block, 1e-38))) / len(block)
        information -= (mean * np.log(np.maximum(mean, 1e-38))).sum(axis=1)
        informations[start : start + 500] = information
    return informations


def plain_badge(probabilities: np.ndarray, embeddings: np.ndarray, count: int) -> list[int]:
    """The two factors, and draws that belong to no id; gradients that repeat each other are not seen to."""
    random = np.random.default_rng(0)
    errors = probabilities.copy()
    errors[np.arange(len(errors)), probabilities.argmax(axis=1)] -= 1
    squares = (errors**2).sum(axis=1) * (embeddings**2).sum(axis=1)
    positions, nearest = [int(squares.argmax())], np.full(len(errors), np.inf)
    while len(positions) < count:
        last = positions[-1]
        products = (errors @ errors[last]) * (embeddings @ embeddings[last])
        nearest = np.minimum(nearest, np.maximum(squares + squares[last] - 2 * products, 0))
        nearest[last] = 0
        positions.append(int(np.searchsorted(np.cumsum(nearest), random.random() * nearest.sum())))
    return positions


def plain_k_center(embeddings: np.ndarray, count: int, chosen: np.ndarray) -> list[int]:
    """Distances by products alone, whatever they lose."""
    squares = (embeddings**2).sum(axis=1)
    nearest = ((embeddings - chosen) ** 2).sum(axis=1)
    positions: list[int] = []
    while len(positions) < count:
        last = int(nearest.argmax())
        positions.append(last)
        nearest = np.minimum(nearest, squares + squares[last] - 2 * (embeddings @ embeddings[last]))
    return positions


def measured(contenders: Contenders) -> dict[str, Any]:
    """Of each contender the seconds of its rounds, the ratio to assayd's in the same round, and its memory."""
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(ROUNDS):
        for name, work in contenders.items():
            if not (seconds[name] and seconds[name][0] > SLOW_SECONDS):
                seconds[name].append(seconds_of(work))
    return {
        name: {
            "seconds": spread(times),
            "ratio": spread([time / ours for time, ours in zip(times, seconds[OURS], strict=False)]),
            "megabytes": megabytes_of(contenders[name]),
        }
        for name, times in seconds.items()
    }


def seconds_of(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def megabytes_of(work: Callable[[], object]) -> float:
    tracemalloc.start()
    work()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return round(peak / 1e6, 2)


def spread(values: list[float]) -> dict[str, float]:
    figures = {"median": statistics.median(values), "lowest": min(values), "highest": max(values)}
    return {name: float(f"{value:.4g}") for name, value in figures.items()}


def machine() -> dict[str, Any]:
    found = {name: version(name) for name in PACKAGES}
    return {
        "architecture": platform.machine(),
        "cpu_count": os.cpu_count(),
        "python": platform.python_version(),
        "packages": {name: number for name, number in found.items() if number},
    }


def version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def table(cases: Mapping[str, Mapping[str, Any]]) -> str:
    lines = [f"{'case':<10} {'contender':<16} {'seconds':>9} {'ratio to assayd':>24} {'extra MB':>9}"]
    for case, contenders in cases.items():
        for name, figures in contenders.items():
            ratio = figures["ratio"]
            told = f"{ratio['median']:.3g} ({ratio['lowest']:.3g} to {ratio['highest']:.3g})"
            seconds = figures["seconds"]["median"]
            lines.append(f"{case:<10} {name:<16} {seconds:>9.4f} {told:>24} {figures['megabytes']:>9.1f}")
    return "\n".join(lines)


def main() -> None:
    """Print the table; unless it is the short form, write the figures down."""
    parser = argparse.ArgumentParser(description=__doc__.partition(":")[0])
    parser.add_argument("--short", action="store_true", help="small arrays, and nothing is written")
    short = parser.parse_args().short
    warnings.simplefilter("ignore")  # of the libraries, about each other
    size = SHORT if short else Size()
    for works in all_cases(SHORT).values():
        for work in works.values():
            work()  # so that nobody's first round has the imports in it
    cases = {case: measured(works) for case, works in all_cases(size).items()}
    print(table(cases))
    if not short:
        RESULTS.write_text(
            json.dumps({"machine": machine(), "size": asdict(size), "cases": cases}, indent=1) + "\n"
        )


if __name__ == "__main__":
    main()
