"""What a choice of rows gains in labels: python -m benchmarks.learning_curve [--data FILE] [--short].

Simulated active learning. A network with one hidden layer begins with a few random labels; each round it is
trained anew on all labels there are, judged on rows held out, and asks for the labels of a batch of rows, which
the service chooses from the rest of the pool by the network's logits and its hidden layer. Committees are networks
of half as many epochs, each of a bootstrap sample of the labels; what is judged is the same network all along.

Without --data the rows are scikit-learn's digits; FILE is letter-recognition.data of the UCI repository (Frey and
Slate 1991). Takes a quarter of an hour of processor time. Writes the curves and a plot to benchmarks/results
unless --short.
"""

import argparse
import multiprocessing
import os
import statistics
import time
import warnings
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from platform import python_version
from typing import Any

import numpy as np
from scipy.special import softmax
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

from assayd import Client
from assayd.testing import serving
from benchmarks.curve_reports import Run, curve, draw, show, write

RESULTS = Path(__file__).parent / "results"
TARGET_SHARE = 0.9
HIDDEN, BATCH_ROWS, LEARNING_RATE, DECAY = 128, 64, 0.01, 1e-3
EPOCHS, STEPS_MIN = 30, 300
MEMBERS = 5
SEED_COUNT = 5
WORKERS = 2

OF_ONE = ("least_confidence", "margin", "ratio", "entropy")
OF_MEMBERS = ("mean_kl", "vote_entropy", "variation_ratio")
DIVERSITIES = ("stochastic", "k_center", "badge", "cluster_margin")
STRATEGIES: dict[str, dict[str, Any]] = {
    "random": {},
    **{measure: {"measure": measure} for measure in (*OF_ONE, "information_density", *OF_MEMBERS)},
    **{f"margin + {diversity}": {"measure": "margin", "diversity": diversity} for diversity in DIVERSITIES},
    "mean_kl + batch_bald": {"measure": "mean_kl", "diversity": "batch_bald", "samples": 100},
}
"""What is asked of rank, by name. BatchBALD draws a hundredth of the outcomes that it does by default, or it would
take most of a minute a round."""
SHORT = ("random", "margin", "mean_kl", "margin + k_center", "mean_kl + batch_bald")
FULL = "all labels"


@dataclass(frozen=True)
class Task:
    """Rows, their labels, and how many are asked for."""

    name: str
    pool: np.ndarray
    pool_labels: np.ndarray
    held_out: np.ndarray
    held_out_labels: np.ndarray
    start_count: int
    batch_count: int
    round_count: int

    @property
    def label_counts(self) -> list[int]:
        """How many labels there are in each round."""
        return [self.start_count + self.batch_count * number for number in range(self.round_count + 1)]


@cache
def task(path: Path | None, *, short: bool) -> Task:
    """The letters, or the digits where no file is named."""
    if path is None:
        rows, classes = load_digits(return_X_y=True)
        held_out, sizes = 597, (20, 20, 2) if short else (20, 10, 28)
        name = "digits"
    else:
        table = np.array([line.split(",") for line in path.read_text().splitlines() if line[2:3].isdigit()])
        rows, classes = table[:, 1:].astype(float), np.unique(table[:, 0], return_inverse=True)[1]
        held_out, sizes = 4000, (52, 100, 25)
        name = "letters"
    rows = ((rows - rows.mean(axis=0)) / np.maximum(rows.std(axis=0), 1e-9)).astype(np.float32)
    pool, rest = slice(None, -held_out), slice(-held_out, None)
    return Task(name, rows[pool], classes[pool], rows[rest], classes[rest], *sizes)


