"""How soon a stream that is watched finds what has changed, beside river's detectors; for drift_stream.py."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from assayd_server.core.drift import DriftReference
from assayd_server.core.drift.watch import Change, Event, WatchPlan, WatchSettings, begin, plan
from benchmarks.drift_stream_rows import CHANGES, Digits, Rows, alarms_of, matrix, reference_of, taken
from benchmarks.ranking_core import Worker

HERE = Path(__file__).parent
PEERS = ("ADWIN", "Page-Hinkley", "Page-Hinkley, delta 0.25", "KSWIN")
"""The last one takes a fifth of a millisecond for a row and column, and has fewer runs."""
WINDOW_ROWS, WARM_WINDOWS, DELAY_WINDOWS = 500, 6, 10
RUN_ROWS = 40 * WINDOW_ROWS
RARELY = 1_000_000
PATIENT = WatchSettings(window_rows=5000, expected_run_rows=RARELY, delta=0.005)
PATIENT_WINDOWS = 100
SEED = 7


@dataclass(frozen=True)
class Sizes:
    """How much to draw."""

    runs: int = 40
    slow_runs: int = 6
    null_windows: int = 400
    """In which nothing changes, to calibrate peers by: 10 alarms."""
    slow_null_windows: int = 40
    reference_windows: int = 50


SHORT = Sizes(1, 1, 4, 2, 2)


@dataclass(frozen=True)
class Delay:
    """How soon a tool found a change."""

    tool: str
    change: str
    runs: int
    found: int
    """Within 10 windows, or 100 of the patient one."""
    median_windows: float
    """From the change to the alarm; infinite where fewer than half were found."""
    mean_windows: float
    """Of those that were found."""


def first_alarm(events: list[Event], after: int) -> int | None:
    """How many rows after a change the first alarm came."""
    rows = [
        event.row + 1 if isinstance(event, Change) else event.state.rows
        for event in events
        if isinstance(event, Change) or event.verdict.drifted
    ]
    return next((row - after for row in rows if row > after), None)


@dataclass(frozen=True)
class Stream:
    """Healthy rows, and then others."""

    before: Rows
    after: Rows

    @property
    def change(self) -> int:
        """At which row it changes."""
        return self.before.count


def streams(digits: Digits, change: str, count: int, windows: int = DELAY_WINDOWS) -> Iterator[Stream]:
    """Which change anywhere within a window."""
    for _ in range(count):
        offset = int(digits.rng.integers(WINDOW_ROWS))
        healthy = digits.rows(WARM_WINDOWS * WINDOW_ROWS + offset)
        yield Stream(healthy, digits.rows(windows * WINDOW_ROWS, change=change))


def delay(tool: str, change: str, rows: list[int | None]) -> Delay:
    """What comes of the rows of each run."""
    windows = np.array([np.inf if found is None else found / WINDOW_ROWS for found in rows])
    found = windows[np.isfinite(windows)]
    mean = float(found.mean()) if len(found) else float("inf")
    return Delay(tool, change, len(rows), len(found), float(np.median(windows)), mean)


def of_assayd(stream: Stream, by: WatchPlan) -> int | None:
    """How many rows after the change it had its alarm."""
    state, _ = taken(begin(by), stream.before, by)
    return first_alarm(taken(state, stream.after, by)[1], stream.change)


class Peers:
    """river's detectors, calibrated to the rate."""

    def __init__(
        self, python: str, reference: DriftReference, drawn: tuple[Rows, Rows], folder: str, sizes: Sizes
    ) -> None:
        rows, null = drawn
        self._worker, self._path = Worker(python, PEERS, HERE / "drift_stream_peers.py"), f"{folder}/stream.npy"
        self._reference, columns = reference, matrix(rows, reference)
        self._mean, self._deviation = columns.mean(axis=0), columns.std(axis=0)
        columns, self.found = self._standardised(null), {}
        for tool in PEERS:
            if tool == PEERS[-1]:
                columns = columns[: sizes.slow_null_windows * WINDOW_ROWS]
            np.save(f"{folder}/null.npy", columns)
            self.found[tool] = self._worker.run(
                do="calibrate", tool=tool, path=f"{folder}/null.npy", alarm_rows=RUN_ROWS
            )

    def see(self, stream: Stream) -> None:
        """This one is next."""
        np.save(self._path, np.concatenate([self._standardised(stream.before), self._standardised(stream.after)]))
        self._change = stream.change

    def rows(self, tool: str) -> int | None:
        """After the change, to its first alarm."""
        strictness = self.found[tool]["strictness"]
        found = self._worker.run(
            do="detect", tool=tool, strictness=strictness, path=self._path, change=self._change
        )
        rows: int | None = found["rows"]
        return rows

    def close(self) -> None:
        """Let it end."""
        self._worker.close()

    def _standardised(self, rows: Rows) -> np.ndarray:
        return (matrix(rows, self._reference) - self._mean) / np.maximum(self._deviation, 1e-9)


def delays(peers_python: str | None, calibrated: dict[str, Any], *, short: bool) -> Iterator[Delay]:
    """Of every tool, for every change; how each was calibrated is put down."""
    sizes = SHORT if short else Sizes()
    digits = Digits(SEED)
    rows = digits.rows(sizes.reference_windows * WINDOW_ROWS)
    null = digits.rows(sizes.null_windows * WINDOW_ROWS)
    reference = reference_of(rows)
    plans = {
        name: plan(reference, WatchSettings(window_rows=WINDOW_ROWS, expected_run_rows=rows_))
        for name, rows_ in (("assayd", RUN_ROWS), ("assayd, one in a million rows", RARELY))
    }
    for name, by in plans.items():
        calibrated[name] = {"alarms": sum(alarms_of(taken(begin(by), null, by)[1]))}
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        peers = Peers(peers_python, reference, (rows, null), folder, sizes) if peers_python else None
        if peers:
            stack.callback(peers.close)
            calibrated.update(peers.found)
        for change in CHANGES:
            found: dict[str, list[int | None]] = {tool: [] for tool in (*plans, *(PEERS if peers else ()))}
            for place, stream in enumerate(streams(digits, change, sizes.runs)):
                for name, by in plans.items():
                    found[name].append(of_assayd(stream, by))
                if peers:
                    peers.see(stream)
                    for tool in PEERS[: None if place < sizes.slow_runs else -1]:
                        found[tool].append(peers.rows(tool))
            yield from (delay(tool, change, rows_found) for tool, rows_found in found.items())
    yield of_the_patient(reference, digits, sizes)


def of_the_patient(reference: DriftReference, digits: Digits, sizes: Sizes) -> Delay:
    """Large windows and a small delta, for a change that is small in every column."""
    by, change = plan(reference, PATIENT), "new class"
    rows = [of_assayd(stream, by) for stream in streams(digits, change, sizes.runs, PATIENT_WINDOWS)]
    return delay("assayd, delta 0.005, windows of 5,000 rows, one in a million rows", change, rows)
