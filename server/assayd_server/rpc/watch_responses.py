"""What was found in a stream, as messages."""

from collections.abc import Iterator

from assayd.v1 import monitoring_pb2
from assayd_server.core.drift import Caution
from assayd_server.core.drift.watch import Change, Direction, WindowEnd
from assayd_server.rpc.monitoring_responses import CAUTIONS, found_in, warnings_of
from assayd_server.rpc.responses import identity
from assayd_server.watching import Watched, WatchReport

_DIRECTIONS = {
    Direction.UP: monitoring_pb2.CHANGE_DIRECTION_UP,
    Direction.DOWN: monitoring_pb2.CHANGE_DIRECTION_DOWN,
}


def watched(found: Watched) -> monitoring_pb2.WatchDriftResponse:
    """What was found in the rows of one message."""
    settings = found.plan.settings
    return monitoring_pb2.WatchDriftResponse(
        model=identity(found.model.identity),
        reference_digest=found.reference.digest,
        reports=[_report(report, found) for report in found.reports],
        rows_seen=found.rows_seen,
        state=found.state,
        window_rows=settings.window_rows,
        expected_run_rows=settings.expected_run_rows,
        warnings=list(_warnings(found)),
    )


def _report(report: WatchReport, found: Watched) -> monitoring_pb2.WatchReport:
    return monitoring_pb2.WatchReport(
        rows_seen=report.rows_seen,
        alert=report.alert,
        window=None if report.window is None else _window(report.window, found),
        changes=map(_change, report.changes),
        state=report.state,
    )


def _window(window: WindowEnd, found: Watched) -> monitoring_pb2.WindowDrift:
    verdict, settings = window.verdict, found.plan.settings
    return monitoring_pb2.WindowDrift(
        number=window.number,
        first_row=window.first_row,
        row_count=verdict.rows,
        drifted=verdict.drifted,
        **found_in(verdict, found.model, found.reference),
        alpha=found.plan.judging.alpha,
        delta=settings.delta,
        warnings=list(warnings_of(verdict, settings.columns)),
    )


def _change(change: Change) -> monitoring_pb2.Change:
    return monitoring_pb2.Change(
        column=change.column,
        direction=_DIRECTIONS[change.direction],
        row=change.row,
        since_row=change.since_row,
        statistic=change.statistic,
        limit=change.limit,
    )


def _warnings(found: Watched) -> Iterator[str]:
    if found.windows_are_large:
        yield CAUTIONS[Caution.LARGE_WINDOW]
    yield from found.reference.manifest.warnings
