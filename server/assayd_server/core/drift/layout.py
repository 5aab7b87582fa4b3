"""What a reference freezes: which columns there are, their bins, and how embeddings become numbers."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assayd_server.core.arrays import Floats
from assayd_server.core.drift.bins import Bins, Values
from assayd_server.core.drift.fourier import FourierFeatures
from assayd_server.core.drift.moments import moments
from assayd_server.core.drift.reduction import Reduction
from assayd_server.core.drift.window import WindowState


class Role(StrEnum):
    """What a column is for."""

    DECIDES = "decides"
    """Its test can raise the alarm."""

    CLASS_PROBABILITY = "class_probability"
    """The probability of one class: tested together with those of the others, which informs."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a reference."""

    name: str
    bins: Bins
    role: Role = Role.DECIDES


@dataclass(frozen=True, slots=True, eq=False)
class Embedding:
    """How the embeddings of rows are counted."""

    reduction: Reduction
    features: FourierFeatures

    def reduced(self, embeddings: Floats | None) -> Floats:
        """The coordinates of (n, d) embeddings, of none where there are none."""
        return np.empty((0, self.reduction.width)) if embeddings is None else self.reduction.reduce(embeddings)


EMBEDDING = "embedding"
"""The name under which the embedding as a whole is judged, beside the columns."""

COMPONENT_COLUMNS = 8
"""So many principal components of the embedding are columns; all of them count for the embedding as a whole."""


def component_values(reduction: Reduction, reduced: Floats) -> dict[str, Floats]:
    """The columns component_1, component_2 and so on, of embeddings that it has reduced, (n, width)."""
    return {f"component_{place + 1}": reduced[:, place] for place in range(component_columns(reduction))}


def component_columns(reduction: Reduction) -> int:
    """How many components are columns."""
    return min(COMPONENT_COLUMNS, reduction.component_count)


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """The columns in their order, and the embedding where there is one.

    Raises:
        ValueError: two columns have the same name, or one has that of the embedding.
    """

    columns: tuple[Column, ...]
    embedding: Embedding | None

    def __post_init__(self) -> None:
        """Refuse names that stand for two things."""
        names = Counter([EMBEDDING, *(column.name for column in self.columns)])
        twice = [name for name, count in names.items() if count > 1]
        if twice:
            raise ValueError(f"{twice[0]!r} is the name of two columns of the reference")

    def count(self, row_count: int, values: Mapping[str, Values], embeddings: Floats | None = None) -> WindowState:
        """The state of some rows.

        Args:
            row_count: n, from 0 to WINDOW_ROWS_MAX.
            values: (n,) for each column by its name. What the reference does not have is left out, and a column
                that is not given is not counted. Components of the embedding come from it, and need not be given.
            embeddings: (n, d), where the rows have any, or as many of them do. Left out if the reference has none.

        Raises:
            ValueError: a column has strings for numbers, or the other way round.
        """
        features, sums, given = _NOTHING, moments(np.empty((0, 0))), dict(values)
        if self.embedding:
            reduced = self.embedding.reduced(embeddings)
            features, sums = self.embedding.features.sums(reduced), moments(reduced)
            if embeddings is not None:
                given |= component_values(self.embedding.reduction, reduced)
        counts = [_counts(column.bins, given.get(column.name)) for column in self.columns]
        embedding_rows = 0 if embeddings is None or not self.embedding else len(embeddings)
        return WindowState(row_count, np.concatenate([*counts, _NOTHING]), embedding_rows, features, sums)

    def split(self, counts: NDArray[np.int64]) -> list[NDArray[np.int64]]:
        """The counts of each column, from those of a state."""
        ends = np.cumsum([column.bins.count for column in self.columns])
        return np.split(counts, ends)[: len(self.columns)]

    def arrays(self) -> dict[str, NDArray[Any]]:
        """All that there is to it, as arrays that hold no objects."""
        names = [(column.name, column.role.value) for column in self.columns]
        parts = {f"columns/{place}": column.bins.arrays() for place, column in enumerate(self.columns)}
        if self.embedding:
            parts |= {
                "reduction": self.embedding.reduction.arrays(),
                "features": self.embedding.features.arrays(),
            }
        return {"columns": np.array(names, np.str_).reshape(-1, 2), **joined(parts)}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> "Layout":
        """The layout that gave these arrays.

        Raises:
            ValueError: they are not those of a layout; KeyError where one is not there.
        """
        columns = tuple(
            Column(str(name), Bins.from_arrays(part(arrays, f"columns/{place}")), Role(str(role)))
            for place, (name, role) in enumerate(arrays["columns"])
        )
        if "reduction/unit" not in arrays:
            return cls(columns, None)
        reduction = Reduction.from_arrays(part(arrays, "reduction"))
        features = FourierFeatures.from_arrays(part(arrays, "features"))
        if len(features.frequencies) != reduction.width:
            raise ValueError("the Fourier features are not of as many coordinates as the reduced embedding has")
        return cls(columns, Embedding(reduction, features))


_NOTHING = np.zeros(0, np.int64)


def _counts(bins: Bins, values: Values | None) -> NDArray[np.int64]:
    return np.zeros(bins.count, np.int64) if values is None else bins.counts(values)


def joined(parts: Mapping[str, Mapping[str, NDArray[Any]]]) -> dict[str, NDArray[Any]]:
    """The arrays of several things as those of one, by the names of thing and array with a slash between them."""
    return {f"{name}/{key}": array for name, arrays in parts.items() for key, array in arrays.items()}


def part(arrays: Mapping[str, NDArray[Any]], name: str) -> dict[str, NDArray[Any]]:
    """Of joined arrays, those of one thing."""
    return {key.removeprefix(f"{name}/"): array for key, array in arrays.items() if key.startswith(f"{name}/")}
