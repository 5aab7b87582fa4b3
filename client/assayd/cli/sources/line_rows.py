"""Rows from lines, as they come."""

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from assayd.cli.exits import CommandError
from assayd.cli.sources.line_formats import format_of
from assayd.cli.sources.lines import Lines
from assayd.cli.sources.reading import Batch, Reading, bad_data

_NUMBER_BYTES = 8
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class LineRows:
    """A row a line, of the format that the first line tells. Blank lines are left out."""

    row_count: int | None = None
    layout = "lines"

    def __init__(self, lines: Lines) -> None:
        """Wait for the first line.

        Raises:
            CommandError: there is none, or it is neither JSON nor names of columns.
        """
        self.path = Path(lines.name)
        self._lines = lines
        first = self._first()
        with self._bad_lines(1):
            self._format = format_of(first)
        self.columns = self._format.columns
        self._bytes = len(first)

    def row_bytes(self, columns: tuple[str, ...]) -> int:
        """As many numbers as there are columns; of arrays, what the text of the first one takes."""
        return _NUMBER_BYTES * len(columns) or self._bytes

    def batches(self, reading: Reading) -> Iterator[Batch]:
        """The rows that have come by then, at least one."""
        if self._format.begins:
            with self._bad_lines(1):
                yield self._format.batch(self._format.begins, reading)
        while lines := self._lines.take(reading.batch_rows):
            if rows := [line.rstrip(b"\r") for line in lines if line.strip()]:
                with self._bad_lines(len(lines)):
                    batch = self._format.batch(rows, reading)
                yield batch

    def _first(self) -> bytes:
        while lines := self._lines.take(1):
            if first := lines[0].removeprefix(_BYTE_ORDER_MARK).strip():
                return first
        raise CommandError(f"{self.path}: holds no rows")

    @contextmanager
    def _bad_lines(self, count: int) -> Iterator[None]:
        """Say which of the lines that were taken last are wrong."""
        last = self._lines.taken
        which = f"line {last}" if count == 1 else f"lines {last - count + 1} to {last}"
        with bad_data(self.path, f"{which} cannot be read"):
            try:
                yield
            except (TypeError, OverflowError, csv.Error) as error:  # of values that no column or number can hold
                raise ValueError(error) from None
