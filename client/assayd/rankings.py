"""Rows that were chosen, and how the choices of shards become that of the whole."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assayd.arrays import Array, decode
from assayd.errors import FailedPreconditionError, InvalidArgumentError
from assayd.identity import ModelIdentity, identity_of
from assayd.v1 import selection_pb2

INVALID_LISTED_MAX = 1000
"""How many rows that could not be scored are named."""


@dataclass(frozen=True, slots=True, eq=False)
class Ranking:
    """The rows most worth a label, best first; of a diverse batch, in the order in which they were chosen."""

    positions: NDArray[np.int64]
    """(k,): in the batch, or in the whole stream."""
    scores: Array
    """(k,) float32 or float64: the measure of each."""
    ids: Array | None = None
    """(k,) int64 or text, where ids were given."""
    keys: NDArray[np.float64] | None = None
    """(k,), of stochastic draws: what they went by. The draw of several shards is that of the largest keys."""
    row_count: int = 0
    """How many rows were ranked."""
    invalid_count: int = 0
    """How many of them could not be scored."""
    invalid_positions: tuple[int, ...] = ()
    """The first thousand of these."""
    mean_cosine: float | None = None
    """Of all pairs of chosen rows, where there are embeddings."""
    effective_size: float | None = None
    """How many different rows the chosen ones amount to, where there are embeddings."""
    warnings: tuple[str, ...] = ()
    """Sentences for people, such as that the batch nearly repeats itself."""
    model: ModelIdentity | None = None
    """The model that ran, or that lent its temperature."""

    def __len__(self) -> int:
        """The number of chosen rows."""
        return len(self.positions)

    def columns(self) -> dict[str, Array]:
        """(k,) arrays by name: position, id where there are ids, score."""
        ids = {} if self.ids is None else {"id": self.ids}
        return {"position": self.positions, **ids, "score": self.scores}


def ranking_of(response: selection_pb2.RankResponse) -> Ranking:
    """What a response holds."""
    invalid = response.invalid_rows
    return Ranking(
        positions=decode(response.positions),
        scores=decode(response.scores),
        ids=decode(response.ids) if response.HasField("ids") else None,
        keys=decode(response.keys) if response.HasField("keys") else None,
        row_count=response.row_count,
        invalid_count=len(invalid),
        invalid_positions=tuple(invalid[:INVALID_LISTED_MAX]),
        mean_cosine=response.mean_cosine if response.HasField("mean_cosine") else None,
        effective_size=response.effective_size if response.HasField("effective_size") else None,
        warnings=tuple(response.warnings),
        model=identity_of(response.model) if response.HasField("model") else None,
    )


def merge_rankings(rankings: Iterable[Ranking], count: int, *, order: str = "descending") -> Ranking:
    """The choice from several shards, as if they had been one: exact without diversity, and with stochastic.

    Positions must be those in the whole pool, because ties go to the lower one and chance goes by them where there
    are no ids: rank each shard with the offset of its first row.

    Args:
        rankings: of shards that do not overlap, each with count rows or all that it has.
        count: how many rows to choose.
        order: as the shards were ranked.

    Raises:
        InvalidArgumentError: there is none, the count is below 1, the order is unknown, or only some were drawn.
        FailedPreconditionError: they are from different models.
    """
    parts = list(rankings)
    if not parts:
        raise InvalidArgumentError("rankings: there are none to merge")
    if count < 1:
        raise InvalidArgumentError(f"count: is {count}, allowed are 1 and above", field="count")
    if order not in ("descending", "ascending"):
        raise InvalidArgumentError(
            f"order: {order!r} is unknown, allowed are descending, ascending", field="order"
        )
    return merged(parts, count, descending=order == "descending")[0]


def merged(parts: Sequence[Ranking], count: int, *, descending: bool) -> tuple[Ranking, NDArray[np.int64]]:
    """The best rows of all, and which of the concatenated rows they are; nothing is said of how they repeat.

    Raises:
        InvalidArgumentError: only some of them were drawn, or have ids.
        FailedPreconditionError: they are from different models.
    """
    drawn, named = _all_or_none(parts, "keys"), _all_or_none(parts, "ids")
    positions = np.concatenate([part.positions for part in parts])
    keys = np.concatenate([part.keys for part in parts if part.keys is not None]) if drawn else None
    scores = np.concatenate([part.scores for part in parts])
    ids = np.concatenate([part.ids for part in parts if part.ids is not None]) if named else None
    best = _best(scores if keys is None else keys, positions, count, descending=descending)
    whole = Ranking(
        positions=positions[best],
        scores=scores[best],
        ids=None if ids is None else ids[best],
        keys=None if keys is None else keys[best],
        row_count=sum(part.row_count for part in parts),
        invalid_count=sum(part.invalid_count for part in parts),
        invalid_positions=_first(part.invalid_positions for part in parts),
        model=_model(parts),
    )
    return whole, best


def _best(values: Array, positions: Array, count: int, *, descending: bool) -> NDArray[np.int64]:
    """Which are best, best first; ties by lower position."""
    return np.lexsort((positions, -values if descending else values))[:count]


def _first(parts: Iterable[Sequence[int]]) -> tuple[int, ...]:
    return tuple(sorted(position for part in parts for position in part)[:INVALID_LISTED_MAX])


def _all_or_none(parts: Sequence[Ranking], name: str) -> bool:
    """Whether all have it."""
    having = sum(getattr(part, name) is not None for part in parts)
    if having not in (0, len(parts)):
        raise InvalidArgumentError(f"rankings: {having} of {len(parts)} have {name}, allowed are all or none")
    return having > 0


def _model(parts: Sequence[Ranking]) -> ModelIdentity | None:
    models: dict[Any, ModelIdentity] = {part.model.digest: part.model for part in parts if part.model is not None}
    if len(models) > 1:
        raise FailedPreconditionError(
            f"model: the rankings are from different models: {' and '.join(sorted(models))}",
            reason="REPLICAS_DISAGREE",
            field="model",
        )
    return next(iter(models.values()), None)
