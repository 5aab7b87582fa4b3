"""Kinds of indexes against exact search: python -m benchmarks.pool_index [--letters PATH] [--short].

PATH is letter-recognition.data of UCI's Letter Recognition; the digits of scikit-learn, and clusters that are
made from a seed, need nothing. Embeddings are the last hidden layer of a small network that is trained here.
Queries are rows of the pool, themselves left out. In each round every kind works once, in turn, on one thread; it
is timed by the processor time it took, and compared with exact search (flat) in that round. IndexLSH is faiss's
own, which scans all of its codes, with our exact order of the first 1,000. Takes some twenty minutes, and writes
results/pool_index.json.
"""

import argparse
import functools
import importlib.metadata
import os
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before NumPy is imported
os.environ.setdefault("OMP_NUM_THREADS", "1")

import faiss
import numpy as np
from sklearn.datasets import load_digits
from sklearn.neural_network import MLPClassifier

from assayd_server import pool
from assayd_server.core.similarity import Metric, unit_vectors
from assayd_server.nearest import Nearest, NearestSearch
from assayd_server.pool import Kind
from assayd_server.recall import recall_of
from assayd_server.reranking import Reranking
from assayd_server.stored_vectors import StoredVectors
from benchmarks.server_kinds.report import describe_machine, format_json

RESULTS = Path(__file__).parent / "results" / "pool_index.json"
ROUNDS = 5
QUERIES, SINGLES, BATCH = 512, 64, 64
TRAINED_ROWS = 16_000
LSH_FETCHED = 1000
PACKAGES = ("faiss-cpu", "numpy", "scikit-learn")
Find = Callable[..., Nearest]
ROW = "{:<22} {:<9} {:>7} {:>8} {:>6} {:>6} {:>22} {:>22} {:>22}  {}"
HEADINGS = ("pool", "kind", "bytes/v", "build/ivf", "r@10", "r@100", "10 in 64s / flat", "100 in 64s / flat",
            "100, one / flat", "parameters")  # fmt: skip


def digits() -> np.ndarray:
    """(1797, 32) float32: the last hidden layer of a network."""
    pixels, labels = load_digits(return_X_y=True)
    return hidden(pixels / 16, labels, 32)


def letters(path: Path, width: int) -> np.ndarray:
    """(20000, width) float32 likewise; with a width of 16 the data as they are."""
    with path.open() as file:
        lines = [line.strip().split(",") for line in file if not line.startswith("Letter")]
    features = np.array([line[1:] for line in lines], float)
    if width == features.shape[1]:
        return features.astype(np.float32)
    scaled = (features - features.mean(axis=0)) / features.std(axis=0)
    return hidden(scaled, np.array([line[0] for line in lines]), width)


def hidden(features: np.ndarray, labels: np.ndarray, width: int) -> np.ndarray:
    """(n, width): what a network that was trained on the first rows makes of all."""
    network = MLPClassifier((2 * width, width), max_iter=25, random_state=0)
    with warnings.catch_warnings(action="ignore"):  # that it could be trained for longer
        network.fit(features[:TRAINED_ROWS], labels[:TRAINED_ROWS])
    for weights, biases in list(zip(network.coefs_, network.intercepts_, strict=True))[:-1]:
        features = np.maximum(features @ weights + biases, 0)
    return features[features.any(axis=1)].astype(np.float32)


def clusters(row_count: int, dimension: int, cluster_count: int, sigma: float) -> np.ndarray:
    """(n, d) around centres that are drawn from a standard normal distribution."""
    random = np.random.default_rng(0)
    centres = random.standard_normal((cluster_count, dimension), dtype=np.float32)
    noise = random.standard_normal((row_count, dimension), dtype=np.float32)
    return centres[random.integers(0, cluster_count, row_count)] + np.float32(sigma) * noise


def pools(path: Path | None, *, short: bool) -> Iterator[tuple[str, np.ndarray]]:
    """Each one's name and vectors."""
    yield "digits", digits()
    if short:
        yield "clusters", clusters(3000, 16, 20, 0.5)
        return
    if path:
        yield from ((f"letters {width}", letters(path, width)) for width in (16, 64, 128))
    yield "clusters, sigma 0.5", clusters(200_000, 128, 500, 0.5)
    yield "clusters, sigma 1", clusters(200_000, 128, 500, 1.0)
    yield "clusters, sigma 1", clusters(100_000, 512, 500, 1.0)


class PlainLsh:
    """faiss.IndexLSH with as many bits as there are dimensions, over directions less their mean."""

    def __init__(self, stored: StoredVectors) -> None:
        self._stored, self._mean = stored, stored.searched.mean(axis=0)
        self._index = faiss.IndexLSH(stored.dimension, stored.dimension, True)
        self._index.add(stored.searched - self._mean)
        self._reranking = Reranking(stored, threads=1)

    def nearest(self, queries: np.ndarray, k: int, *, own: np.ndarray) -> Nearest:
        """As NearestSearch.nearest."""
        count = min(LSH_FETCHED, len(self._stored))
        rows = self._index.search(queries - self._mean, count)[1]
        rows, similarities = self._reranking.best(queries, np.where(rows == own[:, None], -1, rows), k)
        return Nearest(rows, similarities, (rows >= 0).sum(axis=1))


