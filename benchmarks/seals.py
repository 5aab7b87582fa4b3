"""What a search for rare rows costs and finds by SEALS: python -m benchmarks.seals [--data FILE] [--short].

Simulated active learning, as in Coleman et al. 2022. What is looked for is in 0.1 % or 1 % of a pool. A logistic
regression on the pool's vectors begins with five rows of it and others that are not; each round it is trained anew
on all labels there are, judged on rows held out, and gets the labels of a batch. The batch is drawn by chance, or
is the most uncertain of the whole pool, which this process scans, or of the candidates alone, which
select_candidates of a server in another process finds, scores and chooses. All strategies for one concept go round
by round in turn, and the server and NumPy have as many threads, so that their times compare.

Without --data the pools are 1,000,000 x 128 rows around 2,000 centres, seeds 0 to 4: half an hour on two cores,
and 2 GB of disk in the temporary folder. FILE is letter-recognition.data of the UCI repository (Frey and Slate
1991). Writes figures to benchmarks/results as each pool is done, a table and a plot at the end, unless --short;
with --go-on, the pools stand that a run finished before it was broken off.
"""

import argparse
import os
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from assayd import ChannelSettings, Client
from benchmarks.pool_serving import build_pool, serving_pool
from benchmarks.rare_concepts import SPECTRA, Task, clusters, letters
from benchmarks.seals_reports import draw, read, shown, write
from benchmarks.seals_runs import Labelling, Run, start
from benchmarks.seals_strategies import MEASURES, Variant, strategies

RESULTS = Path(__file__).parent / "results"
SEED_COUNT = 5
OTHERS = (Variant(10, 0.25, ", a quarter by chance"), Variant(100, name=", k = 100"))
"""For the letters: what helps where candidates are few."""
CANDIDATES_MAX = 1 << 18
MODEL_ROWS_MAX, MODEL_BATCH_ROWS, REPEATS = 200_000, 4096, 3
PURITY_ROWS = 500


@dataclass(frozen=True)
class Setting:
    """How rows are labelled."""

    name: str
    kind: str
    variants: tuple[Variant, ...]
    """Of SEALS; the first is the plain one."""
    start_count: int
    batch: int
    round_count: int
    tasks: dict[tuple[str, int], Callable[[], Task]]
    """By pool and seed."""

    @property
    def label_counts(self) -> list[int]:
        """How many labels there are in each round."""
        return [self.start_count + self.batch * number for number in range(self.round_count + 1)]


def setting(path: Path | None, *, short: bool) -> Setting:
    """The letters, or the clusters where no file is named."""
    seeds = range(1 if short else SEED_COUNT)
    if path is not None:
        tasks = {("letters", seed): partial(letters, path, seed) for seed in seeds}
        variants = (Variant(10), *(replace(each, measures=MEASURES[:1]) for each in OTHERS))
        return Setting("letters", "flat", variants, 100, 20, 2 if short else 15, tasks)
    row_count = 10_000 if short else 1_000_000
    names = list(SPECTRA)[-1:] if short else list(SPECTRA)
    tasks = {(name, seed): partial(clusters, name, seed, row_count=row_count) for seed in seeds for name in names}
    return Setting("clusters", "ivf", (Variant(100),), 100, 100, 2 if short else 19, tasks)


def pool_runs(task: Task, given: Setting, threads: int) -> tuple[dict[str, Any], list[Run]]:
    """What the pool is, and the runs for all concepts."""
    with TemporaryDirectory() as name, threadpool_limits(threads):
        folder = Path(name)
        model, rows = folder / "model.onnx", folder / "rows.npy"
        model.write_bytes(task.model)
        np.save(rows, task.model_inputs if task.embedded else task.vectors)
        flags = {"input": rows, "model": model} if task.embedded else {"vectors": rows}
        pool = build_pool(folder / "pool", kind=given.kind, **flags)
        rows.unlink()
        limits = {"ids_max": CANDIDATES_MAX, "scores_elements_max": 1 << 22, "message_bytes_max": 1 << 26}
        settings = ChannelSettings(message_bytes_max=1 << 26)
        with (
            serving_pool(model, pool, threads=threads, **limits) as server,
            Client(server.address, deadline_seconds=300, settings=settings) as client,
        ):
            about, runs = about_pool(task, client, k=given.variants[0].k), []
            for concept in task.concepts:
                begun = start(task, concept, given.start_count)
                labellings = [
                    Labelling(
                        task, concept, strategy, begun, lambda: time.process_time() + server.processor_seconds()
                    )
                    for strategy in strategies(task, client, batch=given.batch, variants=given.variants)
                ]
                for _ in range(given.round_count):
                    for labelling in labellings:
                        labelling.round()
                runs += [labelling.run() for labelling in labellings]
            return about, runs


