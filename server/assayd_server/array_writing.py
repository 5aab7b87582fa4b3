""".npy files that are written block by block, so that they may be larger than memory."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import DTypeLike, NDArray

from assayd_server.errors import ArtefactError


class ArrayFile:
    """A .npy file that blocks of rows are added to. A map of the file would end the process on a full disk."""

    def __init__(self, file: BinaryIO, dtype: np.dtype[Any]) -> None:
        self._file = file
        self._dtype = dtype

    def add(self, block: NDArray[Any]) -> None:
        """The next rows, of the file's own type."""
        assert block.dtype == self._dtype
        self._file.write(np.ascontiguousarray(block).data)


@contextmanager
def array_file(path: Path, *, dtype: DTypeLike, shape: tuple[int, ...]) -> Iterator[ArrayFile]:
    """Write a new .npy file; it is on the disk at the end.

    Args:
        path: where there is no file yet.
        dtype: little-endian.
        shape: of all rows; as many must be added.

    Raises:
        ArtefactError: it cannot be written.
    """
    kind = np.dtype(dtype)
    header = {"descr": np.lib.format.dtype_to_descr(kind), "fortran_order": False, "shape": shape}
    try:
        with path.open("xb") as file:
            np.lib.format.write_array_header_1_0(file, header)
            yield ArrayFile(file, kind)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise ArtefactError(f"{path}: cannot be written: {error.strerror}") from None


def write_array(path: Path, array: NDArray[Any]) -> None:
    """Write a new .npy file that memory holds.

    Raises:
        ArtefactError: it cannot be written.
    """
    with array_file(path, dtype=array.dtype, shape=array.shape) as file:
        file.add(array)
