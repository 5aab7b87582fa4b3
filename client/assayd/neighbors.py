"""What is most like some rows, in a pool of unlabelled data."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assayd.arrays import Array, decode
from assayd.identity import ModelIdentity, identity_of
from assayd.v1 import neighbors_pb2, retrieval_pb2


@dataclass(frozen=True, slots=True, eq=False)
class Neighbors:
    """The nearest rows of the pool of n rows, nearest first; ties by their order in the pool."""

    ids: Array
    """(n, k) int64 or text; -1 or empty where fewer than k were found."""
    similarities: NDArray[np.float32]
    """(n, k), the larger the more alike; NaN where fewer than k were found."""
    counts: NDArray[np.int32]
    """(n,): how many were found for each row."""
    valid: NDArray[np.bool_]
    """(n,): False where a row could not be searched for: its embedding is not finite, or is zero under cosine."""
    pool_digest: str
    """Of the pool that was searched."""
    model: ModelIdentity | None = None
    """The model whose pool it is; None beside scores, which say it."""

    def __len__(self) -> int:
        """The number of rows."""
        return len(self.ids)

    def columns(self) -> dict[str, Array]:
        """(n,) arrays by name: neighbor_1, neighbor_1_similarity, neighbor_2, ..., nearest first."""
        return dict(self._columns())

    def _columns(self) -> Iterator[tuple[str, Array]]:
        for place in range(self.ids.shape[1]):
            yield f"neighbor_{place + 1}", self.ids[:, place]
            yield f"neighbor_{place + 1}_similarity", self.similarities[:, place]


def neighbors_of(message: neighbors_pb2.Neighbors) -> Neighbors:
    """What a message holds."""
    counts = decode(message.counts)
    return Neighbors(
        ids=decode(message.ids),
        similarities=decode(message.similarities),
        counts=counts,
        valid=counts > 0,  # beside scores, where nothing is excluded, nothing else is left without a neighbour
        pool_digest=message.pool_digest,
    )


def found(response: retrieval_pb2.SearchResponse) -> Neighbors:
    """What a search found."""
    neighbors = neighbors_of(response.neighbors)
    valid = np.ones(len(neighbors), np.bool_)
    valid[response.invalid_rows] = False
    return replace(neighbors, valid=valid, model=identity_of(response.model))


def joined_neighbors(parts: Sequence[Neighbors]) -> Neighbors | None:
    """The neighbours of consecutive pieces as one, None of no pieces.

    Args:
        parts: of the same pool, with the same k.
    """
    if len(parts) < 2:
        return parts[0] if parts else None
    names = ("ids", "similarities", "counts", "valid")
    arrays: dict[str, Any] = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
    return replace(parts[0], **arrays)
