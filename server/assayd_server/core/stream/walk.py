"""The variable threshold's walk, which three policies share: down after a selection, up where there was none."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import repeat

import numpy as np

from assayd_server.core.arrays import Booleans, Floats
from assayd_server.core.stream.settings import PolicySettings
from assayd_server.core.stream.state import State


@dataclass(frozen=True, slots=True)
class Walk:
    """What happened at each of n rows, and the state after them."""

    state: State
    selected: Booleans
    """(n,)."""
    thresholds: Floats
    """(n,), on utility."""
    confidence_limits: Floats
    """(n,): theta before the row, without the row's factor."""
    affordable: Booleans
    """(n,): whether budget was left."""


def walk(
    state: State,
    utilities: Floats,
    settings: PolicySettings,
    *,
    factors: Floats | float = 1.0,
    picks: Iterable[bool | None] = repeat(None),
) -> Walk:
    """Go through rows in their order.

    A row is selected while u / w < B and p1 < theta f, which is utility > (1 - theta f) c / (c - 1). While budget
    is left, theta becomes theta (1 - s) after a selection and theta (1 + s) otherwise; while none is, it stays.

    Args:
        state: after the rows before.
        utilities: (n,), in [0, 1].
        settings: of a policy with a variable threshold.
        factors: (n,), f for each row, or one for all.
        picks: for each row None, or a decision that is taken without the threshold and leaves it as it is.
    """
    window, budget, kept = settings.window, settings.budget, (settings.window - 1) / settings.window
    scale, shrink, grow = utility_scale(settings), 1 - settings.step, 1 + settings.step
    spent, limit = state.spent, state.confidence_limit
    spendings, limits, chosen_rows = [], [], []
    row_factors = np.broadcast_to(factors, len(utilities)).tolist()
    for utility, factor, pick in zip(utilities.tolist(), row_factors, picks, strict=False):  # picks may be endless
        spendings.append(spent)
        limits.append(limit)
        affordable = spent / window < budget
        spent *= kept
        if not affordable:
            continue
        chosen = pick
        if pick is None:
            chosen = utility > (1 - limit * factor) * scale
            limit *= shrink if chosen else grow
        if chosen:
            spent += 1
            chosen_rows.append(len(limits) - 1)
    seen, queried = state.seen + len(limits), state.queried + len(chosen_rows)
    selected = np.zeros(len(limits), bool)
    selected[chosen_rows] = True
    return Walk(
        replace(state, seen=seen, queried=queried, spent=spent, confidence_limit=limit),
        selected,
        (1 - np.array(limits) * factors) * scale,  # the same operations as above, so the same to the bit
        np.array(limits),
        np.array(spendings) / window < budget,
    )


def utility_scale(settings: PolicySettings) -> float:
    """c / (c - 1): utility = (1 - p1) c / (c - 1)."""
    return settings.class_count / (settings.class_count - 1)
