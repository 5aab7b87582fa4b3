"""What the rows of a pool are called by those who ask."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from assayd_server.core.arrays import Booleans, Integers

_TEXT_BYTES_AT_ONCE = 1 << 24
"""However short a text is, it takes as much as the longest id of the pool while it is looked up."""


class PoolIds:
    """Ids and the rows that they are of. Nothing is copied of ids that are mapped from a file."""

    def __init__(self, count: int, *, ids: NDArray[Any] | None = None, order: Integers | None = None) -> None:
        """Take ids that were checked.

        Args:
            count: N.
            ids: (N,) int64, or bytes in UTF-8; none twice. None where they are 0 to N - 1.
            order: (N,) int64, the rows by ascending id; None where ids ascend.
        """
        self._count = count
        self._ids = ids
        self._order = order

    def __len__(self) -> int:
        """N."""
        return self._count

    @property
    def is_text(self) -> bool:
        """Whether they are text; else they are int64."""
        return self._ids is not None and self._ids.dtype.kind == "S"

    @property
    def bytes_max(self) -> int:
        """What an id takes on the wire at most: a text has its length before it."""
        return self._ids.dtype.itemsize + 4 if self._ids is not None and self.is_text else 8

    def rows_of(self, ids: NDArray[Any]) -> Integers:
        """The rows of some ids.

        Args:
            ids: (m,) int64, or an object array of str; of the type of the pool's own.

        Returns:
            (m,) int64; -1 for an id that the pool does not have.
        """
        if self._ids is None:
            return np.where((ids >= 0) & (ids < self._count), ids, -1).astype(np.int64)
        if self._ids.dtype.kind != "S":
            return self._found(self._ids, ids.astype(np.int64, copy=False))
        step = max(1, _TEXT_BYTES_AT_ONCE // self._ids.dtype.itemsize)
        found = [self._texts_found(self._ids, ids[start : start + step]) for start in range(0, len(ids), step)]
        return np.concatenate([np.empty(0, np.int64), *found])

    def of_rows(self, rows: Integers) -> NDArray[Any]:
        """The ids of some rows, each in [0, N): (m,) int64, or an object array of str."""
        if self._ids is None:
            return rows.astype(np.int64)
        taken = self._ids[rows]
        if taken.dtype.kind != "S":
            return taken.astype(np.int64)
        texts = np.empty(len(taken), object)
        texts[:] = [text.decode() for text in taken.tolist()]
        return texts

    def _texts_found(self, own: NDArray[Any], texts: NDArray[Any]) -> Integers:
        wanted, possible = _as_bytes(texts, own.dtype.itemsize)
        return np.where(possible, self._found(own, wanted), -1)

    def _found(self, own: NDArray[Any], wanted: NDArray[Any]) -> Integers:
        """Both of one type, or NumPy would convert all of the pool's."""
        places = np.minimum(np.searchsorted(own, wanted, sorter=self._order), self._count - 1)
        rows = places if self._order is None else self._order[places]
        return np.where(own[rows] == wanted, rows, -1)


def _as_bytes(texts: NDArray[Any], width: int) -> tuple[NDArray[np.bytes_], Booleans]:
    """Texts in UTF-8, of a width; and which of them can be ids: what is longer, or ends in NUL, would change."""
    encoded = [text.encode(errors="surrogatepass") for text in texts]  # half a character equals nothing in UTF-8
    possible = np.array([len(text) <= width and b"\0" not in text for text in encoded], np.bool_)
    return np.array(encoded, f"S{width}"), possible
