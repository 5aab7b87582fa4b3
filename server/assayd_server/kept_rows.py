"""Room for what forward passes gave: rows of many calls side by side, in memory that is used again and again.

To keep the arrays of the passes themselves would take their memory from the next passes, which then have to ask
the system for more: that costs a call more than to copy them.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from assayd_server.core.arrays import Floats
from assayd_server.core.drift.bins import Values
from assayd_server.servable import Forward

_PARTS = ("logits", "probabilities", "values", "embeddings")
"""Of a Forward; what is said of them is told anew, by the arithmetic that the reference was made with."""


class KeptRows:
    """Rows of one model, up to a number of them and of bytes."""

    def __init__(self, *, rows_max: int, bytes_max: int) -> None:
        """Empty."""
        self._rows_max = rows_max
        self._bytes_max = bytes_max
        self._arrays: dict[str, NDArray[np.floating]] = {}
        self._features: dict[str, list[Values]] = {}
        self._feature_bytes = 0
        self.row_count = 0
        """How many there are."""

    def add(self, row_count: int, forward: Forward, features: Mapping[str, Values]) -> bool:
        """Copy rows, or say that there is no room for them.

        Args:
            row_count: n, 1 or more.
            forward: what the model gave for them, with the same parts each time.
            features: (n,) each, of the same names each time; these are kept as they are.
        """
        given = {name: values for name in _PARTS if (values := getattr(forward, name)) is not None}
        feature_bytes = sum(values.nbytes for values in features.values())
        end = self.row_count + row_count
        if end > self._room(given) or self._feature_bytes + feature_bytes > self._bytes_max:
            return False
        for name, values in given.items():
            self._arrays[name][self.row_count : end] = values
        for name, values in features.items():
            self._features.setdefault(name, []).append(values)
        self.row_count, self._feature_bytes = end, self._feature_bytes + feature_bytes
        return True

    def taken(self) -> tuple[int, Forward, dict[str, Values]]:
        """All rows, as views that hold until they are cleared."""

        def of(name: str) -> Floats | None:
            return self._arrays[name][: self.row_count] if name in self._arrays else None

        features = {name: np.concatenate(parts) for name, parts in self._features.items()}
        forward = Forward(of("logits"), of("probabilities"), of("values"), of("embeddings"))
        return self.row_count, forward, features

    def clear(self) -> None:
        """Forget the rows, and keep the room."""
        self._features, self._feature_bytes, self.row_count = {}, 0, 0

    def _room(self, given: Mapping[str, Floats]) -> int:
        """For how many rows there is room, which is made for the first ones that come."""
        if not self._arrays:
            row_bytes = sum(values[:1].nbytes for values in given.values())
            room = min(self._rows_max, self._bytes_max // max(row_bytes, 1))
            self._arrays = {
                name: np.empty((room, *values.shape[1:]), values.dtype) for name, values in given.items()
            }
        return len(next(iter(self._arrays.values())))
