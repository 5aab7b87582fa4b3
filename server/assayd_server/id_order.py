"""Ids that lie in a file: what is odd about them, found some rows at a time, so that memory stays small."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assayd_server.core.arrays import Integers

ID_BYTES_MAX = 1024
"""Of a text, in UTF-8."""

_ROWS_AT_ONCE = 1 << 18
_TEXT_BYTES_AT_ONCE = 1 << 22


def first_not_rising(ids: NDArray[Any], order: Integers | None) -> int | None:
    """The first place in an order whose id is not below the next one's; None where there is none.

    Args:
        ids: (n,) int64 or bytes.
        order: (n,) rows, each in [0, n); None for the rows as they come.
    """
    for start in range(0, len(ids) - 1, _ROWS_AT_ONCE):
        stop = start + _ROWS_AT_ONCE + 1
        part = ids[start:stop] if order is None else ids[order[start:stop]]
        falls = np.flatnonzero(part[:-1] >= part[1:])
        if falls.size:
            return start + int(falls[0])
    return None


def are_row_numbers(ids: Integers) -> bool:
    """Whether ids are 0, 1, 2 and so on."""
    starts = range(0, len(ids), _ROWS_AT_ONCE)
    return all(
        np.array_equal(part, np.arange(start, start + len(part)))
        for start, part in ((start, ids[start : start + _ROWS_AT_ONCE]) for start in starts)
    )


def first_odd_text(ids: NDArray[np.bytes_]) -> tuple[int, str] | None:
    """A row whose id cannot be one, and what is wrong with it; None where all are right.

    Args:
        ids: (n,) bytes, as NumPy keeps them: of one width, filled up with NUL.
    """
    for start, characters in _characters(ids):
        nul = characters == 0
        found = (
            ("is empty", nul[:, 0]),
            ("holds a NUL", (nul[:, :-1] & ~nul[:, 1:]).any(axis=1)),
        )
        for what, rows in found:
            if rows.any():
                return start + int(rows.argmax()), what
        if not _is_utf8(characters.tobytes()):
            row = next(row for row, text in enumerate(characters) if not _is_utf8(text.tobytes()))
            return start + row, "is not UTF-8"
    return None


def _characters(ids: NDArray[np.bytes_]) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """Blocks of ids as matrices of bytes, with a NUL at the end of each row."""
    width = ids.dtype.itemsize
    step = max(1, _TEXT_BYTES_AT_ONCE // width)
    for start in range(0, len(ids), step):
        block = np.ascontiguousarray(ids[start : start + step])
        characters = np.zeros((len(block), width + 1), np.uint8)
        characters[:, :-1] = block.view(np.uint8).reshape(len(block), width)
        yield start, characters


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True
