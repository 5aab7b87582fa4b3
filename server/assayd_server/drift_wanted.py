"""What a caller asks of a drift test."""

from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from assayd_server.core.arrays import Floats
from assayd_server.wanted import ModelChoice

ALPHA = 0.01
DELTA = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftWanted:
    """How a window is compared with a reference."""

    model: ModelChoice
    reference_digest: str = ""
    """Empty for whichever the model has."""
    embeddings: Floats | None = None
    """(n, d), where the rows bring none."""
    alpha: float = ALPHA
    delta: float = DELTA
    columns: tuple[str, ...] = ()
    """None for all."""
    labels: NDArray[Any] | None = None
    """(n,) integers, not checked against the rows yet; None where they have none."""
