"""Where the time of a Search goes, by kind of index: python -m benchmarks.search_stages [--short]. Linux only.

The pool, the queries and the server of search_rate: 64 vectors a call, k = 10, one thread. Each way in turn does
what the one before it does and more: the index alone, the search with the exact re-rank, the engine in process
without and with the checks of recall, the server. Microseconds of processor time of a call by which each exceeds
the one before it, medians of rounds. With --short few rows.
"""

import argparse
import os
import statistics
from pathlib import Path
from tempfile import TemporaryDirectory

import faiss
import numpy as np
from prometheus_client import CollectorRegistry

from assayd_server import pool
from assayd_server.config import Settings
from assayd_server.core.similarity import unit_vectors
from assayd_server.engine import ANYBODY, Engine
from assayd_server.from_settings import engine_of, load_models
from assayd_server.loaded_pool import LoadedPool
from assayd_server.metrics import Metrics
from assayd_server.pool_folder import read_pool
from assayd_server.retrieval_wanted import PoolChoice, SearchWanted
from assayd_server.rows import Embeddings
from assayd_server.wanted import ModelChoice
from benchmarks.pool_processes import in_process
from benchmarks.pool_serving import serving_pool
from benchmarks.rare_concepts import clusters
from benchmarks.search_rate import BATCH, CORES, QUERIES, K, built, pinned, rate, served

KINDS = ("ivf", "hnsw")
WANTED = SearchWanted(pool=PoolChoice(model=ModelChoice()), k=K)
STAGES = (
    "proposal by the index",
    "exact re-rank",
    "the rest of the engine",
    "checks of recall",
    "gRPC and the messages",
)


def engine(model: Path, folder: Path, **settings: float) -> Engine:
    """The use cases of a server, with no server."""
    chosen = Settings(model=model, pool=folder, inference_threads=1, **settings)
    models, _ = load_models(chosen, threads=1)
    return engine_of(chosen, models, Metrics(CollectorRegistry()))


def alone(model: Path, folder: Path, queries: np.ndarray, seconds: float) -> list[float]:
    """Queries per second of processor time of what needs no server, in that order, on the server's core."""
    os.sched_setaffinity(0, {CORES[0]})
    faiss.omp_set_num_threads(1)
    read = read_pool(folder)
    assert read.index_path is not None
    manifest, search = read.manifest, LoadedPool(read, threads=1).search
    index = pool.read(
        read.index_path, kind=pool.Kind(manifest.kind), parameters=manifest.parameters, stored=read.stored
    )
    unchecked, checked = engine(model, folder, recall_check_share=0), engine(model, folder)
    ways = (
        lambda given: index.candidates(unit_vectors(given), K, threads=1),
        lambda given: search.nearest(given, K),
        lambda given: unchecked.retrieval.search(Embeddings(given), WANTED, ANYBODY),
        lambda given: checked.retrieval.search(Embeddings(given), WANTED, ANYBODY),
    )
    for way in ways:
        way(queries[:BATCH])
    found = [rate(way, queries, seconds)[1] for way in ways]
    unchecked.close()
    checked.close()
    return found


def measured(kind: str, vectors: np.ndarray, queries: np.ndarray, *, rounds: int, seconds: float) -> list[float]:
    """Microseconds of each stage of a call."""
    calls: list[np.ndarray] = []
    with TemporaryDirectory() as name:
        model, folder = built(Path(name), kind, vectors)
        with serving_pool(model, folder, threads=1) as server:
            pinned(server)
            for _ in range(rounds):
                found, _ = in_process(alone, model, folder, queries, seconds)
                (_, by_server), _ = in_process(served, server, queries, seconds)
                calls.append(np.diff([1e6 * BATCH / one for one in (*found, by_server)], prepend=0.0))
    return [statistics.median(its) for its in zip(*calls, strict=True)]


def line(stage: str, microseconds: list[float], totals: list[float]) -> str:
    """Of the table: with the share of a call."""
    cells = [f"{one:,.0f} ({one / total:.0%})" for one, total in zip(microseconds, totals, strict=True)]
    return f"| {stage} | {' | '.join(cells)} |"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--short", action="store_true", help="few rows, and one short round")
    row_count, rounds, seconds = (5000, 1, 0.2) if parser.parse_args().short else (200_000, 7, 2.0)
    task = clusters("overlapping clusters", 0, row_count=row_count)
    found = [
        measured(kind, task.vectors, task.held_out[:QUERIES], rounds=rounds, seconds=seconds) for kind in KINDS
    ]
    print(f"| us of {BATCH} queries | {' | '.join(KINDS)} |\n|---|{'---|' * len(KINDS)}")
    for stage, *its in zip(STAGES, *found, strict=True):
        print(line(stage, its, [sum(kind) for kind in found]))


if __name__ == "__main__":
    main()
