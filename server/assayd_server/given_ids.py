"""Ids that the rows of a pool are to have: whole numbers or text, looked through some rows at a time."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assayd_server.errors import ArtefactError
from assayd_server.id_order import ID_BYTES_MAX, first_odd_text
from assayd_server.mapped import mapped

_ROWS_AT_ONCE = 1 << 16
_KINDS = "due are whole numbers, all within int64, or text"


@dataclass(frozen=True, slots=True)
class GivenIds:
    """n ids, and where they are from."""

    source: str
    """As errors name it."""
    blocks: Callable[[], Iterator[NDArray[Any]]]
    """Gives all of them, each time anew: int64, or bytes in UTF-8 of any width."""


def ids_in(path: Path) -> GivenIds:
    """The ids in a .npy file of whole numbers, text, or bytes in UTF-8.

    Raises:
        ArtefactError: it cannot be read, or holds anything else.
    """
    values = mapped(path)
    if values.ndim != 1 or values.dtype.kind not in "iuSU":
        raise ArtefactError(
            f"{path}: is {values.dtype} of shape {list(values.shape)}, due is a whole number or text a row"
        )

    def blocks() -> Iterator[NDArray[Any]]:
        for start in range(0, len(values), _ROWS_AT_ONCE):
            yield as_ids(values[start : start + _ROWS_AT_ONCE], source=str(path), start=start)

    return GivenIds(str(path), blocks)


def row_numbers(row_count: int) -> GivenIds:
    """The ids of rows that were given none."""

    def blocks() -> Iterator[NDArray[Any]]:
        for start in range(0, row_count, _ROWS_AT_ONCE):
            yield np.arange(start, min(start + _ROWS_AT_ONCE, row_count), dtype="<i8")

    return GivenIds("the row numbers", blocks)


def as_ids(values: NDArray[Any], *, source: str, start: int) -> NDArray[Any]:
    """Some ids as int64 or bytes.

    Args:
        values: (m,) whole numbers, text, bytes, or an object array of str.
        source: as errors name it.
        start: the row that they begin at.

    Raises:
        ArtefactError: one of them cannot be an id.
    """
    if values.ndim != 1:
        raise ArtefactError(f"{source}: the ids are lists, {_KINDS}")
    if values.dtype.kind in "iu":
        if values.dtype.kind == "u" and values.max(initial=0) > np.iinfo(np.int64).max:
            row = start + int(values.argmax())
            raise ArtefactError(
                f"{source}: row {row}: the id {values.max()} is beyond int64, the largest integer type"
            )
        return values.astype("<i8")
    if values.dtype.kind == "S":
        return _checked(values, source=source, start=start)
    if values.dtype.kind not in "UO":
        raise ArtefactError(f"{source}: the ids are of type {values.dtype}, {_KINDS}")
    texts = [_encoded(text, f"{source}: row {start + row}") for row, text in enumerate(values.tolist())]
    return _checked(np.array(texts, np.bytes_), source=source, start=start)


def _encoded(text: object, where: str) -> bytes:
    if not isinstance(text, str):
        raise ArtefactError(f"{where}: the id is of type {type(text).__name__}, {_KINDS}")
    try:
        encoded = text.encode()
    except UnicodeEncodeError:
        raise ArtefactError(f"{where}: the id is not UTF-8") from None
    if encoded.endswith(b"\0"):  # NumPy would cut it off
        raise ArtefactError(f"{where}: the id holds a NUL")
    return encoded


def _checked(ids: NDArray[np.bytes_], *, source: str, start: int) -> NDArray[np.bytes_]:
    """Of the width that the longest takes."""
    odd = first_odd_text(ids) if ids.dtype.itemsize else (0, "is empty")
    if odd is not None:
        raise ArtefactError(f"{source}: row {start + odd[0]}: the id {odd[1]}")
    lengths = np.char.str_len(ids)
    width = int(lengths.max())
    if width > ID_BYTES_MAX:
        row = start + int(lengths.argmax())
        raise ArtefactError(f"{source}: row {row}: the id has {width} bytes, allowed are {ID_BYTES_MAX}")
    return ids.astype(f"S{width}")
