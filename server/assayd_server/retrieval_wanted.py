"""What a caller asks of a pool."""

from dataclasses import dataclass
from typing import Any, TypeAlias

from numpy.typing import NDArray

from assayd_server.core.arrays import Floats
from assayd_server.ranking_wanted import RankWanted
from assayd_server.wanted import ModelChoice, Wanted

PoolNames: TypeAlias = NDArray[Any]
"""(m,) ids of rows, int64 or text, as they came."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolChoice:
    """Which pool is meant."""

    model: ModelChoice
    digest: str = ""
    """Empty for whichever the model has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchWanted:
    """How to search."""

    pool: PoolChoice
    k: int = 0
    """0 for the default."""
    excluded: PoolNames | None = None
    similarity_min: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpandWanted:
    """What was labelled."""

    pool: PoolChoice
    new: PoolNames | None
    labeled: PoolNames | None
    k: int = 0
    """0 for the default."""


@dataclass(frozen=True, slots=True)
class KnownCandidates:
    """Candidates as they came: (m,) each."""

    ids: PoolNames
    sources: PoolNames
    similarities: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectWanted:
    """A round."""

    expand: ExpandWanted
    known: KnownCandidates | None
    ranking: RankWanted
    """Of the candidates."""
    random_share: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundaryWanted:
    """Pairs of rows, and what tells their classes."""

    pool: PoolChoice
    first: PoolNames
    """(m,), as many as the second ones."""
    second: PoolNames
    labeled: PoolNames | None
    scoring: Wanted
    """The head and the temperature, if any."""
    k: int = 0
    """0 for the default."""
