"""How a stream is to be watched, from what callers pass in."""

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from assayd.drift_options import effect
from assayd.errors import InvalidArgumentError
from assayd.requests import SelectorOptions, names, selector
from assayd.v1 import monitoring_pb2

RUN_ROWS_MAX = 10**12
_INT64_MAX = 2**63 - 1
_SECONDS_A_WEEK = 604_800


class WatchOptions(SelectorOptions, total=False):
    """How a stream is watched, and how many false alarms are put up with: the keywords of Client.watch_drift."""

    window_rows: int
    """How many rows a window has, 50 to 1,000,000; default 1,000."""
    expected_run_rows: int
    """Expect one false alarm in so many rows, over all columns and tests: 10 windows or more, up to 10^12; default
    1,000,000, or 10 windows where that is more."""
    false_alarms_per_week: float
    """In place of that, how many false alarms to expect in a week, above 0; with rows_per_second."""
    rows_per_second: float
    """How many rows come in a second, on average; with false_alarms_per_week."""
    delta: float | None
    """How large the effect in a window must be, above 0; default 0.1."""
    columns: Iterable[str]
    """The columns to watch; default all that the reference has."""
    reference_digest: str
    """Of the reference that is meant; where the server has another, it refuses. Default: any."""
    wire_type: str | None
    """The type in which the numbers of the rows are sent, such as "uint8" or "float16"; default their own."""
    state: bytes
    """What another stream with the same settings came to, to go on from there."""
    every_batch: bool
    """Give a report after each batch, also where it has nothing to tell, so that its state can be kept."""


def watch_request(
    *,
    window_rows: int | None = None,
    expected_run_rows: int | None = None,
    false_alarms_per_week: float | None = None,
    rows_per_second: float | None = None,
    delta: float | None = None,
    columns: Iterable[str] = (),
    reference_digest: str = "",
    state: bytes = b"",
    model: str = "",
    version: int = 0,
) -> monitoring_pb2.WatchDriftRequest:
    """Everything but the rows; the arguments are those of WatchOptions.

    Raises:
        InvalidArgumentError: a number is out of range, or the false alarms are declared in two ways, or by half.
    """
    run_rows = _run_rows(expected_run_rows, false_alarms_per_week, rows_per_second)
    for field, value in (("window_rows", window_rows), ("expected_run_rows", run_rows)):
        _check_positive(field, value)
    settings = monitoring_pb2.WatchSettings(
        model=selector(model, version),
        reference_digest=reference_digest,
        window_rows=window_rows or 0,
        expected_run_rows=run_rows or 0,
        delta=effect(delta, "delta"),
        columns=names(columns),
        state=state,
    )
    return monitoring_pb2.WatchDriftRequest(settings=settings)


def run_rows_of(false_alarms_per_week: float, rows_per_second: float) -> int:
    """In how many rows one false alarm is expected, so that no more come in a week than are put up with.

    Raises:
        InvalidArgumentError: a number is out of range, or so many rows are.
    """
    for field, value in (("false_alarms_per_week", false_alarms_per_week), ("rows_per_second", rows_per_second)):
        if not 0 < value < math.inf:  # False for NaN
            raise InvalidArgumentError(f"{field}: is {value}, allowed are numbers above 0", field=field)
    run_rows = rows_per_second * _SECONDS_A_WEEK / false_alarms_per_week
    if not run_rows <= RUN_ROWS_MAX:
        raise InvalidArgumentError(
            f"false_alarms_per_week: {false_alarms_per_week:g} at {rows_per_second:g} rows a second is one false "
            f"alarm in {run_rows:.3g} rows, allowed is one in up to {RUN_ROWS_MAX:g}",
            field="false_alarms_per_week",
        )
    return math.ceil(run_rows)


def _run_rows(run_rows: int | None, false_alarms: float | None, rows_per_second: float | None) -> int | None:
    if false_alarms is None and rows_per_second is None:
        return run_rows
    if run_rows is not None:
        raise InvalidArgumentError(
            "expected_run_rows: give either expected_run_rows, or false_alarms_per_week with rows_per_second",
            field="expected_run_rows",
        )
    if false_alarms is None or rows_per_second is None:
        raise InvalidArgumentError(
            "false_alarms_per_week: goes with rows_per_second, how many rows come in a second; give both",
            field="false_alarms_per_week",
        )
    return run_rows_of(false_alarms, rows_per_second)


def _check_positive(field: str, value: Any) -> None:
    """What more is wrong with a number depends on the reference, and is for the server to say."""
    if value is not None and (not isinstance(value, int | np.integer) or not 0 < value <= _INT64_MAX):
        raise InvalidArgumentError(f"{field}: is {value}, allowed are whole numbers above 0", field=field)
