"""What is kept of a window of rows: counts and sums of integers, which add up over parts, replicas and time."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assayd_server.core.drift.moments import Moments

WINDOW_ROWS_MAX = 1 << 29
"""So many rows can be added up without an overflow."""


@dataclass(frozen=True, slots=True, eq=False)
class WindowState:
    """Sums over rows, in the layout of one reference. That of a whole is the sum of those of its parts."""

    rows: int
    """How many there are."""

    counts: NDArray[np.int64]
    """(bins of all columns,): the rows in each bin, one column after the other. Rows that come without a column
    are in none of its bins, nor in the missing one."""

    embedding_rows: int
    """How many rows came with an embedding, finite or not."""

    features: NDArray[np.int64]
    """(2D,): the sum of their Fourier features; (0,) where the reference has no embedding."""

    moments: Moments
    """Sums of the reduced embeddings that are finite."""

    def __add__(self, other: "WindowState") -> "WindowState":
        """The state of all rows of both, in any order.

        Raises:
            ValueError: they are in the layouts of different references, or there are too many rows.
        """
        if [array.shape for array in self._sums()] != [array.shape for array in other._sums()]:
            raise ValueError("windows of different references cannot be added")
        if self.rows + other.rows > WINDOW_ROWS_MAX:
            raise ValueError(f"a window of {self.rows + other.rows} rows is larger than {WINDOW_ROWS_MAX}")
        counts, features, sums, products = (
            one + another for one, another in zip(self._sums(), other._sums(), strict=True)
        )
        moments = Moments(self.moments.rows + other.moments.rows, sums, products)
        embedding_rows = self.embedding_rows + other.embedding_rows
        return WindowState(self.rows + other.rows, counts, embedding_rows, features, moments)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """All that there is to it, as arrays of int64."""
        rows = np.array([self.rows, self.embedding_rows, self.moments.rows])
        return dict(zip(_NAMES, (rows, *self._sums()), strict=True))

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> "WindowState":
        """The state that gave these arrays.

        Raises:
            ValueError: their types or shapes are not those of a state; KeyError where one is not there.
        """
        rows, counts, features, sums, products = (arrays[name] for name in _NAMES)
        shapes = rows.shape == (3,) and counts.ndim == features.ndim == sums.ndim == 1
        whole = all(arrays[name].dtype == np.int64 for name in _NAMES)
        if not (shapes and whole and products.shape == sums.shape * 2):
            raise ValueError("the arrays are not those of a window")
        own, of_embedding, known = rows.tolist()
        return cls(own, counts, of_embedding, features, Moments(known, sums, products))

    def _sums(self) -> tuple[NDArray[np.int64], ...]:
        return self.counts, self.features, self.moments.sums, self.moments.products


_NAMES = ("rows", "counts", "features", "sums", "products")
