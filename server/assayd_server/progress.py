"""How far a long piece of work has come."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

LINE_SECONDS = 30.0
"""Between two lines in a log."""
_WIDTH = 78


class Progress:
    """Rows done, their rate and the time left: a line that counts up on a terminal, else one now and then."""

    def __init__(
        self, what: str, total: int | None, *, done: int = 0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """The time begins to run.

        Args:
            what: such as "rows embedded".
            total: all of them; None where nobody knows.
            done: those of an earlier run.
            clock: gives seconds.
        """
        self._what, self._total = what, total
        self._earlier = self._done = done
        self._clock = clock
        self._began = self._written = clock()

    def advance(self, count: int) -> None:
        """So many more are done."""
        self._done += count
        if sys.stdout.isatty():
            _show(f"  {self._text()}")
        elif self._clock() - self._written >= LINE_SECONDS:
            sys.stderr.write(f"assayd: {self._text()}\n")
            sys.stderr.flush()
            self._written = self._clock()

    def close(self) -> None:
        """Wipe the line."""
        if sys.stdout.isatty():
            _show("")
            sys.stdout.write("\r")

    def _text(self) -> str:
        of_all = "" if self._total is None else f" of {self._total:,}"
        rate = (self._done - self._earlier) / max(self._clock() - self._began, 1e-3)
        left = f", {_duration((self._total - self._done) / rate)} left" if self._total is not None and rate else ""
        return f"{self._done:,}{of_all} {self._what}, {rate:,.0f}/s{left}"


@contextmanager
def shown(what: str) -> Iterator[None]:
    """A line on a terminal while something is done whose end nobody can foresee."""
    if sys.stdout.isatty():
        _show(f"  {what} ...")
    try:
        yield
    finally:
        _wipe()


def _wipe() -> None:
    if sys.stdout.isatty():
        _show("")
        sys.stdout.write("\r")


def _show(text: str) -> None:
    sys.stdout.write(f"\r{text:<{_WIDTH}}")
    sys.stdout.flush()


def _duration(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60} min"
