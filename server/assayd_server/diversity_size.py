"""How long it takes to choose a diverse batch: no other computation runs meanwhile, so it has a limit."""

from assayd_server.checks import wrong
from assayd_server.rank_plan import RankPlan
from assayd_server.ranking_wanted import Badge, BatchBald, KCenter

_LOGARITHM_OPERATIONS = 20
"""What a logarithm costs beside a multiplication."""


def check_diversity_size(plan: RankPlan, operations_max: int) -> None:
    """Refuse a batch that would keep all other calls waiting for long.

    Args:
        plan: a ranking; of a part of a pool, the last call is meant that chooses from the rows of all parts.
        operations_max: how many multiplications it may take, roughly.

    Raises:
        InvalidArgumentError: it would take more; the sentence says what to ask for instead.
    """
    needed = operations(plan)
    if needed <= operations_max:
        return
    samples = ", samples" if isinstance(plan.wanted.diversity, BatchBald) else ""
    raise wrong(
        "candidates",
        f"are too many to choose a diverse batch from: {_candidate_count(plan)} candidates and a count of "
        f"{plan.wanted.count} take about {needed:.2g} operations, allowed are {operations_max:.2g}; ask for fewer "
        f"candidates{samples} or rows, or use cluster_margin or stochastic, which have no such limit",
        "DIVERSITY_TOO_LARGE",
    )


def operations(plan: RankPlan) -> int:
    """How many multiplications a diverse batch takes at most, roughly; 0 where they are few for any count."""
    diversity, class_count = plan.wanted.diversity, plan.plan.class_count
    steps = min(plan.wanted.count, _candidate_count(plan)) * _candidate_count(plan)
    if isinstance(diversity, KCenter):
        return steps * plan.embedding_width
    if isinstance(diversity, Badge):
        return steps * (plan.embedding_width + class_count + _LOGARITHM_OPERATIONS)
    if isinstance(diversity, BatchBald):
        return steps * diversity.samples * class_count * (plan.member_count + _LOGARITHM_OPERATIONS)
    return 0


def _candidate_count(plan: RankPlan) -> int:
    """How many rows the batch is chosen from, as far as the pool is known to have as many."""
    known = plan.plan.rows.count + (plan.wanted.offset if plan.wanted.part else 0)
    return min(plan.wanted.candidate_count, known)
