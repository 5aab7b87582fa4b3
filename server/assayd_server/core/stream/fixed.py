"""The fixed threshold: a row is selected where its utility reaches 1 - B, while the budget lasts."""

from dataclasses import replace

import numpy as np

from assayd_server.core.arrays import Floats, Integers
from assayd_server.core.stream.settings import PolicySettings
from assayd_server.core.stream.state import Decisions, State


def decide(state: State, utilities: Floats, ids: Integers, settings: PolicySettings) -> tuple[State, Decisions]:
    """Decide on rows in their order.

    The paper's p1 <= 1/c + B (1 - 1/c) is utility >= 1 - B, whatever c is. It says which utilities are worth a
    label, and not how many there are: where few rows reach it, the budget is not used up; where many do, the
    budget alone decides, and rows are taken as they come.

    Args:
        state: after the rows before.
        utilities: (n,), in [0, 1].
        ids: (n,), not used.
        settings: of the fixed policy.

    Returns:
        The state after these rows, and n decisions.

    Source: Zliobaite, Bifet, Pfahringer and Holmes 2014, Active Learning With Drifting Streaming Data.
    """
    del ids
    window, budget, kept = settings.window, settings.budget, (settings.window - 1) / settings.window
    threshold, spent = 1 - budget, state.spent
    selected = []
    for reached in (utilities >= threshold).tolist():
        chosen = reached and spent / window < budget
        spent = spent * kept + chosen
        selected.append(chosen)
    after = replace(state, seen=state.seen + len(selected), queried=state.queried + sum(selected), spent=spent)
    chosen_rows = np.array(selected, bool)
    return after, Decisions(chosen_rows, np.full(len(selected), threshold), chosen_rows.astype(np.float64))
