"""river's detectors of drift on streams of several columns, one for each; drift_stream_delays.py runs them.

Every line of standard input is an order in JSON. "calibrate" finds the parameter with which a detector raises so
many alarms on a stream in which nothing changes, over all its columns; "detect" says how many rows after a change
the first alarm came.
"""

from __future__ import annotations

import json
import math
import sys
import warnings
from collections.abc import Callable
from functools import lru_cache
from importlib.metadata import version
from typing import Any, TextIO

import numpy as np
from river.drift import ADWIN, KSWIN, PageHinkley

ALLOWANCE = 0.25
"""For a shift of half a standard deviation, as assayd's."""

DETECTORS: dict[str, tuple[Callable[[float], Any], tuple[float, float]]] = {
    "ADWIN": (lambda strictness: ADWIN(delta=10**-strictness), (0.0, 12.0)),
    "KSWIN": (lambda strictness: KSWIN(alpha=10**-strictness, seed=1), (1.0, 16.0)),
    "Page-Hinkley": (lambda strictness: PageHinkley(threshold=strictness), (1.0, 2000.0)),
    "Page-Hinkley, delta 0.25": (
        lambda strictness: PageHinkley(threshold=strictness, delta=ALLOWANCE), (1.0, 2000.0)
    ),
}  # fmt: skip
"""How to make one, and between which parameters the right one lies; larger ones are stricter."""

STEPS = 8


def alarms(
    tool: str, strictness: float, column: np.ndarray, *, after: int = 0, most: int = sys.maxsize
) -> list[int]:
    """The rows with an alarm, from a row on, and no more than so many; missing values are passed over."""
    detector, found = DETECTORS[tool][0](strictness), []
    for row, value in enumerate(column.tolist()):
        if math.isnan(value):
            continue
        detector.update(value)
        if detector.drift_detected and row >= after:
            found.append(row)
            if len(found) == most:
                break
    return found


@lru_cache
def kswin_p_values(path: str) -> np.ndarray:
    """(n, s) of a stream without alarms: KSWIN takes a fifth of a millisecond for a row."""
    stream = np.load(path)
    p_values = np.ones(stream.shape)
    for place, column in enumerate(stream.T):
        detector = KSWIN(alpha=0, seed=1)
        for row, value in enumerate(column.tolist()):
            detector.update(value)
            p_values[row, place] = detector.p_value if len(detector.window) == detector.window_size else 1
    return p_values


def kswin_alarm_count(path: str, strictness: float) -> int:
    """After an alarm its window fills anew."""
    count, fills = 0, KSWIN().window_size
    for column in kswin_p_values(path).T:
        free = 0
        for row in np.flatnonzero(column <= 10**-strictness).tolist():
            if row >= free:
                count, free = count + 1, row + fills
    return count


def alarm_count(tool: str, strictness: float, path: str) -> int:
    """On a stream in which nothing changes."""
    if tool == "KSWIN":
        return kswin_alarm_count(path, strictness)
    return sum(len(alarms(tool, strictness, column)) for column in np.load(path).T)


def calibrate(tool: str, path: str, alarm_rows: float) -> dict[str, Any]:
    """The least strict parameter, to some digits, with no more than one alarm in so many rows.

    KSWIN is too slow for a stream with many such alarms: its parameter follows from those with 4 and 16 times as
    many, along a line, as p-values are uniform.
    """
    allowed = len(np.load(path)) / alarm_rows
    if tool == "KSWIN":
        four, sixteen = (strictness_for(tool, path, times * allowed) for times in (4, 16))
        return {"strictness": 2 * four - sixteen, "allowed": allowed}
    found = strictness_for(tool, path, allowed)
    return {"strictness": found, "alarms": alarm_count(tool, found, path), "allowed": allowed}


def strictness_for(tool: str, path: str, allowed: float) -> float:
    """The least with no more than so many alarms."""
    low, high = DETECTORS[tool][1]
    for _ in range(STEPS):
        middle = (low + high) / 2
        low, high = (low, middle) if alarm_count(tool, middle, path) <= allowed else (middle, high)
    return high


def detect(tool: str, strictness: float, path: str, change: int) -> dict[str, Any]:
    """How many rows after the change the first alarm of any column came; None if none did."""
    skipped = max(0, change - 3 * KSWIN().window_size) if tool == "KSWIN" else 0  # it goes by its window alone
    stream, first = np.load(path)[skipped:], None
    for column in stream.T:
        found = alarms(tool, strictness, column[:first], after=change - skipped, most=1)
        first = found[0] if found else first
    return {"rows": None if first is None else first + skipped - change + 1}


def run(order: dict[str, Any]) -> dict[str, Any]:
    """Do what a line says."""
    return {"calibrate": calibrate, "detect": detect}[order.pop("do")](**order)


def serve(answers: TextIO) -> None:
    """Take orders until there are no more; first say what is installed here."""
    print(json.dumps({name: version(name) for name in ("numpy", "river", "scipy")}), file=answers, flush=True)
    for line in sys.stdin:
        print(json.dumps(run(json.loads(line))), file=answers, flush=True)


if __name__ == "__main__":
    warnings.simplefilter("ignore")  # of the libraries, about each other
    own, sys.stdout = sys.stdout, sys.stderr  # what they print is no answer
    serve(own)
