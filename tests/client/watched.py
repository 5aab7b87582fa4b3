"""A watching server played by a function call: counts rows, and finds drift where the first number is high."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from assayd.steps import Send
from assayd.v1 import monitoring_pb2, scoring_pb2
from client.monitored import IDENTITY, columns, described
from client.scripted import Call, Refusal, rows_of, too_many_rows

DRIFTED_FROM, CHANGED_FROM = 100.0, 1000.0
"""What the largest first number of a window has to be for it to drift, and of a row for there to be a change."""


def window_drift(number: int, row_count: int, *, drifted: bool) -> monitoring_pb2.WindowDrift:
    """A window of so many rows."""
    return monitoring_pb2.WindowDrift(
        number=number,
        first_row=number * row_count,
        row_count=row_count,
        drifted=drifted,
        columns=columns() if drifted else columns()[1:],
        class_shares=[monitoring_pb2.ClassShare(name="ant", share=0.25)],
        class_shifts=[monitoring_pb2.ClassShift(name="ant", effect=0.3, p_adjusted=0.01)],
        alpha=0.0007,
        delta=0.1,
        warnings=["the window is large beside the reference"] if drifted else [],
    )


def change(row: int, direction: int = monitoring_pb2.CHANGE_DIRECTION_UP) -> monitoring_pb2.Change:
    """A change at a row, since five rows before."""
    return monitoring_pb2.Change(
        column="entropy", direction=direction, row=row, since_row=row - 5, statistic=7.423, limit=6.9
    )


def token(rows_seen: int, highest: float) -> bytes:
    """The state: rows so far, and the largest first number in the window that is open."""
    return np.array([rows_seen, highest]).tobytes()


def watched(
    request: monitoring_pb2.WatchDriftRequest,
    *,
    model: scoring_pb2.ModelIdentity = IDENTITY,
    digest: str = "sha256:r",
) -> monitoring_pb2.WatchDriftResponse:
    """The answer to a message: a report for each window that ended, and for changes after the last of them."""
    size = request.settings.window_rows or 1000
    seen, highest = np.frombuffer(request.settings.state) if request.settings.state else (0.0, -np.inf)
    rows = rows_of(request) if request.HasField("rows") else np.empty((0, 1))
    reports, changes, seen = [], [], int(seen)
    for value in rows.reshape(len(rows), -1)[:, 0].astype(np.float64):
        seen, highest = seen + 1, max(highest, value)
        if value >= CHANGED_FROM:
            changes.append(change(seen - 1))
        if seen % size == 0:
            drifted = bool(highest >= DRIFTED_FROM)
            window = window_drift(seen // size - 1, size, drifted=drifted)
            reports.append(_report(seen, -np.inf, changes, window=window))
            changes, highest = [], -np.inf
    if changes:
        reports.append(_report(seen, highest, changes))
    return monitoring_pb2.WatchDriftResponse(
        model=model,
        reference_digest=digest,
        reports=reports,
        rows_seen=seen,
        state=token(seen, highest),
        window_rows=size,
        expected_run_rows=request.settings.expected_run_rows or 1_000_000,
        warnings=["the windows are large beside the reference"] if size > 5000 else [],
    )


def _report(seen: int, highest: float, changes: list[Any], **window: Any) -> monitoring_pb2.WatchReport:
    drifted = "window" in window and window["window"].drifted
    return monitoring_pb2.WatchReport(
        rows_seen=seen, alert=bool(drifted or changes), changes=changes, state=token(seen, highest), **window
    )


@dataclass
class Watcher:
    """Answers each call at once, within its own limit of rows; keeps what was asked."""

    rows_max: int = 2**31 - 1
    refusals: dict[int, Refusal] = field(default_factory=dict)
    """By the number of the call, from 0."""
    requests: list[monitoring_pb2.WatchDriftRequest] = field(default_factory=list)
    effects: list[Send] = field(default_factory=list)

    def __call__(self, effect: Send) -> Call:
        self.effects.append(effect)
        if effect.method == "GetModel":
            return Call(described())  # type: ignore[arg-type]
        number = len(self.requests)
        request = monitoring_pb2.WatchDriftRequest.FromString(effect.request.SerializeToString())
        self.requests.append(request)
        if number in self.refusals:
            return Call(self.refusals[number])  # type: ignore[arg-type]
        if len(rows_of(request)) > self.rows_max:
            return Call(too_many_rows(self.rows_max))  # type: ignore[arg-type]
        return Call(watched(request))  # type: ignore[arg-type]

    @property
    def lengths(self) -> list[int]:
        """The number of rows of each request."""
        return [len(rows_of(request)) for request in self.requests]
