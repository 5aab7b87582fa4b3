"""What watching a stream found, as lines for people."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from assayd.drift_table import listed

if TYPE_CHECKING:
    from assayd.watch_report import Change, WatchReport, WindowDrift

CHANGES_SHOWN_MAX = 3

_MOVED = {"up": "has risen", "down": "has fallen"}


def line_of(report: "WatchReport") -> str:
    """What a report says, such as "alert after 3,000 rows: window 2 (rows 2,000 to 2,999) has drifted: ..."."""
    findings = [*_of_window(report.window), *_of_changes(report.changes)]
    said = "; ".join(findings) or "nothing new"
    return f"{'alert after' if report.alert else 'after'} {report.rows_seen:,} rows: {said}"


def place_of(window: "WindowDrift") -> str:
    """Which rows of the stream a window has."""
    last_row = window.first_row + window.row_count - 1
    return f"window {window.number:,} (rows {window.first_row:,} to {last_row:,})"


def change_text(change: "Change") -> str:
    """Such as "entropy has risen since about row 2,140 (7.42 at row 2,412, limit 6.9)"."""
    moved = _MOVED.get(change.direction, "has changed")
    numbers = f"{change.statistic:.3g} at row {change.row:,}, limit {change.limit:.3g}"
    return f"{change.column} {moved} since about row {change.since_row:,} ({numbers})"


def _of_window(window: "WindowDrift | None") -> Sequence[str]:
    if window is None:
        return ()
    if not window.drifted:
        return [f"{place_of(window)}: no drift in {len(window.columns)} columns"]
    drifted = [f"{each.name} ({each.test} {each.effect:.3g})" for each in window.columns if each.drifted]
    return [f"{place_of(window)} has drifted: {listed(drifted)}"]


def _of_changes(changes: "Sequence[Change]") -> Sequence[str]:
    more = len(changes) - CHANGES_SHOWN_MAX
    return [*map(str, changes[:CHANGES_SHOWN_MAX]), *([f"and {more} more changes"] if more > 0 else [])]
