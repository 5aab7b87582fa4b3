"""The use cases. No protobuf and no gRPC here."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import numpy as np

from assayd_server.batching import Batching, BatchLimits
from assayd_server.caller import Caller
from assayd_server.checks import ScoreLimits, check
from assayd_server.committees import opinions_given, opinions_of
from assayd_server.computing import Computing
from assayd_server.core.arrays import Floats
from assayd_server.counters import Counters
from assayd_server.gate import Gate
from assayd_server.known_asks import KnownAsks
from assayd_server.labeling import Labeling
from assayd_server.merging import Merging
from assayd_server.metrics import Metrics
from assayd_server.monitoring import Monitoring
from assayd_server.novelty_checks import check_novelty
from assayd_server.opinions import Opinions
from assayd_server.plan import Plan
from assayd_server.rank_checks import check_opinions, check_ranking
from assayd_server.rank_plan import RankPlan
from assayd_server.ranking import Ranking, rank
from assayd_server.ranking_wanted import RankWanted, named
from assayd_server.recall_watch import RecallWatch
from assayd_server.repository import Failure, Repository
from assayd_server.retrieval import Retrieval
from assayd_server.rows import Inputs, PoolIds, PoolRows, Sent
from assayd_server.scoring import Scores, count, given, scored
from assayd_server.scoring_pass import ScoringPass
from assayd_server.search_checks import SearchLimits, check_neighbors, pool_of
from assayd_server.searching import Searching
from assayd_server.servable import Servable
from assayd_server.statistics import Statistics, statistics_of
from assayd_server.wanted import ModelChoice, Wanted

ANYBODY = Caller()


class Engine:
    """Answers what the servicers ask; one object for the whole server."""

    def __init__(
        self,
        repository: Repository,
        *,
        gate: Gate,
        batches: BatchLimits | None = None,
        metrics: Metrics,
        limits: ScoreLimits,
        search_limits: SearchLimits,
        recall: RecallWatch,
    ) -> None:
        """Make it ready.

        Args:
            repository: the models.
            gate: where computations wait for their turn.
            batches: how calls are merged; as by default where nobody says.
            metrics: where rows are counted.
            limits: how much one request may ask for.
            search_limits: how much it may ask of a pool.
            recall: watches how well the indexes of pools do.
        """
        self._repository = repository
        self._limits = limits
        self._search_limits = search_limits
        self._counters = Counters(metrics)
        repository.follow(self._counters)
        self._computing = Computing(gate, self._counters.models)
        self._searching = Searching(self._counters.pools, recall)
        self._batching = Batching(gate, batches or BatchLimits(), self._counters.models)
        self._arithmetic = threading.Lock()
        scoring = ScoringPass(self._counters)
        asks = KnownAsks(scoring, self._check)
        repository.follow(asks)
        self.merging = Merging(gate, batches or BatchLimits(), scoring, asks=asks, find=self.model)
        self.labeling = Labeling(self.score, response_bytes_max=limits.response_bytes_max)
        self.monitoring = Monitoring(repository, self._computing, limits=limits)
        self.retrieval = Retrieval(
            repository, self._computing, self._searching, limits=search_limits, score_limits=limits
        )

    def score(
        self, sent: Sent, wanted: Wanted, caller: Caller = ANYBODY, *, model: Servable | None = None
    ) -> Scores:
        """Score rows, by one forward pass where they are inputs.

        Args:
            sent: rows, n of them, 0 or more.
            wanted: what to score with and what to return.
            caller: work that has not begun when it stops waiting is not done.
            model: the one that is wanted, where the caller has found it already: by now another may be served.

        Raises:
            ServiceError: the request cannot be answered.
        """
        began = time.perf_counter()
        plan = self._plan(sent, wanted, model)
        rows = plan.rows
        self._check(plan)
        if plan.model is None or not isinstance(rows, Inputs):
            with self._computing.turn(None, rows.count, caller):
                return self._with_neighbors(scored(given(plan), plan))
        arrays = plan.model.match(rows)
        recording = self._counters.recording(plan.model) if wanted.record else None
        roles = list(dict.fromkeys([*plan.score_roles, *(recording.roles if recording is not None else ())]))
        forward = self._batching.forward(plan.model, arrays, row_count=rows.count, roles=roles, caller=caller)
        if wanted.neighbors:
            with self._computing.turn(None, 0, caller):
                scores = self._with_neighbors(scored(forward, plan))
        else:
            with self._arithmetic:  # beside the next forward pass, which runs outside of Python
                scores = scored(forward, plan)
        if recording is not None:
            recording.record(forward, rows)
        metrics = self._computing.metrics[plan.model]
        metrics.total.observe(time.perf_counter() - began)
        count(metrics, scores)
        return scores

    def rank(self, sent: Sent, wanted: RankWanted, caller: Caller = ANYBODY) -> Ranking:
        """Choose the rows that are most worth a label.

        Args:
            sent: rows, n of them, 1 or more.
            wanted: what to rank by, and how many rows to choose.
            caller: work that has not begun when it stops waiting is not done.

        Raises:
            ServiceError: the request cannot be answered.
        """
        began = time.perf_counter()
        plan = self._rank_plan(sent, wanted)
        check_ranking(plan, self._limits)
        with self._opinions(plan, caller) as opinions:
            ranking = rank(opinions, plan)
        self._count(plan, opinions, invalid_count=len(ranking.chosen.invalid), began=began)
        return ranking

    def uncertainty(self, sent: Sent, wanted: RankWanted, caller: Caller = ANYBODY) -> tuple[Floats, Plan]:
        """How uncertain each row is.

        Args:
            sent: rows, n of them, 0 or more.
            wanted: the model and the measure.
            caller: work that has not begun when it stops waiting is not done.

        Returns:
            (n,), NaN for a row that cannot be scored; and by which model.

        Raises:
            ServiceError: the request cannot be answered.
        """
        began = time.perf_counter()
        plan = self._rank_plan(sent, wanted)
        check_opinions(plan, self._limits)
        with self._opinions(plan, caller) as opinions:
            values = opinions.uncertainty(wanted.measure, wanted.density)
        self._count(plan, opinions, invalid_count=int(np.isnan(values).sum()), began=began)
        return values, plan.plan

    def model(self, choice: ModelChoice) -> Servable:
        """One model.

        Raises:
            ServiceError: there is no such model.
        """
        return self._repository.find(choice.name, choice.version)

    def models(self) -> tuple[list[Servable], tuple[Failure, ...]]:
        """Every version that is loaded, and every one that failed to load."""
        return self._repository.all(), self._repository.failures

    def versions(self, name: str) -> list[int]:
        """The versions of a model that are loaded, the smallest first."""
        return sorted(self._repository.versions(name))

    def statistics(self, choice: ModelChoice) -> list[Statistics]:
        """What models have done, by name and version; of all that are loaded where the choice leaves it open."""
        return [
            statistics_of(model.identity, self._counters.models[model])
            for model in self._repository.all()
            if choice.name in ("", model.identity.name) and choice.version in (0, model.identity.version)
        ]

    def close(self) -> None:
        """Once nobody calls any more."""
        self.merging.close()
        self._searching.close()

    def _check(self, plan: Plan) -> None:
        """Refuse what cannot be scored.

        Raises:
            ServiceError: the field says why.
        """
        check(plan, self._limits)
        check_neighbors(plan, self._search_limits)
        check_novelty(plan, operations_max=self._search_limits.search_operations_max)

    def _plan(self, sent: Sent, wanted: Wanted, model: Servable | None = None) -> Plan:
        """With the model that is meant, unless it is known, and with the rows that ids stand for."""
        needs_model = isinstance(sent, Inputs | PoolIds) or wanted.neighbors != 0
        if model is None and (wanted.model is not None or needs_model):
            model = self.model(wanted.model or ModelChoice())
        if isinstance(sent, PoolIds):
            assert model is not None  # as needed
            pool = pool_of(model, field="rows.pool_ids")
            sent = PoolRows(pool.stored, pool.rows_of(sent.ids, "rows.pool_ids"))
        return Plan(sent, wanted, model)

    def _rank_plan(self, sent: Sent, wanted: RankWanted) -> RankPlan:
        source = wanted.committee
        members = tuple(map(self.model, source)) if isinstance(source, tuple) else ()
        if isinstance(sent, PoolIds) and wanted.ids is None:
            wanted = replace(wanted, ids=named(sent.ids))
        return RankPlan(self._plan(sent, wanted.scoring, members[0] if members else None), wanted, members)

    def _with_neighbors(self, scores: Scores) -> Scores:
        """With what is most like the rows in the pool, where that is wanted."""
        plan, embeddings = scores.plan, scores.forward.embeddings
        if not plan.wanted.neighbors:
            return scores
        assert plan.model is not None  # the checks saw to it
        assert embeddings is not None
        own = plan.rows.rows if isinstance(plan.rows, PoolRows) else None
        found = self._searching.neighbors(plan.model, embeddings, plan.wanted.neighbors, own=own)
        return replace(scores, neighbors=found)

    @contextmanager
    def _opinions(self, plan: RankPlan, caller: Caller) -> Iterator[Opinions]:
        """What is said of the rows; no other computation runs while the body does."""
        rows, first = plan.plan.rows, plan.plan.model
        if first is None or not isinstance(rows, Inputs):
            with self._computing.turn(None, rows.count, caller):
                yield opinions_given(plan)
            return
        models = plan.members or (first,)
        arrays = [model.match(rows) for model in models]
        with self._computing.turn(first, rows.count, caller):
            forwards = []
            for model, fed in zip(models, arrays, strict=True):
                roles = plan.roles(model)
                forwards.append(self._computing.forward(model, fed, row_count=rows.count, roles=roles))
            yield opinions_of(plan, models, forwards)

    def _count(self, plan: RankPlan, opinions: Opinions, *, invalid_count: int, began: float) -> None:
        """Count rows that went through models, and those that each of them could not score."""
        rows, first = plan.plan.rows, plan.plan.model
        if first is None or not isinstance(rows, Inputs):
            return
        self._computing.metrics[first].total.observe(time.perf_counter() - began)
        invalid = [invalid_count]
        if plan.members and opinions.members is not None:
            invalid = [int(np.isnan(member).any(axis=1).sum()) for member in opinions.members]
        for model, count_of_model in zip(plan.members or (first,), invalid, strict=True):
            metrics = self._computing.metrics[model]
            metrics.rows.inc(rows.count)
            metrics.invalid_rows.inc(count_of_model)
