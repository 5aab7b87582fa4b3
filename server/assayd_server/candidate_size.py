"""How much the candidates of a round take: no other computation runs meanwhile, so it has limits."""

from assayd_server.checks import ScoreLimits, wrong
from assayd_server.rank_plan import RankPlan
from assayd_server.search_checks import SearchLimits

_EXPONENTIAL_OPERATIONS = 20
"""What an exponential costs beside a multiplication."""


def row_elements(plan: RankPlan) -> int:
    """How many numbers a candidate takes while it is scored: its vector, or a score for each class."""
    return max(plan.embedding_width, _score_count(plan))


def check_candidate_size(plan: RankPlan, limits: SearchLimits, score_limits: ScoreLimits) -> None:
    """Refuse candidates that take too long to score, or too much memory to choose from.

    Args:
        plan: of as many rows as there may be candidates.
        limits: how many operations are allowed.
        score_limits: how many numbers may be held at once.

    Raises:
        InvalidArgumentError: they do.
    """
    count, scores = plan.plan.rows.count, _score_count(plan)
    rows_max = limits.search_operations_max // (scores * (plan.embedding_width + _EXPONENTIAL_OPERATIONS))
    if count > rows_max:
        raise wrong(
            "candidates",
            f"may be {count} with the neighbours of the new rows, allowed are {rows_max} where each gets {scores} "
            "scores (setting search_operations_max); ask for a smaller k, or drop the least similar ones",
            "TOO_MANY_CANDIDATES",
        )
    together, together_max = min(count, plan.wanted.candidate_count), score_limits.scores_elements_max
    if plan.wanted.diverse and together * row_elements(plan) > together_max:
        raise wrong(
            "diverse_from",
            f"is {together}, allowed are {together_max // row_elements(plan)} where a row takes "
            f"{row_elements(plan)} numbers (setting scores_elements_max)",
            "DIVERSITY_TOO_LARGE",
        )


def _score_count(plan: RankPlan) -> int:
    """For each row, 1 or more."""
    return max(1, plan.plan.class_count or plan.plan.value_count)
