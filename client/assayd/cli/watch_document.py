"""A report on a stream as plain JSON values."""

from typing import Any

from assayd import Change, WatchReport, WindowDrift
from assayd.cli.drift_document import document as window_document
from assayd.cli.drift_document import number


def document(report: WatchReport) -> dict[str, Any]:
    """All that a report says but its state."""
    return {
        "alert": report.alert,
        "text": str(report),
        "rows_seen": report.rows_seen,
        "window": None if report.window is None else _window(report.window),
        "changes": [_change(change) for change in report.changes],
        "window_rows": report.window_rows,
        "expected_run_rows": report.expected_run_rows,
        "warnings": list(report.warnings),
        "reference_digest": report.reference_digest,
        "model": {"name": report.model.name, "version": report.model.version, "digest": report.model.digest},
    }


def _window(window: WindowDrift) -> dict[str, Any]:
    found = window_document(window)
    shared = {"sampled_from", "reference_digest", "model"}
    place = {"number": window.number, "first_row": window.first_row}
    return {**place, **{name: value for name, value in found.items() if name not in shared}}


def _change(change: Change) -> dict[str, Any]:
    return {
        "column": change.column,
        "direction": change.direction,
        "row": change.row,
        "since_row": change.since_row,
        "statistic": number(change.statistic),
        "limit": number(change.limit),
    }
