"""Embeddings on disk while there are more to come: whole batches of them, which a later run goes on from."""

import os
import time
from contextlib import suppress
from pathlib import Path

import numpy as np

from assayd_server.bundle_writing import put
from assayd_server.core.arrays import Floats
from assayd_server.errors import ArtefactError

FLUSH_SECONDS = 2.0
"""The most that a killed run does again."""
_VECTORS = "embedded.f32"
_COUNT = "embedded_rows"
EMBEDDED = (_VECTORS, _COUNT)
"""The files."""


class EmbeddedRows:
    """float32 rows in a file of a folder; how many of them are on the disk for sure lies beside it."""

    def __init__(self, folder: Path, width: int) -> None:
        """Open what is there; what was written after it was last made sure of is cut off.

        Raises:
            ArtefactError: it cannot be opened.
        """
        self._path, self._count_path = folder / _VECTORS, folder / _COUNT
        self._width = width
        self.rows_done = embedded_count(folder)
        self._flushed = -FLUSH_SECONDS
        size = self.rows_done * width * 4
        if size and (not self._path.is_file() or self._path.stat().st_size < size):
            raise ArtefactError(f"{self._path}: is shorter than it was, --restart begins anew")
        try:
            self._file = self._path.open("ab")
            self._file.truncate(size)
        except OSError as error:
            raise self._unwritable(error) from None

    def add(self, rows: Floats) -> None:
        """The next rows, of float32 or float64. They are kept for sure once they were flushed.

        Raises:
            ArtefactError: they cannot be written.
        """
        with np.errstate(over="ignore"):  # an infinity is found when the pool is made
            block = np.ascontiguousarray(rows, "<f4")
        try:
            self._file.write(block.data)
        except OSError as error:
            raise self._unwritable(error) from None
        self.rows_done += len(rows)
        if time.monotonic() - self._flushed >= FLUSH_SECONDS:
            self.flush()

    def flush(self) -> None:
        """Make sure of all rows that were added.

        Raises:
            ArtefactError: they cannot be written.
        """
        try:
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            raise self._unwritable(error) from None
        put(self._count_path, str(self.rows_done).encode())
        self._flushed = time.monotonic()

    def close(self) -> None:
        """No more will come."""
        with suppress(OSError):  # of what could not be flushed before
            self._file.close()

    def vectors(self) -> Floats:
        """(n, d) float32, mapped from the file; n is at least 1."""
        return np.memmap(self._path, "<f4", "r", shape=(self.rows_done, self._width)).view(np.ndarray)

    def _unwritable(self, error: OSError) -> ArtefactError:
        return ArtefactError(f"{self._path}: cannot be written: {error.strerror}")


def embedded_count(folder: Path) -> int:
    """How many rows are kept for sure in a folder; 0 where there is nothing."""
    try:
        return int((folder / _COUNT).read_text())
    except (OSError, ValueError):
        return 0
