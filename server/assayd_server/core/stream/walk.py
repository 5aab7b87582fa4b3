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
    factors: Iterable[float] = repeat(1.0),
    picks: Iterable[bool | None] = repeat(None),
) -> Walk:
    """Go through rows in their order.

    A row is selected while u / w < B and p1 < theta f, which is utility > (1 - theta f) c / (c - 1). While budget
    is left, theta becomes theta (1 - s) after a selection and theta (1 + s) otherwise; while none is, it stays.

    Args:
        state: after the rows before.
        utilities: (n,), in [0, 1].
        settings: of a policy with a variable threshold.
        factors: f for each row.
        picks: for each row None, or a decision that is taken without the threshold and leaves it as it is.
    """
    window, budget, kept = settings.window, settings.budget, (settings.window - 1) / settings.window
    shrink, grow = 1 - settings.step, 1 + settings.step
    scale = utility_scale(settings)
    spent, limit = state.spent, state.confidence_limit
    selected, thresholds, limits, affordable = [], [], [], []
    for utility, factor, pick in zip(utilities.tolist(), factors, picks, strict=False):  # factors may be endless
        affords = spent / window < budget
        threshold = (1 - limit * factor) * scale
        limits.append(limit)
        if pick is None:
            chosen = affords and utility > threshold
            if affords:
                limit *= shrink if chosen else grow
        else:
            chosen = affords and pick
        spent = spent * kept + chosen
        selected.append(chosen)
        thresholds.append(threshold)
        affordable.append(affords)
    after = replace(
        state,
        seen=state.seen + len(selected),
        queried=state.queried + sum(selected),
        spent=spent,
        confidence_limit=limit,
    )
    return Walk(
        after,
        np.array(selected, bool),
        np.array(thresholds, np.float64),
        np.array(limits, np.float64),
        np.array(affordable, bool),
    )


def utility_scale(settings: PolicySettings) -> float:
    """c / (c - 1): utility = (1 - p1) c / (c - 1)."""
    return settings.class_count / (settings.class_count - 1)
