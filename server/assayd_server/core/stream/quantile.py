"""The balanced incremental quantile filter: the share B of the most uncertain among the last w rows."""

import math
from bisect import bisect_left, insort
from collections import deque
from collections.abc import Sequence

import numpy as np

from assayd_server.core.arrays import Floats, Integers
from assayd_server.core.stream.settings import PolicySettings
from assayd_server.core.stream.state import Decisions, State


def decide(state: State, utilities: Floats, ids: Integers, settings: PolicySettings) -> tuple[State, Decisions]:
    """Decide on rows in their order.

    A row is selected where its utility reaches theta - range (B seen - queried) / w_tol: theta is the 1 - B
    quantile, and range the difference between the ends, of the last w utilities, the row's own among them. So the
    threshold gives way while labels are left over, and rises where too many were spent.

    The paper's filter selects every row while all utilities in the window are equal. Here they are then selected
    as often as the budget allows, which is what a range just above 0 would come to.

    Args:
        state: after the rows before.
        utilities: (n,), in [0, 1].
        ids: (n,), not used.
        settings: of the quantile policy.

    Returns:
        The state after these rows, and n decisions.

    Source: Kottke, Krempl and Spiliopoulou 2015, Probabilistic Active Learning in Datastreams.
    """
    del ids
    budget, tolerance, window = settings.budget, settings.tolerance_window, settings.window
    seen, queried, recent, ordered = state.seen, state.queried, deque(state.recent), sorted(state.recent)
    selected, thresholds = [], []
    for utility in utilities.tolist():
        if len(recent) == window:
            del ordered[bisect_left(ordered, recent.popleft())]
        recent.append(utility)
        insort(ordered, utility)
        seen += 1
        threshold = _balanced(ordered, 1 - budget, (budget * seen - queried) / tolerance)
        chosen = utility >= threshold
        queried += chosen
        selected.append(chosen)
        thresholds.append(threshold)
    chosen_rows = np.array(selected, bool)
    after = State(seen=seen, queried=queried, recent=tuple(recent))
    return after, Decisions(chosen_rows, np.array(thresholds, np.float64), chosen_rows.astype(np.float64))


def _balanced(ordered: Sequence[float], level: float, credit: float) -> float:
    """The quantile of ascending values, lowered by a credit (or raised by a debt) in units of their range."""
    spread = ordered[-1] - ordered[0]
    threshold = _quantile(ordered, level)
    if spread == 0 and credit < 0:
        return math.nextafter(threshold, math.inf)
    return threshold - spread * credit


def _quantile(ordered: Sequence[float], level: float) -> float:
    """Between order statistics by linear interpolation, as numpy.quantile has it."""
    place = (len(ordered) - 1) * level
    below = int(place)
    part = place - below
    if part == 0:
        return ordered[below]
    low, high = ordered[below], ordered[below + 1]
    return low + (high - low) * part if part < 0.5 else high - (high - low) * (1 - part)
