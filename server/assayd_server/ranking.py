"""The rows of a batch that are most worth a label: what is needed for it is computed, then they are chosen."""

from dataclasses import dataclass

import numpy as np

from assayd_server.choosing import Chosen, choose
from assayd_server.core.arrays import Hashes
from assayd_server.core.hashing import id_hash
from assayd_server.opinions import Opinions
from assayd_server.rank_plan import RankPlan

REPETITIVE_COSINE = 0.95
"""Above this mean cosine a batch nearly repeats itself."""
REPETITIVE_SHARE = 0.5
"""Below this share of different rows a batch nearly repeats itself."""


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
    size, cosine, found = chosen.effective_size, chosen.mean_cosine, len(chosen.positions)
    warnings = []
    if found < plan.wanted.count:
        warnings.append(f"{found} rows were chosen of {plan.wanted.count}: no more could be scored")
    if size is None or cosine is None:
        return warnings
    if cosine > REPETITIVE_COSINE or size < REPETITIVE_SHARE * min(found, plan.embedding_width):
        advice = "" if plan.wanted.diversity else "; a diversity would choose others"
        warnings.append(
            f"the batch nearly repeats itself: its {found} rows amount to {size:.3g} different ones, "
            f"their mean cosine is {cosine:.3f}{advice}"
        )
    return warnings