def trained(rows: np.ndarray, labels: np.ndarray, *, seed: int, epochs: int = EPOCHS) -> MLPClassifier:
    """A network of these rows, from scratch; few rows are gone through more often."""
    batch_rows = min(BATCH_ROWS, len(rows))
    epochs = max(epochs, STEPS_MIN * batch_rows // len(rows))
    network = MLPClassifier(
        (HIDDEN,),
        alpha=DECAY,
        batch_size=batch_rows,
        learning_rate_init=LEARNING_RATE,
        max_iter=epochs,
        n_iter_no_change=epochs,
        tol=0,
        random_state=seed,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # it is meant to end there
        return network.fit(rows, labels)


def forward(network: MLPClassifier, rows: np.ndarray, *, class_count: int) -> tuple[np.ndarray, np.ndarray]:
    """(n, c) logits, -inf for a class that the network never saw, and the (n, d) hidden layer."""
    embeddings = np.maximum(0, rows @ network.coefs_[0] + network.intercepts_[0])
    logits = np.full((len(rows), class_count), -np.inf, np.float32)
    logits[:, network.classes_] = embeddings @ network.coefs_[1] + network.intercepts_[1]
    return logits, embeddings.astype(np.float32)


def members(rows: np.ndarray, labels: np.ndarray, seed: int) -> Iterator[MLPClassifier]:
    """A committee: each member is of a bootstrap sample."""
    for number in range(MEMBERS):
        own = np.random.default_rng([seed, number]).integers(len(rows), size=len(rows))
        yield trained(rows[own], labels[own], seed=1000 * seed + number, epochs=EPOCHS // 2)


def opinions(
    task: Task,
    wanted: dict[str, Any],
    network: MLPClassifier,
    *,
    labelled: np.ndarray,
    rest: np.ndarray,
    seed: int,
) -> dict[str, np.ndarray]:
    """What is sent of the rows without labels."""
    class_count, rows = int(task.pool_labels.max()) + 1, task.pool[rest]
    if wanted["measure"] in OF_MEMBERS:
        committee = members(task.pool[labelled], task.pool_labels[labelled], seed)
        scores = [forward(member, rows, class_count=class_count)[0] for member in committee]
        return {"member_probabilities": softmax(np.stack(scores), axis=2)}
    logits, embeddings = forward(network, rows, class_count=class_count)
    if wanted["measure"] == "information_density" or wanted.get("diversity", "stochastic") != "stochastic":
        return {"logits": logits, "embeddings": embeddings}
    return {"logits": logits}


def run(client: Client, task: Task, strategy: str, seed: int) -> Run:
    """Ask for labels round by round. Strategies of one seed begin with the same labels and the same weights."""
    rng, wanted = np.random.default_rng(seed), STRATEGIES[strategy]
    labelled = rng.choice(len(task.pool), task.start_count, replace=False)
    accuracies, training, selection = [], 0.0, 0.0
    for label_count in task.label_counts:
        began = time.process_time()
        network = trained(task.pool[labelled], task.pool_labels[labelled], seed=seed)
        training += time.process_time() - began
        accuracies.append(float(network.score(task.held_out, task.held_out_labels)))
        if label_count == task.label_counts[-1]:
            break
        rest = np.setdiff1d(np.arange(len(task.pool)), labelled)
        if not wanted:
            labelled = np.append(labelled, rng.choice(rest, task.batch_count, replace=False))
            continue
        sent = opinions(task, wanted, network, labelled=labelled, rest=rest, seed=seed)
        began = time.process_time()
        ranking = client.rank(**sent, ids=rest, count=task.batch_count, seed=seed, **wanted)
        selection += time.process_time() - began
        assert ranking.ids is not None  # they were sent
        labelled = np.append(labelled, ranking.ids)
    return Run(strategy, seed, accuracies, training, selection)


def run_alone(job: tuple[Path | None, bool, str, int]) -> Run:
    """In a process of its own, with a server of its own, whose model is not used; FULL is all labels at once."""
    path, short, strategy, seed = job
    rows = task(path, short=short)
    if strategy == FULL:
        network = trained(rows.pool, rows.pool_labels, seed=seed)
        return Run(FULL, seed, [float(network.score(rows.held_out, rows.held_out_labels))], 0.0, 0.0)
    with serving() as server:
        return run(server.client(deadline_seconds=300), rows, strategy, seed)


def about(rows: Task, seeds: list[int], *, full: float, named: bool) -> dict[str, Any]:
    """How the curves came about."""
    return {
        "data": rows.name,
        "command": "python -m benchmarks.learning_curve" + (" --data FILE" if named else ""),
        "versions": {name: version(name) for name in ("numpy", "scikit-learn")} | {"python": python_version()},
        "pool_rows": len(rows.pool),
        "held_out_rows": len(rows.held_out),
        "seeds": seeds,
        "accuracy_of_all_labels": full,
        "target_accuracy": TARGET_SHARE * full,
        "label_counts": rows.label_counts,
        "strategies": STRATEGIES,
    }


def main() -> None:
    """Simulate, print, and write down."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, help="letter-recognition.data; the digits where it is not given")
    parser.add_argument(
        "--short", action="store_true", help="few rounds of one seed and few strategies, and nothing is written"
    )
    given = parser.parse_args()
    rows = task(given.data, short=given.short)
    seeds = range(1 if given.short else SEED_COUNT)
    names = SHORT if given.short else tuple(STRATEGIES)
    jobs = [(given.data, given.short, name, seed) for name in (FULL, *names) for seed in seeds]
    os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"  # of the workers
    with ProcessPoolExecutor(WORKERS, mp_context=multiprocessing.get_context("spawn")) as workers:
        runs = list(workers.map(run_alone, jobs))
    full = statistics.mean(run.accuracies[-1] for run in runs if run.strategy == FULL)
    curves = [
        curve(name, [run for run in runs if run.strategy == name], rows.label_counts, target=TARGET_SHARE * full)
        for name in names
    ]
    baseline = next(found for found in curves if found.strategy == "random")
    settings = about(rows, list(seeds), full=full, named=given.data is not None)
    show(curves, baseline, settings)
    if not given.short:
        write(curves, settings, RESULTS / f"learning_curve_{rows.name}.json")
        draw(curves, settings, RESULTS / f"learning_curve_{rows.name}.png")


if __name__ == "__main__":
    main()
