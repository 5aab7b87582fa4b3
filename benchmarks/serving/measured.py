"""What a benchmark gives: figures of each system for each round, and which of them are compared."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field

Figures = dict[str, float]
"""Of one system in one round, by name."""
Rounds = dict[str, list[Figures]]
"""By system."""
CALLS, P50, P99, SERVER = "calls/s", "p50 ms", "p99 ms", "server ms/call"


@dataclass(frozen=True)
class Comparison:
    """One system's figure over another's, in each round."""

    own: str
    other: str
    figure: str = CALLS
    asked: float | None = None
    stretch: float | None = None
    at_most: bool = False
    """Whether less is better."""

    def ratios(self, rounds: Rounds) -> list[float]:
        """A value for each round; none where one of both did not take part."""
        pairs = zip(rounds.get(self.own, []), rounds.get(self.other, []), strict=False)
        return [own[self.figure] / other[self.figure] for own, other in pairs]

    def verdict(self, rounds: Rounds) -> str:
        """How the median of the ratios stands to what is asked."""
        ratios = self.ratios(rounds)
        if not ratios:
            return "left out"
        if self.asked is None:
            return ""
        if self.stretch is not None and self._reaches(statistics.median(ratios), self.stretch):
            return "stretch"
        return "reached" if self._reaches(statistics.median(ratios), self.asked) else "MISSED"

    def _reaches(self, ratio: float, limit: float) -> bool:
        return ratio <= limit if self.at_most else ratio >= limit


@dataclass(frozen=True)
class Measured:
    """One load of one benchmark."""

    load: str
    rounds: Rounds
    comparisons: Sequence[Comparison] = field(default_factory=tuple)
    size: int | None = None
    """Rows, classes or vectors, where a benchmark shows how the cost grows with them."""
