"""The rows of a request, decoded and counted, before any model has seen them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from assayd_server.core.arrays import Floats, Integers
from assayd_server.stored_vectors import StoredVectors


@dataclass(frozen=True, slots=True)
class NamedArray:
    """An array for one input of a model; an empty name means the only input."""

    name: str
    values: NDArray[Any]


@dataclass(frozen=True, slots=True)
class Inputs:
    """Rows for the model itself."""

    tensors: tuple[NamedArray, ...]
    count: int


@dataclass(frozen=True, slots=True)
class _Matrix:
    values: Floats

    @property
    def count(self) -> int:
        """n."""
        return len(self.values)


class Logits(_Matrix):
    """Rows of class scores, (n, c)."""


class Probabilities(_Matrix):
    """Rows of class probabilities, (n, c)."""


class Embeddings(_Matrix):
    """Rows of an embedding, (n, d)."""


@dataclass(frozen=True, slots=True)
class Committee:
    """What m members say of each row."""

    kind: Literal["logits", "probabilities", "values"]
    values: Floats
    """(m, n, c)"""

    @property
    def count(self) -> int:
        """n."""
        return self.values.shape[1]


@dataclass(frozen=True, slots=True)
class PoolIds:
    """Rows of the pool beside a model, by their ids."""

    ids: NDArray[Any]
    """(n,) int64, or text."""

    @property
    def count(self) -> int:
        """n."""
        return len(self.ids)


@dataclass(frozen=True, slots=True)
class PoolRows:
    """Rows of a pool, which lie on disk until they are needed."""

    stored: StoredVectors
    rows: Integers
    """(n,)"""

    @property
    def values(self) -> Floats:
        """(n, d), the embeddings."""
        return self.stored.original(self.rows)

    @property
    def count(self) -> int:
        """n."""
        return len(self.rows)


Rows: TypeAlias = Inputs | Logits | Probabilities | Embeddings | Committee | PoolRows
Sent: TypeAlias = Rows | PoolIds
"""As rows come; ids stand for rows of the pool once the model is known."""


@dataclass(frozen=True, slots=True)
class Head:
    """A linear layer that came with the request: (c, d) and (c,) or None."""

    weights: Floats
    bias: Floats | None


def inputs_of(arrays: Mapping[str, NDArray[Any]]) -> Inputs:
    """Arrays by input as rows: in memory, where they were mapped from a file, and text as models take it."""
    tensors = tuple(
        NamedArray(name, values.astype(object) if values.dtype.kind == "U" else np.array(values))
        for name, values in arrays.items()
    )
    return Inputs(tensors, len(tensors[0].values))
