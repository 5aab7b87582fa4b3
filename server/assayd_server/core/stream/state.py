"""What a policy remembers of the rows that it has seen, and what it says of the next ones."""

from dataclasses import dataclass

from assayd_server.core.arrays import Booleans, Floats
from assayd_server.core.stream.settings import Policy, PolicySettings

ROWS_MAX = 2**53
"""So many rows are counted exactly in double precision."""

_LIMIT_MIN, _LIMIT_MAX = 1e-100, 1e100
"""Far beyond what the variable threshold comes to, and far from where its arithmetic would overflow."""


@dataclass(frozen=True, slots=True)
class State:
    """All that decisions on later rows depend on. Rows with NaN for a utility leave no trace in it."""

    seen: int = 0
    """Rows so far."""

    queried: int = 0
    """Rows selected so far."""

    spent: float = 0.0
    """u, about how many of the last w rows were selected: u <- u (w - 1) / w + 1[selected]. Not of the quantile
    policy, whose budget is counted from the first row on."""

    confidence_limit: float = 1.0
    """theta, the variable threshold on confidence; 1 for the other policies."""

    recent: tuple[float, ...] = ()
    """The utilities of the last w rows, oldest first, for the quantile policy; empty for the others."""


@dataclass(frozen=True, slots=True)
class Decisions:
    """What was decided on each of n rows."""

    selected: Booleans
    """(n,): whether the row is to be labelled. Never for NaN."""

    thresholds: Floats
    """(n,) float64: what the row's utility was compared with. A row that reaches it is passed over all the same
    while the budget is spent (its probability is 0 then), and where the split policy decided by chance. It can lie
    outside [0, 1]; NaN for a row whose utility is NaN."""

    inclusion_probabilities: Floats
    """(n,) float64: how probable it was that this row is selected, given the rows before it: 0 or 1, or between
    them where a policy draws."""


def begin(settings: PolicySettings) -> State:
    """The state before the first row."""
    del settings  # every policy begins with the same
    return State()


def check(state: State, settings: PolicySettings) -> None:
    """Refuse a state that no stream under these settings leads to.

    Raises:
        ValueError: a value of it is out of its range.
    """
    by_quantile, fixed = settings.policy is Policy.QUANTILE, settings.policy is Policy.FIXED
    spent_max = 0 if by_quantile else min(settings.window * settings.budget + 1, state.queried)
    least, greatest = (1, 1) if by_quantile or fixed else (_LIMIT_MIN, _LIMIT_MAX)
    recent_count = min(state.seen, settings.window) if by_quantile else 0
    for name, allowed in {
        "counts": 0 <= state.queried <= state.seen <= ROWS_MAX,
        "spending": 0 <= state.spent <= spent_max,
        "threshold": least <= state.confidence_limit <= greatest,
        "window": len(state.recent) == recent_count,
        "utilities": all(0 <= utility <= 1 for utility in state.recent),
    }.items():
        if not allowed:
            raise ValueError(f"its {name} cannot come from a stream under these settings")
