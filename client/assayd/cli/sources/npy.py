"""Rows from .npy, some at a time."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from assayd.arrays import Array
from assayd.cli.exits import CommandError
from assayd.cli.sources.reading import Reading, bad_data

_KIND = "is not a .npy file of numbers, or was not written to its end"


class NpySource:
    """An array in NumPy's own format; its first axis is the rows. Nothing is unpickled."""

    columns: tuple[str, ...] = ()

    def __init__(self, path: Path) -> None:
        """Read the header.

        Raises:
            CommandError: it is not an array of rows.
        """
        self.path = path
        array = self._map()
        if array.ndim == 0:
            raise CommandError(f"{path}: holds a single number, rows need an array of at least one axis")
        self.row_count: int | None = len(array)
        self._row_bytes = array.dtype.itemsize * int(np.prod(array.shape[1:]))
        self.layout = f"{array.dtype.str} {list(array.shape)}"

    def row_bytes(self, columns: tuple[str, ...]) -> int:  # noqa: ARG002 there are none
        """As the type and the shape say."""
        return max(1, self._row_bytes)

    def batches(self, reading: Reading) -> Iterator[Array]:
        """The rows. Each batch is a map of its own: pages that were read once do not stay in memory."""
        count = len(self._map())
        for start in range(reading.start, count, reading.batch_rows):
            yield self._map()[start : start + reading.batch_rows]

    def no_rows(self, reading: Reading) -> Array:  # noqa: ARG002 there are no columns
        """Of the array's own type and shape."""
        return self._map()[:0]

    def _map(self) -> Array:
        with bad_data(self.path, _KIND):
            return np.lib.format.open_memmap(self.path, mode="r")
