"""Pairs of rows between which boundaries are looked for, in rows of the pool; what cannot be found is refused."""

from dataclasses import dataclass

import numpy as np

from assayd_server.checks import check_rows, wrong
from assayd_server.core.arrays import Floats, Integers
from assayd_server.core.tasks import Task
from assayd_server.errors import InvalidArgumentError
from assayd_server.loaded_pool import LoadedPool
from assayd_server.plan import Plan
from assayd_server.retrieval_wanted import BoundaryWanted
from assayd_server.rows import PoolRows
from assayd_server.scoring import given, headed
from assayd_server.search_checks import (
    SEARCH_K,
    SearchLimits,
    check_search_size,
    chosen_pool,
    neighbor_count,
    neighbors_bytes,
)
from assayd_server.servable import Servable
from assayd_server.wanted import Wanted

_PAIR_BYTES = 64
"""What a pair takes in an answer besides its neighbours: five numbers, and perhaps why it has no boundary."""
_UNCERTAINTY_BYTES = 4
_EXPONENTIAL_OPERATIONS = 20
"""What an exponential costs beside a multiplication."""


@dataclass(frozen=True, slots=True)
class BoundaryPlan:
    """What is looked for."""

    model: Servable
    pool: LoadedPool
    first: Integers
    """(m,)"""
    second: Integers
    """(m,)"""
    excluded: Integers
    """What is labelled, the rows of the pairs included; ascending, each once."""
    k: int
    scoring: Wanted

    def scored(self, rows: Integers) -> Plan:
        """The scoring of some rows of the pool."""
        return Plan(PoolRows(self.pool.stored, rows), self.scoring, self.model)

    def logits(self, rows: Integers) -> Floats:
        """(n, c) what the head, or the model's last layer, gives some rows of the pool: as Score does."""
        logits = headed(given(self.scored(rows)), self.scoring.head).logits
        assert logits is not None  # both give logits
        return logits

    @property
    def row_elements(self) -> int:
        """How many numbers a row takes while it is scored: its vector, or a score for each class."""
        return max(self.pool.stored.dimension, self.scored(self.first[:0]).class_count)


def boundary_planned(model: Servable, wanted: BoundaryWanted, limits: SearchLimits) -> BoundaryPlan:
    """Pairs whose boundaries can be looked for.

    Raises:
        ServiceError: they cannot; the field says why.
    """
    pool = chosen_pool(model, wanted.pool)
    k = neighbor_count(wanted.k, pool, limits, default=SEARCH_K)
    if len(wanted.first) != len(wanted.second):
        message = f"has {len(wanted.second)} ids, first_ids has {len(wanted.first)}"
        raise wrong("second_ids", message, "BAD_SHAPE")
    first, second = pool.rows_of(wanted.first, "first_ids"), pool.rows_of(wanted.second, "second_ids")
    labeled = pool.row_set([(wanted.labeled, "labeled_ids")])
    excluded = np.unique(np.concatenate([first, second, labeled]))
    plan = BoundaryPlan(model, pool, first, second, excluded, k, wanted.scoring)
    _check_classes(plan)
    _check_size(plan, limits)
    return plan


def _check_classes(plan: BoundaryPlan) -> None:
    """Refuse a head that does not fit, and a model whose last layer does not tell one class of several."""
    scored = plan.scored(plan.first)
    check_rows(scored)
    if scored.task is not Task.MULTICLASS:
        name = plan.model.identity.name
        message = f"is missing, and model {name!r} is for {scored.task}: its rows have no one class"
        raise wrong("head", message, "TASK_DOES_NOT_FIT")


def _check_size(plan: BoundaryPlan, limits: SearchLimits) -> None:
    """Refuse what would keep others waiting for long, or whose answer would not fit a message."""
    count, scores = len(plan.first), plan.scored(plan.first).class_count
    row_bytes = neighbors_bytes(plan.pool, plan.k) + plan.k * _UNCERTAINTY_BYTES + _PAIR_BYTES
    check_search_size(
        plan.pool, limits, row_count=count, row_bytes=row_bytes, exact=True, field="first_ids"
    )  # rows that are left out may have all others looked at, and those of the pairs always are
    of_a_row = scores * (plan.pool.stored.dimension + _EXPONENTIAL_OPERATIONS)
    pairs_max = max(1, limits.search_operations_max // ((2 + plan.k) * of_a_row))
    if count > pairs_max:
        raise InvalidArgumentError(
            f"{count} pairs are too many: they and {plan.k} neighbours get {scores} scores each, which may take "
            f"{limits.search_operations_max} operations; send at most {pairs_max} at once, or ask for less",
            reason="ANSWER_TOO_LARGE",
            field="first_ids",
            details={"rows_max": str(pairs_max)},
        )
