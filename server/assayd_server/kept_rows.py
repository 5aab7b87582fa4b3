"""Room for what forward passes gave: rows of many calls side by side, in memory that is used again and again.

To keep the arrays of the passes themselves would take their memory from the next passes, which then have to ask
the system for more: that costs a call more than to copy them.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assayd_server.core.drift.bins import Values

Arrays = Mapping[str, NDArray[Any]]
"""(n, ...) each, by name."""


class KeptRows:
    """Rows of one model, up to a number of them and of bytes."""

    def __init__(self, *, rows_max: int, bytes_max: int) -> None:
        """Empty."""
        self._rows_max = rows_max
        self._bytes_max = bytes_max
        self._arrays: dict[str, NDArray[Any]] = {}
        self._features: dict[str, list[Values]] = {}
        self._feature_bytes = 0
        self.row_count = 0
        """How many there are."""

    def add(self, row_count: int, arrays: Arrays, features: Mapping[str, Values]) -> bool:
        """Copy rows, or say that there is no room for them.

        Args:
            row_count: n, 1 or more.
            arrays: what there is of them, of the same names each time.
            features: (n,) each, of the same names each time; these are kept as they are.
        """
        feature_bytes = sum(values.nbytes for values in features.values())
        end = self.row_count + row_count
        if end > self._room(arrays) or self._feature_bytes + feature_bytes > self._bytes_max:
            return False
        for name, values in arrays.items():
            self._arrays[name][self.row_count : end] = values
        for name, values in features.items():
            self._features.setdefault(name, []).append(values)
        self.row_count, self._feature_bytes = end, self._feature_bytes + feature_bytes
        return True

    def taken(self) -> tuple[int, Arrays, dict[str, Values]]:
        """All rows, as views that hold until they are cleared."""
        features = {name: np.concatenate(parts) for name, parts in self._features.items()}
        return self.row_count, {name: values[: self.row_count] for name, values in self._arrays.items()}, features

    def clear(self) -> None:
        """Forget the rows, and keep the room."""
        self._features, self._feature_bytes, self.row_count = {}, 0, 0

    def _room(self, given: Arrays) -> int:
        """For how many rows there is room, which is made for the first ones that come."""
        if not self._arrays:
            row_bytes = sum(values[:1].nbytes for values in given.values())
            room = min(self._rows_max, self._bytes_max // max(row_bytes, 1))
            self._arrays = {
                name: np.empty((room, *values.shape[1:]), values.dtype) for name, values in given.items()
            }
        return len(next(iter(self._arrays.values())))
