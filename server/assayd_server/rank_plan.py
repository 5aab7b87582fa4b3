"""What a ranking needs of its rows and its models."""

from dataclasses import dataclass
from functools import cached_property

from assayd_server.core.committee import CommitteeMeasure
from assayd_server.core.uncertainty import Measure
from assayd_server.plan import Plan
from assayd_server.ranking_wanted import Badge, BatchBald, ClusterMargin, Dropout, KCenter, RankWanted
from assayd_server.rows import Committee, Inputs
from assayd_server.servable import Servable


@dataclass(frozen=True)
class RankPlan:
    """A ranking, and the models that are to give their opinions."""

    plan: Plan
    """As of a scoring request; of several models, with the first."""
    wanted: RankWanted
    members: tuple[Servable, ...] = ()
    """Models that form a committee; none where there is one model or none."""

    @cached_property
    def member_count(self) -> int:
        """How many opinions there are on each row: m, or 1 where there is no committee."""
        if isinstance(self.plan.rows, Committee):
            return len(self.plan.rows.values)
        if isinstance(self.wanted.committee, Dropout):
            return self.wanted.committee.samples
        if self.members:
            return len(self.members)
        samples = isinstance(self.plan.rows, Inputs) and self.wanted.scoring.head is None and self.plan.model
        return max(1, self.plan.model.contract.sample_count) if samples and self.plan.model else 1

    @property
    def needs_embeddings(self) -> str:
        """What cannot be done without embeddings; empty where all can."""
        if self.wanted.measure is Measure.INFORMATION_DENSITY:
            return "information_density"
        named = {KCenter: "k_center", Badge: "badge", ClusterMargin: "cluster_margin"}
        return named.get(type(self.wanted.diversity), "")

    @property
    def needs_committee(self) -> str:
        """What cannot be done without a committee; empty where all can."""
        measures = (self.wanted.measure, self.wanted.density.base)
        named = [measure.value for measure in measures if isinstance(measure, CommitteeMeasure)]
        return "batch_bald" if isinstance(self.wanted.diversity, BatchBald) else "".join(named[:1])

    def roles(self, model: Servable) -> list[str]:
        """The outputs of a model that its forward pass is to return."""
        if self.wanted.scoring.head is not None or isinstance(self.wanted.committee, Dropout):
            return ["embedding"]
        own = self.wanted.embeddings is None and model is self.plan.model and self.plan.embedding_width > 0
        return [model.contract.scores_role, "embedding"] if own else [model.contract.scores_role]

    @cached_property
    def embedding_width(self) -> int:
        """Of the embeddings that came with the request, or that the rows have; 0 where there are none."""
        given = self.wanted.embeddings
        return self.plan.embedding_width if given is None else given.shape[1]
