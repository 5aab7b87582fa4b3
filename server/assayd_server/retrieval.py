"""The use cases of a pool: search it, expand candidates, choose from them, find boundaries. No protobuf here."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from assayd_server.boundary_plan import boundary_planned
from assayd_server.boundary_search import BoundaryRows, search_boundaries
from assayd_server.caller import Caller
from assayd_server.candidate_choice import CandidateChoice, choose_candidates
from assayd_server.candidate_plan import CandidatePlan, ExpandPlan, expand_planned, planned
from assayd_server.checks import ScoreLimits, wrong
from assayd_server.computing import Computing
from assayd_server.core.arrays import Floats, Integers
from assayd_server.core.candidates import NONE, Candidates, merged, neighbors_of
from assayd_server.loaded_pool import LoadedPool
from assayd_server.neighboring import Neighbors
from assayd_server.repository import Repository
from assayd_server.retrieval_wanted import (
    BoundaryWanted,
    ExpandWanted,
    PoolChoice,
    PoolNames,
    SearchWanted,
    SelectWanted,
)
from assayd_server.rows import Embeddings, Inputs, PoolIds, Sent
from assayd_server.search_checks import (
    SEARCH_K,
    SearchLimits,
    check_search_size,
    check_searched_for,
    chosen_pool,
    neighbor_count,
    neighbors_bytes,
)
from assayd_server.searching import Searching
from assayd_server.servable import Servable


@dataclass(frozen=True, slots=True)
class Found:
    """What a search found."""

    model: Servable
    neighbors: Neighbors


@dataclass(frozen=True, slots=True)
class Expanded:
    """The candidates that newly labelled rows add."""

    plan: ExpandPlan
    candidates: Candidates


@dataclass(frozen=True, slots=True)
class Selected:
    """The rows of a round."""

    plan: CandidatePlan
    choice: CandidateChoice


class Retrieval:
    """Answers what is asked of the pools beside the models."""

    def __init__(
        self,
        repository: Repository,
        computing: Computing,
        searching: Searching,
        *,
        limits: SearchLimits,
        score_limits: ScoreLimits,
    ) -> None:
        """Make it ready.

        Args:
            repository: the models, some with pools.
            computing: where searches wait for their turn.
            searching: searches.
            limits: how much one request may ask of a pool.
            score_limits: how much it may ask of a ranking.
        """
        self._repository = repository
        self._computing = computing
        self._searching = searching
        self._limits = limits
        self._score_limits = score_limits

    def search(self, rows: Sent, wanted: SearchWanted, caller: Caller) -> Found:
        """The nearest rows of the pool.

        Args:
            rows: n of them, 0 or more: inputs, embeddings or ids.
            wanted: how to search.
            caller: work that has not begun when it stops waiting is not done.

        Raises:
            ServiceError: the request cannot be answered.
        """
        model = self.model(wanted.pool)
        pool = chosen_pool(model, wanted.pool)
        check_searched_for(rows, model, pool)
        k = neighbor_count(wanted.k, pool, self._limits, default=SEARCH_K)
        excluded = pool.row_set([(wanted.excluded, "exclude_ids")])
        exact = pool.exact or len(excluded) > 0
        row_bytes = neighbors_bytes(pool, k)
        check_search_size(pool, self._limits, row_count=rows.count, row_bytes=row_bytes, exact=exact)
        own = pool.rows_of(rows.ids, "rows.pool_ids") if isinstance(rows, PoolIds) else None
        with self._embedded(rows, model, own, caller) as embeddings:
            found = self._searching.neighbors(
                model, embeddings, k, excluded=excluded, own=own, similarity_min=wanted.similarity_min
            )
        return Found(model, found)

    def expand(self, wanted: ExpandWanted, caller: Caller) -> Expanded:
        """The neighbours of newly labelled rows that have no label yet.

        Args:
            wanted: what was labelled.
            caller: as of search.

        Raises:
            ServiceError: the request cannot be answered.
        """
        plan = expand_planned(self.model(wanted.pool), wanted, self._limits)
        if not len(plan.new):
            raise wrong("new_ids", "is empty: give the rows that were labelled", "NO_ROWS")
        with self._computing.turn(plan.model, len(plan.new), caller):
            candidates = self._candidates(plan)
        return Expanded(plan, candidates.most_similar_first())

    def select(self, wanted: SelectWanted, caller: Caller) -> Selected:
        """Choose the rows of a round: expand, score the candidates, rank, diversify.

        Args:
            wanted: what was labelled, what was known, how to choose.
            caller: as of search.

        Raises:
            ServiceError: the request cannot be answered.
        """
        model = self.model(wanted.expand.pool)
        plan = planned(model, wanted, limits=self._limits, score_limits=self._score_limits)
        with self._computing.turn(model, len(plan.expand.new) + len(plan.known), caller):
            found = self._candidates(plan.expand) if len(plan.expand.new) else NONE
            candidates, added = merged(plan.known, found)
            return Selected(plan, choose_candidates(plan, candidates, added))

    def boundaries(self, wanted: BoundaryWanted, caller: Caller) -> BoundaryRows:
        """Where the class changes between pairs of rows, and the unlabelled rows beside that.

        Args:
            wanted: which pairs, and what tells their classes.
            caller: as of search.

        Raises:
            ServiceError: the request cannot be answered.
        """
        plan = boundary_planned(self.model(wanted.pool), wanted, self._limits)
        with self._computing.turn(plan.model, len(plan.first), caller):
            return search_boundaries(plan, self._searching)

    def vectors(self, ids: PoolNames, choice: PoolChoice) -> tuple[Servable, LoadedPool, Floats]:
        """(n, d) the pool's own vectors of some rows; and whose they are.

        Raises:
            ServiceError: there is no such pool, or it does not have an id.
        """
        model = self.model(choice)
        pool = chosen_pool(model, choice)
        row_bytes = 4 * pool.stored.dimension
        check_search_size(pool, self._limits, row_count=len(ids), row_bytes=row_bytes, exact=False, field="ids")
        return model, pool, pool.stored.original(pool.rows_of(ids, "ids"))

    def pool(self, choice: PoolChoice) -> tuple[Servable, LoadedPool]:
        """A pool, and the model that it lies beside.

        Raises:
            ServiceError: there is no such pool.
        """
        model = self.model(choice)
        return model, chosen_pool(model, choice)

    def model(self, choice: PoolChoice) -> Servable:
        """The model whose pool is meant.

        Raises:
            ServiceError: there is no such model.
        """
        return self._repository.find(choice.model.name, choice.model.version)

    @contextmanager
    def _embedded(self, rows: Sent, model: Servable, own: Integers | None, caller: Caller) -> Iterator[Floats]:
        """The embeddings of rows; no other computation runs while the body does."""
        arrays = model.match(rows) if isinstance(rows, Inputs) else {}
        with self._computing.turn(model, rows.count, caller):
            if isinstance(rows, Embeddings):
                yield rows.values
            elif own is not None and model.pool is not None:
                yield model.pool.stored.original(own)
            else:
                forward = self._computing.forward(model, arrays, row_count=rows.count, roles=["embedding"])
                assert forward.embeddings is not None  # it was asked for
                yield forward.embeddings
                self._count(model, forward.embeddings)

    def _count(self, model: Servable, embeddings: Floats) -> None:
        """Count rows that went through a model."""
        metrics = self._computing.metrics[model]
        metrics.rows.inc(len(embeddings))
        metrics.invalid_rows.inc(int((~np.isfinite(embeddings).all(axis=1)).sum()))

    def _candidates(self, plan: ExpandPlan) -> Candidates:
        """The union of the neighbours of the new rows, less what is labelled."""
        vectors = plan.pool.stored.original(plan.new)
        found = self._searching.neighbors(plan.model, vectors, plan.k, own=plan.new).nearest
        return neighbors_of(plan.new, found.rows, found.similarities).without(plan.labeled)
