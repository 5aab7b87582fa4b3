"""The rows of a batch that are most worth a label: what is needed for it is computed, then they are chosen."""

from dataclasses import dataclass

import numpy as np

from assayd_server.choosing import Chosen, choose
from assayd_server.core.arrays import Hashes
from assayd_server.core.hashing import id_hash
from assayd_server.opinions import Opinions
from assayd_server.rank_plan import RankPlan
from assayd_server.repeating import Repetition

REPEATING_SHARE = 0.2
"""A batch that repeats more of its rows than this comes with a warning."""


@dataclass(frozen=True, slots=True)
class Ranking:
    """The rows that were chosen, and where they come from."""

    chosen: Chosen
    plan: RankPlan
    warnings: tuple[str, ...]


def rank(opinions: Opinions, plan: RankPlan) -> Ranking:
    """Choose rows.

    Args:
        opinions: on the rows of the plan.
        plan: checked.
    """
    chosen = choose(opinions, plan.wanted, _hashes(plan))
    return Ranking(chosen, plan, tuple(_warnings(plan, chosen)))


def _hashes(plan: RankPlan) -> Hashes:
    """What the randomness of each row depends on: its id, or its position in the pool."""
    if plan.wanted.ids is not None:
        return plan.wanted.ids.hashes
    start = plan.wanted.offset
    return id_hash(np.arange(start, start + plan.plan.rows.count, dtype=np.int64))


def _warnings(plan: RankPlan, chosen: Chosen) -> list[str]:
    if plan.wanted.part:
        return []
    found, warnings = len(chosen.positions), []
    if found < plan.wanted.count:
        warnings.append(f"{found} rows were chosen of {plan.wanted.count}: no more could be scored")
    return warnings + repeats_itself(chosen.repetition, found, advise=plan.wanted.diversity is None)


def repeats_itself(repetition: Repetition, found: int, *, advise: bool) -> list[str]:
    """A sentence for people, where too many rows of a batch hardly differ from each other; else none."""
    if repetition.repeating <= REPEATING_SHARE * found:
        return []
    advice = "; a diversity would choose others" if advise else ""
    return [
        f"the batch repeats itself: {repetition.repeating} of its {found} rows hardly differ from another{advice}"
    ]
