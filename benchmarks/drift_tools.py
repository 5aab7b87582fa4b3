"""Each way to test a window for drift, behind one function; drift_speed.py runs them in processes.

Every tool is made ready with the reference first, which is not timed, and then takes windows. Peers run this file
in an environment of their own, which has nothing of assayd.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any, TextIO

import numpy as np

ALPHA = 0.01
"""Of the whole test, everywhere."""
MODEL, REFERENCE = "model.onnx", "reference.npz"
"""What the server of assayd-rpc serves: beside the rows of the reference."""
Test = Callable[[np.ndarray], bool]


@contextmanager
def limit(reference: Path) -> Iterator[Test]:
    """What NumPy and SciPy can do: Kolmogorov and Smirnov's test against sorted columns, with Bonferroni."""
    from scipy.special import kolmogorov

    columns = np.sort(np.load(reference).T, axis=1)
    count = columns.shape[1]

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

    yield test


@contextmanager
def assayd_ks(reference: Path) -> Iterator[Test]:
    """Of what the server does, Kolmogorov and Smirnov's test alone: counts in frozen bins, distances, Holm."""
    from assayd_server.core.drift.findings import informing
    from assayd_server.core.drift.holm import holm

    counted, fitted = _fitted(np.load(reference))
    layout, expected = fitted.layout, fitted.layout.split(fitted.state.counts)
    kinds = [column.bins.kind for column in layout.columns]

    def test(window: np.ndarray) -> bool:
        found = layout.split(counted(window).counts)
        findings = informing(list(zip(kinds, expected, found, strict=True)))
        return bool((holm(np.array([finding.p_value for finding in findings])) <= ALPHA).any())

    yield test


@contextmanager
def assayd_core(reference: Path) -> Iterator[Test]:
    """All that the server's core says of the columns: counts, PSI, the other tests, effects, Holm."""
    from assayd_server.core.drift import judge

    counted, fitted = _fitted(np.load(reference))
    yield lambda window: judge(fitted, counted(window)).drifted


@contextmanager
def assayd_rpc(reference: Path) -> Iterator[Test]:
    """The whole of TestDrift: the client, the messages both ways, the forward pass, and the tests of all columns.

    The columns are those of the window, and what is watched of the model besides: prediction, confidence, novelty,
    components, and the embedding as a whole. Server and client are in this process, so that its time is of both.
    """
    from assayd.testing import serving

    served = reference.with_name(REFERENCE)
    with serving(reference.with_name(MODEL), reference=served) as server, server.client() as client:
        yield lambda window: client.test_drift(window, alpha=ALPHA).drifted


def _fitted(rows: np.ndarray) -> tuple[Callable[[np.ndarray], Any], Any]:
    """How a window is counted, and the reference."""
    from assayd_server.core.drift import ColumnValues, fit_drift_reference

    names = [f"column_{place}" for place in range(rows.shape[1])]
    columns = [ColumnValues(name=name, values=values) for name, values in zip(names, rows.T, strict=True)]
    fitted = fit_drift_reference(len(rows), columns)

    def counted(window: np.ndarray) -> Any:
        return fitted.layout.count(len(window), dict(zip(names, window.T, strict=True)))

    return counted, fitted


@contextmanager
def alibi_detect(reference: Path) -> Iterator[Test]:
    """Its Kolmogorov-Smirnov detector."""
    from alibi_detect.cd import KSDrift

    detector = KSDrift(np.load(reference), p_val=ALPHA)
    yield lambda window: bool(detector.predict(window)["data"]["is_drift"])


@contextmanager
def evidently(reference: Path) -> Iterator[Test]:
    """Its report on data drift."""
    import pandas as pd
    from evidently import Report
    from evidently.presets import DataDriftPreset

    rows = np.load(reference)
    names = [f"column_{place}" for place in range(rows.shape[1])]
    expected = pd.DataFrame(rows, columns=names)

    def test(window: np.ndarray) -> bool:
        result = Report([DataDriftPreset()]).run(pd.DataFrame(window, columns=names), expected)
        return bool(result.dict()["metrics"])

    yield test


TOOLS: dict[str, Callable[[Path], AbstractContextManager[Test]]] = {
    "limit": limit,
    "assayd-ks": assayd_ks,
    "assayd-core": assayd_core,
    "assayd-rpc": assayd_rpc,
    "alibi-detect": alibi_detect,
    "evidently": evidently,
}
OURS, SERVED = ("limit", "assayd-ks", "assayd-core"), ("assayd-rpc",)
"""By process: no other tool shares one with a server."""


def run(tools: dict[str, Test], order: dict[str, Any], until_the_end: ExitStack) -> dict[str, Any]:
    """Test one window, or make a tool ready: seconds of one processor, since others use it too."""
    began = time.process_time()
    if "reference" in order:
        tools[order["tool"]] = until_the_end.enter_context(TOOLS[order["tool"]](Path(order["reference"])))
        return {"seconds": time.process_time() - began}
    window = np.load(order["window"])
    began = time.process_time()
    drifted = tools[order["tool"]](window)
    return {"seconds": time.process_time() - began, "drifted": drifted}


def serve(answers: TextIO) -> None:
    """Take orders as lines of JSON until there are no more; first say what is installed here."""
    packages = [name for name in sys.argv[1:] if name not in (*OURS, *SERVED)]
    print(json.dumps({name: version(name) for name in ["numpy", "scipy", *packages]}), file=answers, flush=True)
    tools: dict[str, Test] = {}
    with ExitStack() as until_the_end:
        for line in sys.stdin:
            print(json.dumps(run(tools, json.loads(line), until_the_end)), file=answers, flush=True)


if __name__ == "__main__":
    warnings.simplefilter("ignore")  # of the libraries, about each other
    own, sys.stdout = sys.stdout, sys.stderr  # what they print is no answer
    serve(own)
