"""What watching a stream found, from a response: plain values, and text to print."""

import dataclasses

from assayd import Change, ColumnDrift, DriftReport, ModelIdentity
from assayd.v1 import monitoring_pb2
from assayd.watch_report import WatchReport, watched
from client.monitored import IDENTITY
from client.watched import change, window_drift


def reports(*found: monitoring_pb2.WatchReport) -> tuple[WatchReport, ...]:
    response = monitoring_pb2.WatchDriftResponse(
        model=IDENTITY,
        reference_digest="sha256:r",
        reports=found,
        rows_seen=3120,
        state=b"now",
        window_rows=1000,
        expected_run_rows=1_000_000,
        warnings=["windows are large beside the reference"],
    )
    answer = watched(response)
    return (*answer.reports, answer.now)


DRIFTED = monitoring_pb2.WatchReport(
    rows_seen=3000,
    alert=True,
    window=window_drift(2, 1000, drifted=True),
    changes=[change(2140), change(2900, monitoring_pb2.CHANGE_DIRECTION_DOWN)],
    state=b"then",
)


def test_a_report_holds_plain_values() -> None:
    report, _ = reports(DRIFTED)
    assert dataclasses.replace(report, window=None) == WatchReport(
        rows_seen=3000,
        alert=True,
        window=None,
        changes=(
            Change("entropy", "up", 2140, 2135, 7.423, 6.9),
            Change("entropy", "down", 2900, 2895, 7.423, 6.9),
        ),
        state=b"then",
        window_rows=1000,
        expected_run_rows=1_000_000,
        warnings=("windows are large beside the reference",),
        reference_digest="sha256:r",
        model=ModelIdentity("m", 3, "sha256:m"),
    )


def test_a_window_is_a_drift_report_with_its_place() -> None:
    window = reports(DRIFTED)[0].window
    assert isinstance(window, DriftReport)
    assert (window.number, window.first_row, window.row_count, window.drifted) == (2, 2000, 1000, True)
    assert (window.alpha, window.delta, window.class_shares) == (0.0007, 0.1, {"ant": 0.25})
    assert (window.model.version, window.reference_digest, window.sampled_from) == (3, "sha256:r", None)
    assert isinstance(window.columns[0], ColumnDrift)


def test_where_a_stream_is_by_now_is_a_report_of_nothing() -> None:
    (now,) = reports()
    assert (now.rows_seen, now.alert, now.window, now.changes, now.state) == (3120, False, None, (), b"now")


def test_a_report_prints_as_a_line() -> None:
    healthy = monitoring_pb2.WatchReport(rows_seen=3000, window=window_drift(2, 1000, drifted=False))
    moved = monitoring_pb2.WatchReport(rows_seen=3050, alert=True, changes=[change(3010)])
    assert [str(report) for report in reports(DRIFTED, healthy, moved)] == [
        "alert after 3,000 rows: window 2 (rows 2,000 to 2,999) has drifted: entropy (psi 0.5); "
        "entropy has risen since about row 2,135 (7.42 at row 2,140, limit 6.9); "
        "entropy has fallen since about row 2,895 (7.42 at row 2,900, limit 6.9)",
        "after 3,000 rows: window 2 (rows 2,000 to 2,999): no drift in 2 columns",
        "alert after 3,050 rows: entropy has risen since about row 3,005 (7.42 at row 3,010, limit 6.9)",
        "after 3,120 rows: nothing new",
    ]


def test_a_window_prints_as_a_table() -> None:
    first, *rest = str(reports(DRIFTED)[0].window).splitlines()
    assert first == (
        "window 2 (rows 2,000 to 2,999): 1 of 3 columns have drifted: 1,000 rows against the reference of m "
        "version 3 (alpha 0.0007, delta 0.1)"
    )
    assert rest[1].startswith("column     test         effect  needed  p (Holm)  verdict")
    assert rest[-1] == "warning: the window is large beside the reference"


def test_of_many_drifted_columns_the_first_are_named() -> None:
    window = window_drift(0, 100, drifted=True)
    window.columns.extend([window.columns[0]] * 11)
    line = str(reports(monitoring_pb2.WatchReport(rows_seen=100, alert=True, window=window))[0])
    assert line.count("entropy (psi 0.5)") == 10
    assert line.endswith("entropy (psi 0.5) and 2 more")


def test_which_way_a_newer_server_means_is_unknown() -> None:
    (report, _) = reports(monitoring_pb2.WatchReport(rows_seen=9, alert=True, changes=[change(7, 99)]))
    assert report.changes[0].direction == "unknown"
    assert str(report.changes[0]) == "entropy has changed since about row 2 (7.42 at row 7, limit 6.9)"
