"""Cuts batches into pieces that fit a message and that the server takes."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from assayd.rows import Rows, rows_fitting


@dataclass(frozen=True, slots=True)
class Piece:
    """Rows of one call."""

    rows: Rows
    offset: int
    """The position of its first row, of all that were taken."""
    last: bool
    """Whether its batch ends here."""
    cutter: "Cutter"
    """What cut it, and will cut the rest of its batch."""


class Cutter:
    """Cuts one batch, as it is known by then how many rows a piece may have."""

    def __init__(self, rows: Rows, rows_max: Callable[[], int], bytes_max: int, *, offset: int = 0) -> None:
        """Nothing is cut yet.

        Args:
            rows: the batch.
            rows_max: the most rows of any piece, asked anew for each.
            bytes_max: the most bytes of a piece.
            offset: the position of its first row, of all that were taken.

        Raises:
            InvalidArgumentError: not even one row fits.
        """
        self._rows = rows
        self._rows_max = rows_max
        self._offset = offset
        self.fitting = rows_fitting(rows, bytes_max)
        """The most rows of a piece of this batch; may be lowered meanwhile."""

    def pieces(self) -> Iterator[Piece]:
        """Consecutive pieces; no rows at all are one empty piece."""
        start, last = 0, False
        while not last:
            stop = start + min(self.fitting, self._rows_max())
            last = stop >= self._rows.count
            yield Piece(self._rows.part(start, stop), self._offset + start, last, self)
            start = stop
