"""Novelty: how well each measure finds digits that the model has never seen, and what it costs.

    python -m benchmarks.novelty [--short]

Detection: a network is trained on eight of scikit-learn's ten digits. Half of the rows kept back are its
reference, the other half is what it is asked about and knows; all rows of the two digits left out are what is
novel. Each pair of digits is left out once.
Cost: see novelty_cost.py. Everything runs on one core. Takes some minutes, and writes results/novelty.json.
"""

import argparse
import itertools
import os
import warnings
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before NumPy is imported
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import roc_auc_score
from sklearn.neural_network import MLPClassifier

from assayd_server.core.novelty import (
    VERDICTS,
    NoveltyMeasure,
    NoveltyReference,
    Outputs,
    discoveries,
    fit_novelty,
    row_novelty,
    verdicts,
)
from benchmarks import novelty_cost
from benchmarks.server_kinds.report import describe_machine, format_json

RESULTS = Path(__file__).parent / "results" / "novelty.json"
ALPHA = 0.05
TRAINING_SHARE = 0.4
WITH_NEIGHBORS = "combined, and knn"
"""The mean of -ln p of three measures, for comparison."""
ROW = "{:<22} {:>8} {:>8} {:>8} {:>16} {:>16}"
HEADINGS = ("measure", "AUROC", "lowest", "highest", "novel p <= 0.05", "known p <= 0.05")


@dataclass(frozen=True)
class Task:
    """A model that knows eight digits, its reference, and rows of known and of novel digits."""

    left_out: tuple[int, int]
    reference: NoveltyReference
    known: Outputs
    novel: Outputs


def outputs_of(model: MLPClassifier, images: np.ndarray) -> Outputs:
    """Embedding and logits, as single precision."""
    rows = images
    for weights, bias in zip(model.coefs_[:-1], model.intercepts_[:-1], strict=True):
        rows = np.maximum(rows @ weights + bias, 0)
    logits = rows @ model.coefs_[-1] + model.intercepts_[-1]
    return Outputs(logits=logits.astype(np.float32), embeddings=rows.astype(np.float32))


def tasks(pairs: Sequence[tuple[int, int]]) -> Iterator[Task]:
    """One for each pair of digits that are left out."""
    images, labels = load_digits(return_X_y=True)
    images /= 16
    for seed, pair in enumerate(pairs):
        novel = np.isin(labels, pair)
        known = np.random.default_rng(seed).permutation(np.flatnonzero(~novel))
        trained, kept = np.split(known, [int(TRAINING_SHARE * len(known))])
        model = MLPClassifier((64, 32), alpha=0.01, batch_size=64, max_iter=120, random_state=seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit(images[trained], labels[trained])
        fit, calibration, asked = np.array_split(kept, [len(kept) // 4, len(kept) // 2])
        calibrating = outputs_of(model, images[calibration])
        yield Task(
            pair,
            fit_novelty(
                outputs_of(model, images[fit]), labels[fit], calibrating, calibrating.logits.argmax(axis=1)
            ),
            outputs_of(model, images[asked]),
            outputs_of(model, images[novel]),
        )


def of_measures(task: Task) -> Iterator[tuple[str, np.ndarray, np.ndarray, np.ndarray, np.ndarray]]:
    """Name, scores of known and of novel rows, and their p-values."""
    known, novel = (
        row_novelty(task.reference, rows, task.reference.measures) for rows in (task.known, task.novel)
    )
    for measure in task.reference.measures:
        yield (
            measure,
            known[measure].scores,
            novel[measure].scores,
            known[measure].p_values,
            novel[measure].p_values,
        )
    parts = (*task.reference.combined, NoveltyMeasure.KNN)
    scores = [-sum(np.log(rows[part].p_values) for part in parts) for rows in (known, novel)]
    yield WITH_NEIGHBORS, *scores, np.full(1, np.nan), np.full(1, np.nan)


def detection(pairs: Sequence[tuple[int, int]]) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Of each measure over all tasks; and what the verdicts are."""
    found: dict[str, list[tuple[float, float, float]]] = defaultdict(list)
    judged: dict[str, list[float]] = defaultdict(list)
    for task in tasks(pairs):
        for name, known, novel, p_known, p_novel in of_measures(task):
            truth = np.repeat([0, 1], [len(known), len(novel)])
            rates = (share_below(p_novel), share_below(p_known))
            found[name].append((float(roc_auc_score(truth, np.concatenate([known, novel]))), *rates))
        for name, share in shares_of_verdicts(task).items():
            judged[name].append(share)
    entries = [
        {
            "measure": name,
            "auroc": {"mean": np.mean(each, axis=0)[0], "lowest": min(each)[0], "highest": max(each)[0]},
            "novel_found": known_or_none(np.mean(each, axis=0)[1]),
            "known_called_novel": known_or_none(np.mean(each, axis=0)[2]),
        }
        for name, each in found.items()
    ]
    return entries, {name: float(np.mean(shares)) for name, shares in judged.items()}


def share_below(p_values: np.ndarray) -> float:
    """Of rows with a p-value of at most ALPHA; NaN where there are no p-values."""
    return float(np.where(np.isnan(p_values), np.nan, p_values <= ALPHA).mean())


def known_or_none(share: float) -> float | None:
    """JSON has no NaN."""
    return None if np.isnan(share) else share


def shares_of_verdicts(task: Task) -> dict[str, float]:
    """Of known and of novel rows; and of both in one batch, what share of the discoveries is known."""
    shares, p_values = {}, []
    for name, rows in (("known", task.known), ("novel", task.novel)):
        novelty = row_novelty(task.reference, rows, [NoveltyMeasure.COMBINED, NoveltyMeasure.DOMAIN])
        p_class = novelty[NoveltyMeasure.COMBINED].p_values
        p_values.append(p_class)
        codes = verdicts(p_class, novelty[NoveltyMeasure.DOMAIN].p_values, ALPHA)
        shares |= {
            f"{name} called {verdict}": float(np.mean(codes == code)) for code, verdict in enumerate(VERDICTS)
        }
    rejected = discoveries(np.concatenate(p_values), 0.1)
    return shares | {"false discoveries at 0.1": rejected[: len(p_values[0])].sum() / max(rejected.sum(), 1)}


def print_detection(entries: Sequence[Mapping[str, Any]], shares: Mapping[str, float]) -> None:
    """The table, and what the verdicts are."""
    print(ROW.format(*HEADINGS))
    for entry in sorted(entries, key=lambda one: -one["auroc"]["mean"]):
        figures = (*entry["auroc"].values(), entry["novel_found"], entry["known_called_novel"])
        print(ROW.format(entry["measure"], *("-" if figure is None else f"{figure:.3f}" for figure in figures)))
    print("\n".join(f"{name}: {share:.3f}" for name, share in shares.items()))


def main() -> None:
    """Print the tables, and write the figures unless they are short."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", action="store_true", help="see that it runs")
    short = parser.parse_args().short
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    pairs = list(itertools.combinations(range(10), 2))
    entries, shares = detection(pairs[:1] if short else pairs)
    print_detection(entries, shares)
    costs = novelty_cost.measured(novelty_cost.SHORT if short else novelty_cost.FULL)
    print(novelty_cost.table(costs))
    if not short:
        content = {
            "machine": describe_machine(),
            "pair_count": len(pairs),
            "verdicts": shares,
            "detection": entries,
        }
        RESULTS.write_text(format_json({**content, "costs": costs}))


if __name__ == "__main__":
    main()
