"""Where classes meet between rows of a pool, and the unlabelled rows beside that."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assayd.arrays import Array, decode
from assayd.identity import ModelIdentity, identity_of
from assayd.neighbors import Neighbors, joined_neighbors, neighbors_of
from assayd.v1 import retrieval_pb2

_REASONS: dict[int, str] = {
    retrieval_pb2.NO_BOUNDARY_REASON_SAME_CLASS: "same_class",
    retrieval_pb2.NO_BOUNDARY_REASON_NOT_FINITE: "not_finite",
    retrieval_pb2.NO_BOUNDARY_REASON_NO_DIRECTION: "no_direction",
}


@dataclass(frozen=True, slots=True, eq=False)
class Boundaries:
    """Of m pairs of rows: the point between them at which the class changes, and the rows nearest to it."""

    positions: NDArray[np.float64]
    """(m,), in [0, 1]: where it is, 0 at the first row and 1 at the second; NaN where there is none."""
    first_classes: NDArray[np.int32]
    """(m,): the class of the first row, by the head; -1 where scores are not finite."""
    second_classes: NDArray[np.int32]
    """(m,): that of the second row."""
    next_classes: NDArray[np.int32]
    """(m,): the class that the first row's meets, of several the first on the way; -1 where there is none."""
    probabilities: NDArray[np.float64]
    """(m,), in (0, 1/2]: of either of these two classes there: the less, the more a third one is about."""
    neighbors: Neighbors
    """The nearest rows of the pool that are neither labelled nor of a pair; valid is False where there is no
    boundary."""
    uncertainties: NDArray[np.float32]
    """(m, k), in [0, 1]: how uncertain each neighbour is by the measure margin: 1 on a boundary."""
    reasons: Array
    """(m,) texts: empty, or why there is none: same_class, not_finite (a score), or no_direction (under cosine, of
    rows that are opposite)."""
    model: ModelIdentity
    """The model whose pool it is, and that told the classes where no head was given."""

    @property
    def pool_digest(self) -> str:
        """Of the pool that was searched."""
        return self.neighbors.pool_digest

    def __len__(self) -> int:
        """The number of pairs."""
        return len(self.positions)

    def rows(self, count: int | None = None) -> Array:
        """The ids of what was found, each once, the most uncertain first: the rows to label.

        Args:
            count: how many at most; default all.
        """
        there = ~np.isnan(self.neighbors.similarities)
        ids, uncertainties = self.neighbors.ids[there], self.uncertainties[there]
        order = np.argsort(-uncertainties, kind="stable")  # NaN comes last
        _, first = np.unique(ids[order], return_index=True)
        return ids[order][np.sort(first)][:count]

    def columns(self) -> dict[str, Array]:
        """(m,) arrays by name: position, first_class and so on, and what is said of each neighbour."""
        own: dict[str, Array] = {
            "position": self.positions,
            "first_class": self.first_classes,
            "second_class": self.second_classes,
            "next_class": self.next_classes,
            "probability": self.probabilities,
            "reason": self.reasons,
        }
        return own | self.neighbors.columns() | dict(self._uncertainty_columns())

    def _uncertainty_columns(self) -> Iterator[tuple[str, Array]]:
        for place in range(self.uncertainties.shape[1]):
            yield f"neighbor_{place + 1}_uncertainty", self.uncertainties[:, place]


def boundaries_of(response: retrieval_pb2.SearchBoundaryResponse) -> Boundaries:
    """What a response holds."""
    positions, model = decode(response.positions), identity_of(response.model)
    reasons = np.full(len(positions), "", object)
    for without in response.without_boundary:
        reasons[without.pair] = _REASONS.get(without.reason, "unknown")  # of a server that is newer
    neighbors = replace(neighbors_of(response.neighbors), valid=reasons == "", model=model)
    return Boundaries(
        positions=positions,
        first_classes=decode(response.first_classes),
        second_classes=decode(response.second_classes),
        next_classes=decode(response.next_classes),
        probabilities=decode(response.probabilities),
        neighbors=neighbors,
        uncertainties=decode(response.uncertainties),
        reasons=reasons,
        model=model,
    )


def joined_boundaries(parts: Sequence[Boundaries]) -> Boundaries:
    """Those of consecutive pieces as one; there is one piece at least."""
    names = [field.name for field in fields(Boundaries) if field.name not in ("neighbors", "model")]
    arrays: dict[str, Any] = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
    neighbors = joined_neighbors([part.neighbors for part in parts])
    assert neighbors is not None  # as there are parts
    return replace(parts[0], neighbors=neighbors, **arrays)
