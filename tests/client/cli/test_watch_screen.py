"""What is seen of a watch: a table on a terminal, and lines elsewhere."""

import io
import json
import re
from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from assayd import WatchReport
from assayd.cli import watch_screen
from assayd.cli.progress import Pace
from assayd.cli.watch_screen import Board, shown
from assayd.cli.watch_table import ALERTS_SHOWN, HISTORY_WINDOWS, LiveTable
from assayd.cli.watch_tally import Tally
from assayd.v1 import monitoring_pb2
from assayd.watch_report import watched
from client.monitored import IDENTITY
from client.test_watching import reports_on, rows
from client.watched import Watcher, change, window_drift


def tally(total: int | None = None, rows_seen: int = 0) -> Tally:
    return Tally(Pace(total=total, done=rows_seen, clock=lambda: 0.0), rows_seen=rows_seen)


def line_after(reports: Iterable[WatchReport], counted: Tally) -> str:
    for report in reports:
        counted.add(report)
    return re.sub(r"[\d,]+ rows/s", "_ rows/s", counted.line)


def reports(*found: monitoring_pb2.WatchReport, warnings: Iterable[str] = ()) -> tuple[WatchReport, ...]:
    response = monitoring_pb2.WatchDriftResponse(
        model=IDENTITY, reference_digest="sha256:r", reports=found, window_rows=100, warnings=warnings
    )
    return watched(response).reports


def windows(count: int, *, drifted: Iterable[int] = ()) -> tuple[WatchReport, ...]:
    """A report for each window."""
    found = [window_drift(number, 100, drifted=number in set(drifted)) for number in range(count)]
    return reports(
        *(
            monitoring_pb2.WatchReport(rows_seen=100 * (window.number + 1), alert=window.drifted, window=window)
            for window in found
        )
    )


def test_what_was_found_is_counted() -> None:
    x = rows(450, drifted=slice(250, 260), changed=slice(410, 411))
    assert line_after(reports_on(Watcher(), [x[:330]], every_batch=True), tally(450)) == (
        "330 of 450 rows, _ rows/s, 3 windows, 1 alert; the next window has 30 of 100 rows"
    )
    assert line_after(reports_on(Watcher(), [x]), tally()).startswith("450 rows, _ rows/s, 4 windows, 2 alerts; ")


def test_where_a_window_has_just_ended_there_is_no_next_one() -> None:
    assert line_after(windows(1), tally()) == "100 rows, _ rows/s, 1 window, 0 alerts"
    assert line_after([], tally(70, rows_seen=20)) == "20 of 70 rows, _ rows/s, 0 windows, 0 alerts"


def test_rows_of_an_earlier_run_are_not_counted_again() -> None:
    counted = tally(rows_seen=30)
    assert line_after(windows(1), counted) == "100 rows, _ rows/s, 1 window, 0 alerts"
    assert counted.rows_seen == 100


def drawn(found: Iterable[WatchReport], *, width: int = 160, columns: Iterable[str] = ()) -> list[str]:
    """The lines of the table."""
    counted = tally()
    table = LiveTable(list(columns), counted)
    for report in found:
        counted.add(report)
        table.add(report)
    output = io.StringIO()
    Console(file=output, width=width).print(table.drawn())
    return [line.rstrip() for line in output.getvalue().splitlines()]


def test_each_column_has_its_last_window_and_a_block_for_those_before() -> None:
    lines = drawn(windows(3, drifted=[1]), columns=["embedding", "class", "entropy", "unused"])
    assert lines[0].startswith("m version 3, 300 rows, ")
    assert [line.split() for line in lines[2:6]] == [
        ["column", "test", "effect", "needed", "p", "(Holm)", "last", "30", "windows", "changes"],
        ["embedding", "mmd", "0.002", "0.01", "0.8", "▂▂▂", "-"],
        ["class", "chi_squared", "0.01", "0.1", "0.8", "▁▁▁", "-"],
        ["entropy", "psi", "0.5", "0.1", "3e-09", "█", "-"],
    ]
    assert lines[7] == "alert after 200 rows: window 1 (rows 100 to 199) has drifted: entropy (psi 0.5)"


