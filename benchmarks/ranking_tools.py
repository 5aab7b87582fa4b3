"""Each way to choose the most uncertain rows, behind one function; ranking_core.py runs them in processes.

The peers take probabilities only; where scores are logits they come after SciPy's softmax.
"""

from __future__ import annotations

import functools
import json
import sys
import time
import tracemalloc
from collections.abc import Callable
from importlib.metadata import version
from types import SimpleNamespace
from typing import Any

import numpy as np
from scipy.special import softmax

BLOCK_BYTES = 512 * 1024
Tool = Callable[[np.ndarray, str, str, int], np.ndarray]


def assayd(scores: np.ndarray, kind: str, measure: str, count: int) -> np.ndarray:
    """As the server does it."""
    from assayd_server.core.row_uncertainty import uncertainty_of_logits, uncertainty_of_probabilities
    from assayd_server.core.tasks import Task
    from assayd_server.core.top_rows import top_rows
    from assayd_server.core.uncertainty import Measure

    values_of = uncertainty_of_logits if kind == "logits" else uncertainty_of_probabilities
    values = values_of(scores, task=Task.MULTICLASS, temperature=1.0, measure=Measure(measure))
    return top_rows(values, count)


def limit(scores: np.ndarray, kind: str, measure: str, count: int) -> np.ndarray:
    """What NumPy can do with clean rows: blocks in the cache, nothing checked or scaled, no T, no zeros."""
    formula = LIMITS[kind, measure]
    values = np.empty(len(scores), scores.dtype)
    block_rows = BLOCK_BYTES // scores[0].nbytes
    for start in range(0, len(scores), block_rows):
        block = scores[start : start + block_rows]
        values[start : start + block_rows] = formula(np.asfortranarray(block) if block.shape[1] <= 50 else block)
    best = np.argpartition(values, -count)[-count:]
    return best[np.argsort(-values[best])]


def two_largest(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    if rows.shape[1] > 50:
        number, place, others = np.arange(len(rows)), rows.argmax(axis=1), rows.copy()
        others[number, place] = -np.inf
        return rows[number, place], others.max(axis=1)
    first, second = rows[:, 0], np.full(len(rows), -np.inf, rows.dtype)
    for column in rows.T[1:]:
        second = np.maximum(second, np.minimum(first, column))
        first = np.maximum(first, column)
    return first, second


def exponentials(z: np.ndarray, first: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    shifted = z - first[:, None]
    return shifted, np.exp(shifted)


def margin_of_probabilities(p: np.ndarray) -> np.ndarray:
    first, second = two_largest(p)
    return second - first


def ratio_of_probabilities(p: np.ndarray) -> np.ndarray:
    first, second = two_largest(p)
    return second / first


def entropy_of_probabilities(p: np.ndarray) -> np.ndarray:
    terms = np.log(p)
    terms *= p
    return -terms.sum(axis=1)


def least_confidence_of_logits(z: np.ndarray) -> np.ndarray:
    return -1 / exponentials(z, z.max(axis=1))[1].sum(axis=1)


def margin_of_logits(z: np.ndarray) -> np.ndarray:
    first, second = two_largest(z)
    return (np.exp(second - first) - 1) / exponentials(z, first)[1].sum(axis=1)


def ratio_of_logits(z: np.ndarray) -> np.ndarray:
    first, second = two_largest(z)
    return np.exp(second - first)


def entropy_of_logits(z: np.ndarray) -> np.ndarray:
    shifted, weights = exponentials(z, z.max(axis=1))
    sums = weights.sum(axis=1)
    weights *= shifted
    return np.log(sums) - weights.sum(axis=1) / sums


LIMITS = {
    ("probabilities", "least_confidence"): lambda p: -p.max(axis=1),
    ("probabilities", "margin"): margin_of_probabilities,
    ("probabilities", "ratio"): ratio_of_probabilities,
    ("probabilities", "entropy"): entropy_of_probabilities,
    ("logits", "least_confidence"): least_confidence_of_logits,
    ("logits", "margin"): margin_of_logits,
    ("logits", "ratio"): ratio_of_logits,
    ("logits", "entropy"): entropy_of_logits,
}


def probabilities_of(scores: np.ndarray, kind: str) -> np.ndarray:
    return softmax(scores, axis=1) if kind == "logits" else scores


def ready_made(probabilities: np.ndarray) -> SimpleNamespace:
    """A classifier that has predicted already."""
    return SimpleNamespace(predict_proba=lambda _rows: probabilities)


def modal(scores: np.ndarray, kind: str, measure: str, count: int) -> np.ndarray:
    """Its query strategies."""
    from modAL import uncertainty

    names = {
        "least_confidence": "uncertainty_sampling",
        "margin": "margin_sampling",
        "entropy": "entropy_sampling",
    }
    classifier = ready_made(probabilities_of(scores, kind))
    return getattr(uncertainty, names[measure])(classifier, scores, n_instances=count)[0]


def small_text(scores: np.ndarray, kind: str, measure: str, count: int) -> np.ndarray:
    """Its query strategies."""
    from small_text import BreakingTies, LeastConfidence, PredictionEntropy

    strategy = {"least_confidence": LeastConfidence, "margin": BreakingTies, "entropy": PredictionEntropy}[measure]
    none = np.empty(0, np.int64)
    classifier = ready_made(probabilities_of(scores, kind))
    return strategy().query(classifier, scores, np.arange(len(scores)), none, none, n=count)


def scikit_activeml(scores: np.ndarray, kind: str, measure: str, count: int) -> np.ndarray:
    """Its scores, and a partition: its own simple_batch would keep 1,000 copies of them."""
    from skactiveml.pool import uncertainty_scores

    names = {"least_confidence": "least_confident", "margin": "margin_sampling", "entropy": "entropy"}
    values = uncertainty_scores(probabilities_of(scores, kind), method=names[measure])
    return np.argpartition(values, -count)[-count:]


TOOLS: dict[str, Tool] = {
    "assayd": assayd,
    "limit": limit,
    "modAL": modal,
    "scikit-activeml": scikit_activeml,
    "small-text": small_text,
}
DISTRIBUTIONS = {"modAL": "modAL-python"}


@functools.lru_cache(1)
def loaded(path: str) -> np.ndarray:
    """The scores, read once."""
    return np.load(path)


def run(order: dict[str, Any]) -> dict[str, Any]:
    """Do one thing once: seconds, or where asked the peak of memory beyond the scores, and the rows chosen."""
    scores = loaded(order["path"])[: order["row_count"]]
    tool = TOOLS[order["tool"]]
    if order["traces"]:
        tracemalloc.start()
    began = time.process_time()  # others use this core too
    chosen = tool(scores, order["kind"], order["measure"], order["count"])
    result = {"seconds": time.process_time() - began, "chosen": np.asarray(chosen).tolist()}
    if order["traces"]:
        result["megabytes"] = tracemalloc.get_traced_memory()[1] / 1e6
        tracemalloc.stop()
    return result


def main() -> None:
    """Take orders as lines of JSON until there are no more; first say what is installed here."""
    packages = [DISTRIBUTIONS.get(name, name) for name in sys.argv[1:] if name not in ("assayd", "limit")]
    print(json.dumps({name: version(name) for name in ["numpy", "scipy", *packages]}), flush=True)
    for line in sys.stdin:
        print(json.dumps(run(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
