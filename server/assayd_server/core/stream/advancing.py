"""From one state to the next: the one entrance to every policy."""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from assayd_server.core.arrays import Floats, Integers
from assayd_server.core.stream import fixed, quantile, randomized_variable, split, variable
from assayd_server.core.stream.settings import Policy, PolicySettings
from assayd_server.core.stream.state import Decisions, State

_Decide: TypeAlias = Callable[[State, Floats, Integers, PolicySettings], tuple[State, Decisions]]

_POLICIES: dict[Policy, _Decide] = {
    Policy.FIXED: fixed.decide,
    Policy.VARIABLE: variable.decide,
    Policy.RANDOMIZED_VARIABLE: randomized_variable.decide,
    Policy.SPLIT: split.decide,
    Policy.QUANTILE: quantile.decide,
}


def advance(state: State, utilities: Floats, ids: Integers, settings: PolicySettings) -> tuple[State, Decisions]:
    """Decide on the next rows of a stream.

    A decision depends on the rows before it and on nothing after it, so however a stream is cut into batches, the
    decisions and the state at the end are the same, bit by bit.

    Args:
        state: of begin, or after the rows before.
        utilities: (n,), in [0, 1], where 1 is most uncertain. A row with NaN is not selected and leaves no
            trace: to the rows after it and to the budget it is as if it had not been there.
        ids: (n,) uint64, all that chance depends on besides the seed; a row that comes again has the same luck.
        settings: the same for the whole stream.

    Returns:
        The state after these rows, and n decisions.

    Raises:
        ValueError: a utility is outside [0, 1], or there are not as many ids.
    """
    utilities = utilities.astype(np.float64)
    if utilities.shape != ids.shape:
        raise ValueError(f"there are {len(utilities)} utilities and {len(ids)} ids")
    valid = ~np.isnan(utilities)
    if not ((utilities >= 0) & (utilities <= 1))[valid].all():
        raise ValueError("utilities lie outside [0, 1]")
    after, decided = _POLICIES[settings.policy](state, utilities[valid], ids[valid], settings)
    return after, decided if valid.all() else _spread(decided, valid)


def _spread(decided: Decisions, valid: np.ndarray) -> Decisions:
    """Put decisions on the valid rows in their places among all rows."""
    selected = np.zeros(len(valid), bool)
    thresholds, probabilities = np.full(len(valid), np.nan), np.zeros(len(valid))
    selected[valid] = decided.selected
    thresholds[valid] = decided.thresholds
    probabilities[valid] = decided.inclusion_probabilities
    return Decisions(selected, thresholds, probabilities)
