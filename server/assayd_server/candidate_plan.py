"""A round of labelling as it was asked for, in rows of the pool."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from assayd_server.candidate_size import check_candidate_size
from assayd_server.checks import ScoreLimits, wrong
from assayd_server.core.arrays import Floats, Integers
from assayd_server.core.candidates import NONE, Candidates, each_once
from assayd_server.core.uncertainty import Measure
from assayd_server.loaded_pool import LoadedPool
from assayd_server.plan import Plan
from assayd_server.rank_checks import check_candidates
from assayd_server.rank_plan import RankPlan
from assayd_server.ranking_wanted import RankWanted
from assayd_server.retrieval_wanted import ExpandWanted, KnownCandidates, SelectWanted
from assayd_server.rows import PoolRows
from assayd_server.search_checks import (
    EXPAND_K,
    SearchLimits,
    batch_bytes,
    candidates_bytes,
    check_search_size,
    chosen_pool,
    neighbor_count,
)
from assayd_server.servable import Servable


@dataclass(frozen=True, slots=True)
class ExpandPlan:
    """Rows that were labelled, and how far to look around them."""

    model: Servable
    pool: LoadedPool
    new: Integers
    """(b,) ascending, each once."""
    labeled: Integers
    """(l,) the new ones included; ascending, each once."""
    k: int


@dataclass(frozen=True)
class CandidatePlan:
    """What to expand, and what to choose."""

    expand: ExpandPlan
    known: Candidates
    """Of the rounds before, without those that are labelled."""
    wanted: SelectWanted

    @cached_property
    def ranking(self) -> RankWanted:
        """How candidates are ranked; density is that of the rows without labels where nobody says."""
        wanted = self.wanted.ranking
        if wanted.measure is not Measure.INFORMATION_DENSITY or wanted.density.direction is not None:
            return wanted
        direction = self.expand.pool.direction_without(self.expand.labeled)
        return replace(wanted, density=replace(wanted.density, direction=direction))

    @property
    def random_count(self) -> int:
        """How many rows of the batch are drawn by chance."""
        return int(self.wanted.ranking.count * self.wanted.random_share + 0.5)

    def rank_plan(self, rows: Integers) -> RankPlan:
        """The ranking of some rows of the pool."""
        stored = PoolRows(self.expand.pool.stored, rows)
        return RankPlan(Plan(stored, self.ranking.scoring, self.expand.model), self.ranking)


def expand_planned(model: Servable, wanted: ExpandWanted, limits: SearchLimits, *, count: int = 0) -> ExpandPlan:
    """What to expand, where the answer holds a batch of so many rows besides.

    Raises:
        ServiceError: the pool does not have an id, or too much is asked for.
    """
    pool = chosen_pool(model, wanted.pool)
    k = neighbor_count(wanted.k, pool, limits, default=EXPAND_K)
    new = pool.row_set([(wanted.new, "new_ids")])
    check_search_size(
        pool,
        limits,
        row_count=len(new),
        row_bytes=candidates_bytes(pool, k),
        exact=pool.exact,
        field="new_ids",
        besides_bytes=batch_bytes(pool, count),
    )
    labeled = pool.row_set([(wanted.labeled, "labeled_ids")])
    return ExpandPlan(model, pool, new, np.union1d(new, labeled), k)


def planned(
    model: Servable, wanted: SelectWanted, *, limits: SearchLimits, score_limits: ScoreLimits
) -> CandidatePlan:
    """A round that can be carried out.

    Raises:
        ServiceError: it cannot; the field says why.
    """
    expand = expand_planned(model, wanted.expand, limits, count=wanted.ranking.count)
    known = NONE if wanted.known is None else _known(wanted.known, expand.pool)
    if not len(expand.new) and wanted.known is None:
        raise wrong("new_ids", "is empty, and there are no candidates: nothing is labelled yet", "NO_ROWS")
    plan = CandidatePlan(expand, known.without(expand.labeled), wanted)
    as_many_as_may_be = min(len(expand.pool), len(plan.known) + len(expand.new) * expand.k)
    ranking = _without_direction(plan, as_many_as_may_be)
    check_candidates(ranking, score_limits)
    check_candidate_size(ranking, limits, score_limits)
    return plan


def _without_direction(plan: CandidatePlan, count: int) -> RankPlan:
    """For the checks, which look at how many rows there are, and not at the rows."""
    wanted = plan.wanted.ranking
    rows = PoolRows(plan.expand.pool.stored, np.broadcast_to(np.int64(0), count))
    return RankPlan(Plan(rows, wanted.scoring, plan.expand.model), wanted)


def _known(known: KnownCandidates, pool: LoadedPool) -> Candidates:
    lengths = {len(known.ids), len(known.sources), len(known.similarities)}
    if len(lengths) > 1:
        message = (
            f"have {len(known.ids)} ids, {len(known.sources)} sources, {len(known.similarities)} similarities"
        )
        raise wrong("candidates", message, "BAD_SHAPE")
    similarities: Floats = known.similarities
    if np.isnan(similarities).any():
        raise wrong("candidates.similarities.data", "has a NaN", "NOT_A_SIMILARITY")
    rows = pool.rows_of(known.ids, "candidates.ids")
    sources = pool.rows_of(known.sources, "candidates.sources")
    return each_once(rows, sources, similarities.astype(np.float32, copy=False))