def about_pool(task: Task, client: Client, *, k: int) -> dict[str, Any]:
    """How like each other the rows of a group are, how well the index finds them, and what scoring all costs."""
    rows = np.random.default_rng(task.seed).choice(len(task.vectors), min(PURITY_ROWS, len(task.vectors)), False)
    near = client.search(ids=rows, k=k).ids
    info = client.pool()
    weights = np.random.default_rng(task.seed).standard_normal((2, info.dimension), dtype=np.float32)
    head = (weights, np.zeros(2, np.float32))
    return {
        "pool": task.name,
        "seed": task.seed,
        "rows": len(task.vectors),
        "dimension": info.dimension,
        "index": info.index_kind,
        "index_parameters": info.index_parameters,
        "recall": info.recall,
        "purity": float((task.groups[near] == task.groups[rows][:, None]).mean()),
        "seconds_from_inputs": seconds_of(client, len(task.vectors), partial(inputs_at, task)),
        "seconds_from_pool_ids": seconds_of(client, len(task.vectors), lambda at: {"pool_ids": at}, head=head),
        "input_width": task.model_inputs.shape[1],
        "input_type": str(task.model_inputs.dtype),
    }


def inputs_at(task: Task, places: np.ndarray) -> np.ndarray:
    """What the model takes for some rows of the pool."""
    return task.model_inputs[places % len(task.model_inputs)]


def seconds_of(client: Client, total: int, rows: Callable[[np.ndarray], Any], **wanted: Any) -> float:
    """How long the server takes to rank all rows; measured on a part of them, where there are many."""
    row_count, taken = min(total, MODEL_ROWS_MAX), []
    for _ in range(REPEATS):
        starts = range(0, row_count, MODEL_BATCH_ROWS)
        batches = (rows(np.arange(at, min(at + MODEL_BATCH_ROWS, row_count))) for at in starts)
        began = time.perf_counter()
        client.rank_stream(batches, count=100, measure="max_entropy", **wanted)
        taken.append(time.perf_counter() - began)
    return statistics.median(taken) * total / row_count


def settings_of(given: Setting, *, named: bool, threads: int) -> dict[str, Any]:
    """How the runs came about."""
    packages = ("numpy", "scikit-learn", "faiss-cpu", "grpcio", "onnxruntime")
    return {
        "data": given.name,
        "command": "python -m benchmarks.seals" + (" --data FILE" if named else ""),
        "versions": {name: version(name) for name in packages} | {"python": platform.python_version()},
        "threads": threads,
        "k": given.variants[0].k,
        "batch": given.batch,
        "label_counts": given.label_counts,
    }


def main() -> None:
    """Simulate, print, and write down."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, help="letter-recognition.data; clusters where it is not given")
    parser.add_argument(
        "--short", action="store_true", help="few rows, two rounds of one seed, and nothing is written"
    )
    parser.add_argument("--go-on", action="store_true", help="leave out the pools that were done before")
    parser.add_argument("--threads", type=int, default=1, help="of the server, and of NumPy's scan of the pool")
    asked = parser.parse_args()
    os.environ["OPENBLAS_NUM_THREADS"] = str(asked.threads)  # of the servers, which are processes of their own
    given = setting(asked.data, short=asked.short)
    settings = settings_of(given, named=asked.data is not None, threads=asked.threads)
    path = RESULTS / f"seals_{given.name}.json"
    pools, runs = read(path) if asked.go_on else ([], [])
    done = {(pool["pool"], pool["seed"]) for pool in pools}
    for task in (task for key, task in given.tasks.items() if key not in done):
        pool, found = pool_runs(task(), given, asked.threads)
        pools.append(pool)
        runs += found
        print(f"{pool['pool']}, seed {pool['seed']}: done", flush=True)
        if not asked.short:
            write(runs, pools, settings, path)
    print("\n" + shown(runs, pools, settings))
    if not asked.short:
        path.with_suffix(".md").write_text(shown(runs, pools, settings))
        draw(runs, pools, settings, path.with_suffix(".png"))


if __name__ == "__main__":
    main()
