"""The variable threshold: it goes up and down until rows reach it as often as the budget lets them."""

import numpy as np

from assayd_server.core.arrays import Floats, Integers
from assayd_server.core.stream.settings import PolicySettings
from assayd_server.core.stream.state import Decisions, State
from assayd_server.core.stream.walk import walk


def decide(state: State, utilities: Floats, ids: Integers, settings: PolicySettings) -> tuple[State, Decisions]:
    """Decide on rows in their order: select where p1 < theta, while the budget lasts (walk.py).

    The threshold settles where about every second row that can be afforded is selected, so it follows any drift,
    but it is not a strict one: it is near the median of the utilities, however small the budget.

    Args:
        state: after the rows before.
        utilities: (n,), in [0, 1].
        ids: (n,), not used.
        settings: of the variable policy.

    Returns:
        The state after these rows, and n decisions.

    Source: Zliobaite, Bifet, Pfahringer and Holmes 2014, Active Learning With Drifting Streaming Data.
    """
    del ids
    walked = walk(state, utilities, settings)
    return walked.state, Decisions(walked.selected, walked.thresholds, walked.selected.astype(np.float64))
