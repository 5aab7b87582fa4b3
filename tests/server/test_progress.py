"""The line that says how far a long command has come."""

import io
import sys

import pytest

from assayd_server.progress import LINE_SECONDS, Progress, shown


class Clock:
    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def a_terminal(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """In the place of stdout."""
    terminal = io.StringIO()
    monkeypatch.setattr(terminal, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(sys, "stdout", terminal)
    return terminal


@pytest.mark.parametrize(
    ("total", "line"),
    [
        (5_000, "1,500 of 5,000 rows embedded, 50/s, 70 s left"),
        (50_000, "1,500 of 50,000 rows embedded, 50/s, 16 min left"),
        (5_000_000, "1,500 of 5,000,000 rows embedded, 50/s, 27 h 46 min left"),
        (None, "1,500 rows embedded, 50/s"),
    ],
)
def test_a_terminal_shows_rows_rate_and_time_left(
    monkeypatch: pytest.MonkeyPatch, total: int | None, line: str
) -> None:
    terminal = a_terminal(monkeypatch)
    clock = Clock()
    progress = Progress("rows embedded", total, done=1000, clock=clock)
    clock.seconds = 10.0
    progress.advance(500)
    assert terminal.getvalue().strip() == line
    progress.close()
    assert terminal.getvalue().rpartition(line)[2].replace("\r", "").isspace()


def test_a_log_gets_a_line_now_and_then(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    progress = Progress("rows embedded", 1000, clock=clock)
    for seconds in (1, LINE_SECONDS, LINE_SECONDS + 1, 2 * LINE_SECONDS):
        clock.seconds = seconds
        progress.advance(60)
    progress.close()
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.splitlines() == [
        "assayd: 120 of 1,000 rows embedded, 4/s, 4 min left",
        "assayd: 240 of 1,000 rows embedded, 4/s, 3 min left",
    ]


def test_nothing_done_has_no_rate_to_go_by(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = a_terminal(monkeypatch)
    Progress("rows embedded", 1000, clock=Clock()).advance(0)
    assert terminal.getvalue().strip() == "0 of 1,000 rows embedded, 0/s"


def test_what_takes_a_while_is_named_on_a_terminal_and_wiped(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = a_terminal(monkeypatch)
    with shown("building an index"):
        assert terminal.getvalue().strip() == "building an index ..."
    assert terminal.getvalue().rpartition("...")[2].replace("\r", "").isspace()


def test_what_takes_a_while_is_not_named_in_a_log(capsys: pytest.CaptureFixture[str]) -> None:
    with shown("building an index"):
        pass
    assert capsys.readouterr() == ("", "")
