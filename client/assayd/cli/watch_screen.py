"""What is seen of a watch: a live table on a terminal, else a line for each finding; or JSON lines."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.live import Live

from assayd import WatchReport
from assayd.cli.printing import print_json_line, print_text
from assayd.cli.watch_document import document
from assayd.cli.watch_table import LiveTable
from assayd.cli.watch_tally import Tally


class Screen(Protocol):
    """Shows what is found."""

    def add(self, report: WatchReport) -> None:
        """The next report, which may have nothing to tell."""
        ...


@contextmanager
def shown(tally: Tally, columns: Sequence[str], *, as_json: bool, quiet: bool) -> Iterator[Screen]:
    """Show what is found while it is, and at the end what it comes to.

    Args:
        tally: has counted each report by the time that it is shown.
        columns: the names of those that are watched.
        as_json: JSON lines on stdout.
        quiet: show nothing.
    """
    console = Console()
    if quiet:
        yield Nothing()
    elif as_json:
        yield JsonLines()
    elif console.is_terminal and not console.is_dumb_terminal:
        with Board(console, LiveTable(columns, tally)) as board:
            yield board
    else:
        lines = TextLines()
        yield lines
        print_text(tally.line)


class Nothing:
    """Shows nothing."""

    def add(self, report: WatchReport) -> None:
        """The exit code will tell."""


class JsonLines:
    """A JSON document in a line for each report that has something to tell."""

    def add(self, report: WatchReport) -> None:
        """The next report."""
        if report.window or report.changes:
            print_json_line(document(report))


class TextLines:
    """A line for each report that has something to tell, at once."""

    def __init__(self) -> None:
        """Nothing was written."""
        self._warnings: tuple[str, ...] = ()

    def add(self, report: WatchReport) -> None:
        """The next report."""
        if report.warnings != self._warnings:
            self._warnings = report.warnings
            for warning in report.warnings:
                print_text(f"warning: {warning}")
        if report.window or report.changes:
            print_text(str(report))
            sys.stdout.flush()


class Board:
    """A table on a terminal that is drawn again and again."""

    def __init__(self, console: Console, table: LiveTable) -> None:
        """Shown from the entry on."""
        self._table = table
        self._live = Live(table.drawn(), console=console, refresh_per_second=4)

    def add(self, report: WatchReport) -> None:
        """The next report."""
        self._table.add(report)
        self._live.update(self._table.drawn())

    def __enter__(self) -> "Board":
        """Draw it."""
        self._live.start(refresh=True)
        return self

    def __exit__(self, *error: object) -> None:
        """Leave it as it is."""
        self._live.stop()
