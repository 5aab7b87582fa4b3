"""Each way to test a window for drift, behind one function; drift_speed.py runs them in processes.

Every tool is made ready with the reference first, which is not timed, and then takes windows.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from collections.abc import Callable
from importlib.metadata import version
from typing import Any, TextIO

import numpy as np

ALPHA = 0.05
Test = Callable[[np.ndarray], bool]


def limit(reference: np.ndarray) -> Test:
    """What NumPy and SciPy can do: Kolmogorov and Smirnov's test against sorted columns, with Bonferroni."""
    from scipy.special import kolmogorov

    columns, count = np.sort(reference.T, axis=1), len(reference)

    def test(window: np.ndarray) -> bool:
        rows = np.sort(window.T, axis=1)
        size = rows.shape[1]
        steps = np.arange(size + 1) / size
        gaps = []
        for column, row in zip(columns, rows, strict=True):
            after = np.searchsorted(column, row, "right") / count
            before = np.searchsorted(column, row, "left") / count
            gaps.append(max((steps[1:] - after).max(), (before - steps[:-1]).max()))
        p_values = kolmogorov(np.sqrt(count * size / (count + size)) * np.array(gaps))
        return bool((p_values <= ALPHA / len(p_values)).any())

    return test


def assayd_ks(reference: np.ndarray) -> Test:
    """The same test of ours, with Holm."""
    from assayd_server.core.drift.holm import holm
    from assayd_server.core.drift.kolmogorov import kolmogorov_p_value, ks_distances, sorted_columns

    columns, count = sorted_columns(reference), np.full(reference.shape[1], len(reference))

    def test(window: np.ndarray) -> bool:
        distances = ks_distances(columns, window)
        p_values = kolmogorov_p_value(distances, count, np.full(len(distances), len(window)))
        return bool((holm(p_values) <= ALPHA).any())

    return test


def assayd(reference: np.ndarray) -> Test:
    """All that a verdict says, of the columns."""
    return _assayd(reference, with_embedding=False)


def assayd_with_embedding(reference: np.ndarray) -> Test:
    """All that a verdict says, of the columns and of the same rows as an embedding, with its components."""
    return _assayd(reference, with_embedding=True)


def _assayd(reference: np.ndarray, *, with_embedding: bool) -> Test:
    from assayd_server.core.drift import ColumnValues, fit_drift_reference, judge

    names = [f"column_{place}" for place in range(reference.shape[1])]
    columns = [ColumnValues(name=name, values=values) for name, values in zip(names, reference.T, strict=True)]
    fitted = fit_drift_reference(len(reference), columns, embeddings=reference if with_embedding else None)

    def test(window: np.ndarray) -> bool:
        values = dict(zip(names, window.T, strict=True))
        state = fitted.layout.count(len(window), values, window if with_embedding else None)
        return judge(fitted, state).drifted

    return test


def alibi_detect(reference: np.ndarray) -> Test:
    """Its Kolmogorov-Smirnov detector."""
    from alibi_detect.cd import KSDrift

    detector = KSDrift(reference, p_val=ALPHA)
    return lambda window: bool(detector.predict(window)["data"]["is_drift"])


def evidently(reference: np.ndarray) -> Test:
    """Its report on data drift."""
    import pandas as pd
    from evidently import Report
    from evidently.presets import DataDriftPreset

    names = [f"column_{place}" for place in range(reference.shape[1])]
    expected = pd.DataFrame(reference, columns=names)

    def test(window: np.ndarray) -> bool:
        result = Report([DataDriftPreset()]).run(pd.DataFrame(window, columns=names), expected)
        return bool(result.dict()["metrics"])

    return test


TOOLS: dict[str, Callable[[np.ndarray], Test]] = {
    "limit": limit,
    "assayd-ks": assayd_ks,
    "assayd": assayd,
    "assayd-with-embedding": assayd_with_embedding,
    "alibi-detect": alibi_detect,
    "evidently": evidently,
}
OURS = ("limit", "assayd-ks", "assayd", "assayd-with-embedding")


def run(tools: dict[str, Test], order: dict[str, Any]) -> dict[str, Any]:
    """Test one window, or make a tool ready: seconds of one processor, since others use it too."""
    began = time.process_time()
    if "reference" in order:
        tools[order["tool"]] = TOOLS[order["tool"]](np.load(order["reference"]))
        return {"seconds": time.process_time() - began}
    window = np.load(order["window"])
    began = time.process_time()
    drifted = tools[order["tool"]](window)
    return {"seconds": time.process_time() - began, "drifted": drifted}


def serve(answers: TextIO) -> None:
    """Take orders as lines of JSON until there are no more; first say what is installed here."""
    packages = [name for name in sys.argv[1:] if name not in OURS]
    print(json.dumps({name: version(name) for name in ["numpy", "scipy", *packages]}), file=answers, flush=True)
    tools: dict[str, Test] = {}
    for line in sys.stdin:
        print(json.dumps(run(tools, json.loads(line))), file=answers, flush=True)


if __name__ == "__main__":
    warnings.simplefilter("ignore")  # of the libraries, about each other
    own, sys.stdout = sys.stdout, sys.stderr  # what they print is no answer
    serve(own)
