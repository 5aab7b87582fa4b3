"""How much of an index's rate Search keeps over gRPC: python -m benchmarks.search_rate [--kinds ...] [--short].

A pool of 200,000 x 128 for each kind of index, batches of 64 queries, k = 10. In turn, in several rounds of a few
seconds each: the bare Faiss index, with the parameters of the pool; the same with the exact re-rank, as the server
searches; and the server. The first two have one core and the server has that core too; its client, in a process of
its own that keeps several calls in flight, has another one. Linux only. Writes benchmarks/results/search_rate.json
unless --short.
"""

import argparse
import json
import os
import platform
import statistics
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from importlib.metadata import version
from itertools import cycle
from pathlib import Path
from tempfile import TemporaryDirectory

import faiss
import numpy as np

from assayd import Client
from assayd_server.core.similarity import unit_vectors
from assayd_server.index_effort import effort_of
from assayd_server.loaded_pool import LoadedPool
from assayd_server.pool import QUERY_BITS, Kind
from assayd_server.pool_folder import PoolFolder, read_pool
from benchmarks.pool_processes import Server, in_process
from benchmarks.pool_serving import build_pool, perceptron, serving_pool
from benchmarks.rare_concepts import clusters

RESULTS = Path(__file__).parent / "results" / "search_rate.json"
K, BATCH, QUERIES, IN_FLIGHT = 10, 64, 4096, 6
CORES = sorted(os.sched_getaffinity(0))
BARE, FETCHED, RERANKED, SERVED = "Faiss", "Faiss fetching more", "in process", "Search"
WAYS = (RERANKED, BARE, FETCHED)
EXPLANATION = """\
{rows:,} x {dimension} around 2,000 centres that overlap, queries of the same kind, batches of {batch}, k = {k},
one thread; medians of {rounds} rounds, lowest to highest in brackets. After the semicolon the same ratio of
queries per second of processor time, the client's not counted, which other work on the machine changes little.

- Search / in process: queries a second of Search over gRPC, over those of the same search in process: the index
  proposes, the exact similarities of what it proposes are computed, and the best are kept.
- Search / Faiss: over those of index.search for {k}, with the width that the pool was built with; what it returns
  are its own similarities, coarse ones for most kinds. For flat that is faiss.knn over the mapped vectors.
- Search / Faiss fetching more: the same, for as many as the server has it propose.
"""


@dataclass(frozen=True)
class Rates:
    """Queries per second of one kind, a value for each round."""

    kind: str
    parameters: dict[str, str]
    recall: float
    rates: dict[str, list[float]]
    per_processor_second: dict[str, list[float]]
    """Of the server's core: what the client's process uses does not count."""

    def ratio(self, way: str) -> list[float]:
        """Of Search over another way."""
        return [own / its for own, its in zip(self.rates[SERVED], self.rates[way], strict=True)]

    def processor_ratio(self, way: str) -> float:
        """The same of queries per second of processor time, in all rounds."""
        own, its = (statistics.median(self.per_processor_second[each]) for each in (SERVED, way))
        return own / its


def batches(queries: np.ndarray) -> Iterator[np.ndarray]:
    """Of 64, without end."""
    return cycle([queries[start : start + BATCH] for start in range(0, len(queries), BATCH)])


def rate(search: Callable[[np.ndarray], object], queries: np.ndarray, seconds: float) -> tuple[float, float]:
    """Queries a second, one call after the other, and per second of processor time."""
    given, count, began, used = batches(queries), 0, time.perf_counter(), time.process_time()
    while (passed := time.perf_counter() - began) < seconds:
        search(next(given))
        count += BATCH
    return count / passed, count / (time.process_time() - used)


def bare(folder: PoolFolder, count: int) -> Callable[[np.ndarray], object]:
    """The index as Faiss reads it, with the width that the pool says, asked for so many."""
    if folder.index_path is None:
        return lambda queries: faiss.knn(queries, folder.stored.searched, count, metric=faiss.METRIC_INNER_PRODUCT)
    # mapped as the server maps it: IO_FLAG_MMAP makes cells lists on disk, which take 1.4 times as long to search
    index = faiss.read_index(str(folder.index_path), faiss.IO_FLAG_MMAP_IFC)
    for name, its in (("probes", "nprobe"), ("visited", "efSearch")):
        if name in folder.manifest.parameters:
            width = int(folder.manifest.parameters[name])
            faiss.ParameterSpace().set_index_parameter(index, its, width)
    if folder.manifest.kind == Kind.LSH:
        faiss.downcast_index(index.index).qb = QUERY_BITS
    return lambda queries: index.search(queries, count)


def alone(folder: Path, queries: np.ndarray, seconds: float) -> dict[str, tuple[float, float]]:
    """All that needs no server, on the server's core."""
    os.sched_setaffinity(0, {CORES[0]})
    faiss.omp_set_num_threads(1)
    read = read_pool(folder)
    search, units = LoadedPool(read, threads=1).search, unit_vectors(queries)
    kind, parameters = Kind(read.manifest.kind), read.manifest.parameters
    fetched = K if kind == Kind.FLAT else effort_of(kind, parameters).proposals_for(K)
    ways = {
        BARE: (bare(read, K), units),
        FETCHED: (bare(read, fetched), units),
        RERANKED: (lambda given: search.nearest(given, K), queries),
    }
    for work, given in ways.values():
        work(given[:BATCH])
    return {name: rate(work, given, seconds) for name, (work, given) in ways.items()}