def test_changes_are_counted() -> None:
    moved = monitoring_pb2.WatchReport(rows_seen=30, alert=True, changes=[change(20), change(25)])
    assert drawn(reports(moved))[3].split() == ["entropy", "2"]


def test_long_lines_are_cut_and_old_alerts_and_windows_go() -> None:
    lines = drawn(windows(HISTORY_WINDOWS + 5, drifted=range(HISTORY_WINDOWS + 5)), width=90)
    assert max(map(len, lines)) <= 90
    assert sum(line.startswith("alert after") for line in lines) == ALERTS_SHOWN
    assert lines[-1].startswith("alert after 3,500 rows")
    assert lines[3].count("█") == HISTORY_WINDOWS


def test_warnings_are_below() -> None:
    healthy = monitoring_pb2.WatchReport(rows_seen=100, window=window_drift(0, 100, drifted=False))
    assert drawn(reports(healthy, warnings=["large"]))[-1] == "warning: large"


@pytest.mark.parametrize(
    ("effect", "effect_min", "block"),
    [
        (0, 0.1, "▁"),
        (0.1, 0.1, "▅"),
        (0.2, 0.1, "█"),
        (9, 0.1, "█"),
        (np.inf, 0.1, "█"),
        (np.nan, 0.1, "?"),
        (1, 0, "?"),
    ],
)
def test_the_height_of_a_block_is_the_effect_beside_what_is_needed(
    effect: float, effect_min: float, block: str
) -> None:
    window = window_drift(0, 100, drifted=False)
    window.columns[0].deciding.effect, window.columns[0].effect_min = effect, effect_min
    line = drawn(reports(monitoring_pb2.WatchReport(rows_seen=100, window=window)))[3]
    assert line.split()[-2] == block


def test_a_board_is_drawn_again_and_left_as_it_is_at_the_end() -> None:
    output = io.StringIO()
    counted = tally()
    board = Board(Console(file=output, force_terminal=True, width=100, height=40), LiveTable([], counted))
    with board:
        for report in windows(2, drifted=[1]):
            counted.add(report)
            board.add(report)
    assert "alert after 200 rows" in output.getvalue()
    assert output.getvalue().rstrip("\n").count("\n") > 4


def printed(capsys: pytest.CaptureFixture[str], found: Iterable[WatchReport], **look: Any) -> list[str]:
    counted = tally()
    with shown(counted, [], **{"as_json": False, "quiet": False} | look) as screen:
        for report in found:
            counted.add(report)
            screen.add(report)
    return capsys.readouterr().out.splitlines()


def test_a_terminal_gets_a_board(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch_screen, "Console", lambda: Console(force_terminal=True, width=100, _environ={}))
    assert "\x1b[" in "\n".join(printed(capsys, windows(2)))


def test_what_is_no_terminal_gets_a_line_for_each_finding(capsys: pytest.CaptureFixture[str]) -> None:
    x = rows(230, drifted=slice(150, 160))
    lines = printed(capsys, reports_on(Watcher(), np.split(x, 23), every_batch=True))
    assert lines[:-1] == [
        "after 100 rows: window 0 (rows 0 to 99): no drift in 2 columns",
        "alert after 200 rows: window 1 (rows 100 to 199) has drifted: entropy (psi 0.5)",
    ]
    assert lines[-1].endswith("2 windows, 1 alert; the next window has 30 of 100 rows")


def test_warnings_are_told_once(capsys: pytest.CaptureFixture[str]) -> None:
    healthy = monitoring_pb2.WatchReport(rows_seen=100, window=window_drift(0, 100, drifted=False))
    lines = printed(capsys, [*reports(healthy, warnings=["large"]) * 2])
    assert lines.count("warning: large") == 1
    assert lines[0] == "warning: large"


def test_a_report_with_nothing_to_tell_is_no_json(capsys: pytest.CaptureFixture[str]) -> None:
    lines = printed(capsys, reports_on(Watcher(), np.split(rows(230), 23), every_batch=True), as_json=True)
    assert [json.loads(line)["rows_seen"] for line in lines] == [100, 200]


def test_quiet_is_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(capsys, windows(2, drifted=[1]), quiet=True) == []
