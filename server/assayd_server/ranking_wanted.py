"""What a caller asks of a ranking."""

from dataclasses import dataclass
from typing import Any, TypeAlias

from numpy.typing import NDArray

from assayd_server.core.arrays import Floats, Hashes
from assayd_server.core.committee import CommitteeMeasure
from assayd_server.core.hashing import id_hash
from assayd_server.core.uncertainty import Measure
from assayd_server.wanted import ModelChoice, Wanted

CANDIDATES_FACTOR = 10
"""From how many times as many rows a diverse batch is chosen, where nobody says."""


@dataclass(frozen=True, slots=True)
class Stochastic:
    """Random draws, the more uncertain rows more likely."""

    beta: float = 1.0


@dataclass(frozen=True, slots=True)
class KCenter:
    """Greedy k-centre over the embeddings."""


@dataclass(frozen=True, slots=True)
class Badge:
    """k-means++ over the gradients of the last layer."""


@dataclass(frozen=True, slots=True)
class ClusterMargin:
    """Round-robin over clusters of the embeddings."""

    bits: int = 8


@dataclass(frozen=True, slots=True)
class BatchBald:
    """The batch that tells most about a committee."""

    samples: int = 10_000


Diversity: TypeAlias = Stochastic | KCenter | Badge | ClusterMargin | BatchBald


@dataclass(frozen=True, slots=True)
class Dropout:
    """Samples of the model's last layer."""

    samples: int = 20
    rate: float = 0.5


CommitteeSource: TypeAlias = tuple[ModelChoice, ...] | Dropout


@dataclass(frozen=True, slots=True)
class Density:
    """How uncertainty is weighted by density."""

    direction: Floats | None = None
    """(d,); None for that of the batch."""
    beta: float = 1.0
    base: Measure | CommitteeMeasure = Measure.ENTROPY


@dataclass(frozen=True, slots=True)
class Ids:
    """Names of rows."""

    values: NDArray[Any]
    """(n,) int64, or text."""
    hashes: Hashes
    """(n,) what randomness depends on."""


def named(values: NDArray[Any]) -> Ids:
    """Rows of these names.

    Args:
        values: (n,) int64, or text.
    """
    texts = values.dtype.kind == "O"
    return Ids(values, id_hash([text.encode() for text in values.tolist()] if texts else values))


@dataclass(frozen=True, slots=True, kw_only=True)
class RankWanted:
    """What to rank by, and how many rows to choose."""

    scoring: Wanted
    """The model, the head, the task and the temperature."""
    measure: Measure | CommitteeMeasure
    count: int
    descending: bool = True
    diversity: Diversity | None = None
    candidates: int = 0
    """0 for CANDIDATES_FACTOR times count."""
    committee: CommitteeSource | None = None
    density: Density = Density()
    ids: Ids | None = None
    """None for positions."""
    embeddings: Floats | None = None
    """(n, d), where the rows bring none."""
    offset: int = 0
    seed: int = 0
    part: bool = False
    """Whether the rows are a part of a pool, and those wanted that a diverse batch would be chosen from."""

    @property
    def diverse(self) -> bool:
        """Whether a batch is chosen as a whole, and not row by row."""
        return self.diversity is not None and not isinstance(self.diversity, Stochastic)

    @property
    def candidate_count(self) -> int:
        """From how many of the first rows a diverse batch is chosen."""
        return self.candidates or CANDIDATES_FACTOR * self.count
