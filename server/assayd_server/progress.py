"""How far a long piece of work has come."""

import sys


class Progress:
    """A line that counts up, on a terminal only."""

    def __init__(self, what: str, total: int) -> None:
        self._what = what
        self._total = total
        self._done = 0

    def advance(self, count: int) -> None:
        """So many more are done."""
        self._done += count
        self._write(f"\r  {self._done:,} of {self._total:,} {self._what}")

    def close(self) -> None:
        """Wipe the line."""
        self._write("\r" + " " * 60 + "\r")

    def _write(self, text: str) -> None:
        if sys.stdout.isatty():
            sys.stdout.write(text)
            sys.stdout.flush()