def served(server: Server, queries: np.ndarray, seconds: float) -> tuple[float, float]:
    """By a server, with several calls in flight, on the client's core."""
    os.sched_setaffinity(0, {CORES[-1]})
    given, count = batches(queries), 0
    with Client(server.address, deadline_seconds=60) as client, ThreadPoolExecutor(IN_FLIGHT) as threads:
        client.search(queries[:BATCH], k=K)
        flying: deque[Future[object]] = deque(
            threads.submit(client.search, next(given), k=K) for _ in range(IN_FLIGHT)
        )
        began, used = time.perf_counter(), server.processor_seconds()
        while (passed := time.perf_counter() - began) < seconds:
            flying.popleft().result()
            flying.append(threads.submit(client.search, next(given), k=K))
            count += BATCH
        return count / passed, count / (server.processor_seconds() - used)


def pinned(server: Server) -> None:
    """On the server's core, with all threads that it has."""
    for thread in Path(f"/proc/{server.process_id}/task").iterdir():
        os.sched_setaffinity(int(thread.name), {CORES[0]})


def built(folder: Path, kind: str, vectors: np.ndarray) -> tuple[Path, Path]:
    """A model's file, and the folder of a pool beside it."""
    rows, model = folder / "rows.npy", folder / "model.onnx"
    np.save(rows, vectors)
    rng, width = np.random.default_rng(0), vectors.shape[1]
    model.write_bytes(
        perceptron([(rng.normal(size=shape), np.zeros(shape[1])) for shape in ((8, width), (width, 2))])
    )
    return model, build_pool(folder / "pool", kind=kind, vectors=rows)


def measured(kind: str, vectors: np.ndarray, queries: np.ndarray, *, rounds: int, seconds: float) -> Rates:
    """All ways in turn."""
    with TemporaryDirectory() as name:
        model, pool = built(Path(name), kind, vectors)
        manifest = read_pool(pool).manifest
        rates: dict[str, list[tuple[float, float]]] = {}
        with serving_pool(model, pool, threads=1) as server:
            pinned(server)
            for _ in range(rounds):
                found, _usage = in_process(alone, pool, queries, seconds)
                found[SERVED], _usage = in_process(served, server, queries, seconds)
                for way, value in found.items():
                    rates.setdefault(way, []).append(value)
        by_wall, by_processor = ({way: [each[at] for each in its] for way, its in rates.items()} for at in (0, 1))
        return Rates(kind, dict(manifest.parameters), manifest.recall, by_wall, by_processor)


def spread(values: list[float]) -> str:
    """The median, and between what."""
    return f"{statistics.median(values):.2f} ({min(values):.2f} to {max(values):.2f})"


def line(one: Rates) -> str:
    """Of the table."""
    cells = [one.kind, f"{one.recall:.3f}", f"{statistics.median(one.rates[SERVED]):,.0f}"]
    cells += [f"{spread(one.ratio(way))}; {one.processor_ratio(way):.2f}" for way in WAYS]
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Measure, print, and write down."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--short", action="store_true", help="few rows, one short round, and nothing is written")
    parser.add_argument("--kinds", nargs="+", default=["flat", "ivf", "hnsw", "lsh"], choices=[*Kind])
    asked = parser.parse_args()
    row_count, rounds, seconds = (5000, 1, 0.2) if asked.short else (200_000, 7, 2.0)
    task = clusters("overlapping clusters", 0, row_count=row_count)
    values = {"rows": row_count, "dimension": task.vectors.shape[1], "batch": BATCH, "k": K, "rounds": rounds}
    found: list[Rates] = []
    print(f"| index | recall@100 | Search, queries/s | {' | '.join(f'Search / {way}' for way in WAYS)} |")
    print("|---|---|---|---|---|---|", flush=True)
    for kind in asked.kinds:
        queries = task.held_out[:QUERIES]
        found.append(measured(kind, task.vectors, queries, rounds=rounds, seconds=seconds))
        print(line(found[-1]), flush=True)
        if not asked.short:
            write(found, values)
    print("\n" + EXPLANATION.format(**values))


def write(found: list[Rates], values: dict[str, int]) -> None:
    """A line for each kind."""
    versions = {name: version(name) for name in ("numpy", "faiss-cpu", "grpcio")}
    about = {"command": "python -m benchmarks.search_rate", **values, "calls_in_flight": IN_FLIGHT}
    about |= {"versions": versions | {"python": platform.python_version()}}
    lines = ",\n  ".join(json.dumps(rounded(asdict(one))) for one in found)
    head = "".join(f" {json.dumps(name)}: {json.dumps(value)},\n" for name, value in about.items())
    RESULTS.write_text("{\n" + head + ' "kinds": [\n  ' + lines + "\n ]\n}\n")


def rounded(entry: dict[str, object]) -> object:
    """With four digits."""
    return json.loads(json.dumps(entry), parse_float=lambda text: float(f"{float(text):.4g}"))


if __name__ == "__main__":
    main()