def contenders(stored: StoredVectors) -> tuple[dict[str, Find], dict[str, dict[str, Any]]]:
    """What searches, and what is known of each."""
    finds: dict[str, Find] = {"flat": NearestSearch(stored, None, threads=1).nearest}
    about: dict[str, dict[str, Any]] = {"flat": {"parameters": {}, "bytes": 0.0, "build_seconds": 0.0}}
    with tempfile.TemporaryDirectory() as folder:
        for kind in (Kind.IVF, Kind.LSH, Kind.HNSW, Kind.IVFPQ):
            seconds, index = timed(functools.partial(pool.build, stored, kind, threads=1))
            path = Path(folder) / kind
            index.write(path)
            about[kind] = {"parameters": index.parameters, "build_seconds": seconds}
            about[kind]["bytes"] = path.stat().st_size / len(stored)
            read = pool.read(path, kind=kind, parameters=index.parameters, stored=stored)
            finds[kind] = NearestSearch(stored, read, threads=1).nearest
    seconds, plain = timed(functools.partial(PlainLsh, stored))
    finds["IndexLSH"] = plain.nearest
    bits = {"bits": str(stored.dimension), "proposed": str(LSH_FETCHED)}
    about["IndexLSH"] = {"parameters": bits, "bytes": stored.dimension / 8, "build_seconds": seconds}
    return finds, about


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    began = time.process_time()
    result = work()
    return time.process_time() - began, result


def in_batches(find: Find, stored: StoredVectors, own: np.ndarray, k: int, batch: int) -> list[Nearest]:
    parts = [own[start : start + batch] for start in range(0, len(own), batch)]
    return [find(stored.searched[part], k, own=part) for part in parts]


def measured(stored: StoredVectors, rounds: int) -> dict[str, dict[str, Any]]:
    """Of each kind what it is, its recall and its rates over those of flat search."""
    finds, about = contenders(stored)
    own = np.random.default_rng(1).choice(len(stored), min(QUERIES, len(stored)), replace=False)
    works = {
        "10_in_batches": (own, 10, BATCH),
        "100_in_batches": (own, 100, BATCH),
        "100_one_by_one": (own[:SINGLES], 100, 1),
    }
    for k in (10, 100):
        exact = in_batches(finds["flat"], stored, own, k, BATCH)
        for name, find in finds.items():
            found = in_batches(find, stored, own, k, BATCH)
            pairs = zip(found, exact, strict=True)
            about[name][f"recall_{k}"] = float(np.concatenate([recall_of(*pair) for pair in pairs]).mean())
    seconds: dict[tuple[str, str], list[float]] = {(name, work): [] for name in finds for work in works}
    for _ in range(rounds):
        for work, (rows, k, batch) in works.items():
            for name, find in finds.items():
                took = timed(functools.partial(in_batches, find, stored, rows, k, batch))[0]
                seconds[name, work].append(took)
    for (name, work), times in seconds.items():
        about[name][work] = spread([flat / took for flat, took in zip(seconds["flat", work], times, strict=True)])
    return about


def spread(values: list[float]) -> dict[str, float]:
    figures = {"median": statistics.median(values), "lowest": min(values), "highest": max(values)}
    return {name: float(f"{value:.4g}") for name, value in figures.items()}


def lines(name: str, about: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    unit = about["ivf"]["build_seconds"]
    for kind, figures in about.items():
        ratios = [told(figures[work]) for work in ("10_in_batches", "100_in_batches", "100_one_by_one")]
        parameters = " ".join(f"{key}={value}" for key, value in figures["parameters"].items())
        recalls = [f"{figures[f'recall_{k}']:.3f}" for k in (10, 100)]
        build = f"{figures['build_seconds'] / unit:.2f}"
        yield ROW.format(name, kind, f"{figures['bytes']:.0f}", build, *recalls, *ratios, parameters)


def told(ratio: Mapping[str, float]) -> str:
    return "{median:.3g} ({lowest:.3g} to {highest:.3g})".format_map(ratio)


def main() -> None:
    """Print the table; unless it is the short form, write the figures down."""
    parser = argparse.ArgumentParser(description=__doc__.partition(":")[0])
    parser.add_argument("--letters", type=Path, metavar="PATH", help="letter-recognition.data")
    parser.add_argument("--short", action="store_true", help="small pools, one round, and nothing is written")
    arguments = parser.parse_args()
    faiss.omp_set_num_threads(1)
    print(ROW.format(*HEADINGS), flush=True)
    entries = []
    for name, vectors in pools(arguments.letters, short=arguments.short):
        stored = StoredVectors(Metric.COSINE, unit_vectors(vectors), np.linalg.norm(vectors, axis=1))
        about = measured(stored, 1 if arguments.short else ROUNDS)
        shape = f"{name}, {len(stored) // 1000}k x {stored.dimension}"
        print("\n".join(lines(shape, about)), flush=True)
        entries.append({"pool": name, "row_count": len(stored), "dimension": stored.dimension, "kinds": about})
    if not arguments.short:
        packages = {name: importlib.metadata.version(name) for name in PACKAGES}
        machine = {**describe_machine(), "packages": packages}
        content = {"machine": machine, "round_count": ROUNDS, "batch": BATCH, "pools": entries}
        RESULTS.write_text(format_json(content))


if __name__ == "__main__":
    main()
