"""How far a long job has come: a bar where stderr is a terminal, else a line now and then; nothing on stdout."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as RichProgress

LINE_SECONDS = 10.0
"""Between two lines."""


class Progress(Protocol):
    """Is told what is done."""

    def advance(self, rows: int) -> None:
        """So many more rows are done."""
        ...


@contextmanager
def shown(*, total: int | None, done: int, quiet: bool) -> Iterator[Progress]:
    """Show the progress of a job while it runs.

    Args:
        total: all of its rows; None where nobody knows.
        done: the rows of an earlier run.
        quiet: show nothing.
    """
    if quiet:
        yield Silence()
    elif sys.stderr.isatty():
        with Bar(Console(stderr=True), total=total, done=done) as bar:
            yield bar
    else:
        yield Lines(total=total, done=done)


class Silence:
    """Shows nothing."""

    def advance(self, rows: int) -> None:
        """Nobody wants to know."""


class Bar:
    """A bar by rich: rows done, rows a second, time left."""

    def __init__(self, console: Console, *, total: int | None, done: int) -> None:
        """Shown from the entry on."""
        columns = (BarColumn(), TextColumn("{task.fields[rows]}"), TimeRemainingColumn(compact=True))
        self._progress = RichProgress(*columns, console=console, transient=True)
        self._task = self._progress.add_task("", total=total, completed=done, rows="")
        self._pace = Pace(total=total, done=done)

    def advance(self, rows: int) -> None:
        """So many more rows are done."""
        self._pace.advance(rows)
        self._progress.update(self._task, advance=rows, rows=self._pace.rows)

    def __enter__(self) -> "Bar":
        """Draw the bar."""
        self._progress.start()
        return self

    def __exit__(self, *error: Any) -> None:
        """Wipe the bar."""
        self._progress.stop()


class Lines:
    """A line on stderr when the last one is some seconds ago."""

    def __init__(self, *, total: int | None, done: int, clock: Callable[[], float] = time.monotonic) -> None:
        """Nothing is written yet."""
        self._pace = Pace(total=total, done=done, clock=clock)
        self._clock = clock
        self._written = clock()

    def advance(self, rows: int) -> None:
        """So many more rows are done."""
        self._pace.advance(rows)
        if self._clock() - self._written >= LINE_SECONDS:
            print(f"assayctl: {self._pace.rows}{self._pace.left}", file=sys.stderr, flush=True)
            self._written = self._clock()


class Pace:
    """Counts rows, and says how fast they come."""

    def __init__(self, *, total: int | None, done: int, clock: Callable[[], float] = time.monotonic) -> None:
        """The time begins to run."""
        self._total = total
        self._done = done
        self._new = 0
        self._clock = clock
        self._began = clock()

    def advance(self, rows: int) -> None:
        """So many more rows are done."""
        self._new += rows

    @property
    def rows(self) -> str:
        """Such as "81,920 of 5,000,000 rows, 40,000 rows/s"."""
        of_all = "" if self._total is None else f" of {self._total:,}"
        return f"{self._done + self._new:,}{of_all} rows, {self._rate:,.0f} rows/s"

    @property
    def left(self) -> str:
        """Such as ", 120 s left"; empty where nobody knows."""
        if self._total is None or not self._rate:
            return ""
        return f", {(self._total - self._done - self._new) / self._rate:,.0f} s left"

    @property
    def _rate(self) -> float:
        return self._new / max(self._clock() - self._began, 1e-3)
