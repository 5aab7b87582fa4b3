"""What watching a stream found."""

from dataclasses import dataclass

from assayd.drift_report import DriftReport, found_in
from assayd.drift_table import text_of
from assayd.identity import ModelIdentity, identity_of
from assayd.v1 import monitoring_pb2
from assayd.watch_text import change_text, line_of, place_of

_DIRECTIONS: dict[int, str] = {
    monitoring_pb2.CHANGE_DIRECTION_UP: "up",
    monitoring_pb2.CHANGE_DIRECTION_DOWN: "down",
}


@dataclass(frozen=True, slots=True)
class Change:
    """A change of the mean of a column, found between the ends of windows by a cumulative sum (Page 1954)."""

    column: str
    direction: str
    """up or down."""
    row: int
    """The row at which the sum passed its limit, counted from 0 at the beginning of the stream."""
    since_row: int
    """The row at which the sum last left 0: about where the change began."""
    statistic: float
    """The sum, in standard deviations of the column's normal scores."""
    limit: float
    """Its limit."""

    def __str__(self) -> str:
        """What has changed and since when."""
        return change_text(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowDrift(DriftReport):
    """A window of a stream against the reference: a DriftReport, with its place. Print it for a table."""

    number: int
    """Counted from 0."""
    first_row: int
    """Counted from 0 at the beginning of the stream."""

    def __str__(self) -> str:
        """A table for people, as of a DriftReport."""
        return f"{place_of(self)}: {text_of(self)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchReport:
    """What there is to say after some row of a stream; print it for a line."""

    rows_seen: int
    """How many rows there were by then, since the stream began."""
    alert: bool
    """Whether there is an alarm: the window has drifted, or something has changed."""
    window: WindowDrift | None
    """The window that ended with that row; None where the report is of changes alone."""
    changes: tuple[Change, ...]
    """What changed since the report before, in the order of their rows."""
    state: bytes
    """What the stream had come to: watch_drift(..., state=state) goes on with the next row, on any replica."""
    window_rows: int
    """How many rows a window has."""
    expected_run_rows: int
    """One false alarm is expected in so many rows."""
    warnings: tuple[str, ...]
    """Sentences for people about the stream as a whole."""
    reference_digest: str
    """Of the reference."""
    model: ModelIdentity
    """The model whose reference it is, and which ran where rows went through it."""

    def __str__(self) -> str:
        """A line for people."""
        return line_of(self)


@dataclass(frozen=True, slots=True)
class Watched:
    """The answer to one call, of whichever version of the model: a stream keeps to its reference."""

    reports: tuple[WatchReport, ...]
    """In the order of their rows."""
    now: WatchReport
    """Without anything to tell, where the stream has come to by now."""
    model: None = None


def watched(response: monitoring_pb2.WatchDriftResponse) -> Watched:
    """What a response holds."""
    now = WatchReport(
        rows_seen=response.rows_seen,
        alert=False,
        window=None,
        changes=(),
        state=response.state,
        window_rows=response.window_rows,
        expected_run_rows=response.expected_run_rows,
        warnings=tuple(response.warnings),
        reference_digest=response.reference_digest,
        model=identity_of(response.model),
    )
    return Watched(tuple(_report(report, now) for report in response.reports), now)


def _report(report: monitoring_pb2.WatchReport, now: WatchReport) -> WatchReport:
    return WatchReport(
        rows_seen=report.rows_seen,
        alert=report.alert,
        window=_window(report.window, now) if report.HasField("window") else None,
        changes=tuple(map(_change, report.changes)),
        state=report.state,
        window_rows=now.window_rows,
        expected_run_rows=now.expected_run_rows,
        warnings=now.warnings,
        reference_digest=now.reference_digest,
        model=now.model,
    )


def _window(window: monitoring_pb2.WindowDrift, now: WatchReport) -> WindowDrift:
    return WindowDrift(
        **found_in(window),
        reference_digest=now.reference_digest,
        model=now.model,
        number=window.number,
        first_row=window.first_row,
    )


def _change(change: monitoring_pb2.Change) -> Change:
    return Change(
        column=change.column,
        direction=_DIRECTIONS.get(change.direction, "unknown"),  # of a server that is newer
        row=change.row,
        since_row=change.since_row,
        statistic=change.statistic,
        limit=change.limit,
    )
