"""How long the benchmarks take, in full and in their short form."""

from collections.abc import Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Plan:
    """What the benchmarks are given."""

    rounds: int
    """Of what something is asked of."""
    rounds_more: int
    """Of what is only reported."""
    seconds: float
    """Of one turn of one system, besides the time to warm up."""
    short_seconds: float
    """The same where turns are many."""
    pairs: int
    """Turns of each way where two ways of one server are compared."""
    reference_rows: int
    peers: bool
    """Whether they take part where they are set up."""
    row_counts: Sequence[int]
    pool_sizes: Sequence[int]
    pool_kinds: Sequence[str]
    ranked_rows: int

    def changed(self, rounds: int | None, seconds: float | None) -> "Plan":
        """The same with so many rounds of everything, and turns of that length."""
        counts = {} if rounds is None else {"rounds": rounds, "rounds_more": rounds, "pairs": rounds}
        times = {} if seconds is None else {"seconds": seconds, "short_seconds": seconds}
        return replace(self, **counts, **times)


FULL = Plan(
    rounds=5,
    rounds_more=3,
    seconds=1.5,
    short_seconds=0.7,
    pairs=14,
    reference_rows=20_000,
    peers=True,
    row_counts=(1, 4, 16, 64, 256, 1024),
    pool_sizes=(20_000, 60_000, 200_000),
    pool_kinds=("flat", "ivf", "hnsw"),
    ranked_rows=16_384,
)
SHORT = Plan(
    rounds=1,
    rounds_more=1,
    seconds=0.2,
    short_seconds=0.1,
    pairs=1,
    reference_rows=400,
    peers=False,
    row_counts=(1, 64),
    pool_sizes=(2000,),
    pool_kinds=("flat",),
    ranked_rows=1024,
)
