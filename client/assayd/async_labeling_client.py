"""What a client for asyncio asks of labels."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Unpack

from assayd.awaiting import Awaiting
from assayd.connection import Connection
from assayd.label_options import AssessOptions, EvaluateOptions, collect_labeled
from assayd.label_proposals import LabelProposals
from assayd.label_results import Evaluation, LabelAssessment
from assayd.label_sums import LabelSums
from assayd.proposal_options import ProposeOptions
from assayd.requests import ModelOptions
from assayd.rows import collect
from assayd.steps import Pending, Send


class AsyncLabelingClient(ABC):
    """The part of AsyncClient that is about labels."""

    _connection: Connection

    async def assess_labels(
        self,
        x: object = None,
        *,
        labels: object,
        logits: object = None,
        probabilities: object = None,
        embeddings: object = None,
        pool_ids: object = None,
        deadline_seconds: float | None = None,
        metadata: Mapping[str, str] | None = None,
        **wanted: Unpack[AssessOptions],
    ) -> LabelAssessment:
        """Say which labels are probably wrong, as Client.assess_labels does."""
        rows = collect_labeled(
            x, labels=labels, logits=logits, probabilities=probabilities, embeddings=embeddings, pool_ids=pool_ids
        )
        return await Awaiting(self._send).one(self._connection.assess(rows, wanted, deadline_seconds, metadata))

    async def label_sums(
        self,
        x: object = None,
        *,
        labels: object,
        logits: object = None,
        probabilities: object = None,
        embeddings: object = None,
        pool_ids: object = None,
        deadline_seconds: float | None = None,
        metadata: Mapping[str, str] | None = None,
        **wanted: Unpack[ModelOptions],
    ) -> LabelSums:
        """Count what thresholds of labels are made of, as Client.label_sums does."""
        rows = collect_labeled(
            x, labels=labels, logits=logits, probabilities=probabilities, embeddings=embeddings, pool_ids=pool_ids
        )
        return await Awaiting(self._send).one(
            self._connection.label_sums(rows, wanted, deadline_seconds, metadata)
        )

    async def evaluate(
        self,
        x: object = None,
        *,
        labels: object,
        logits: object = None,
        probabilities: object = None,
        embeddings: object = None,
        pool_ids: object = None,
        deadline_seconds: float | None = None,
        metadata: Mapping[str, str] | None = None,
        **wanted: Unpack[EvaluateOptions],
    ) -> Evaluation:
        """Say how good predictions are, as Client.evaluate does."""
        rows = collect_labeled(
            x, labels=labels, logits=logits, probabilities=probabilities, embeddings=embeddings, pool_ids=pool_ids
        )
        return await Awaiting(self._send).one(self._connection.evaluate(rows, wanted, deadline_seconds, metadata))

    async def propose_labels(
        self,
        x: object = None,
        *,
        logits: object = None,
        probabilities: object = None,
        embeddings: object = None,
        pool_ids: object = None,
        deadline_seconds: float | None = None,
        metadata: Mapping[str, str] | None = None,
        **wanted: Unpack[ProposeOptions],
    ) -> LabelProposals:
        """Say which rows a model may label itself, as Client.propose_labels does."""
        rows = collect(x, logits=logits, probabilities=probabilities, embeddings=embeddings, pool_ids=pool_ids)
        return await Awaiting(self._send).one(self._connection.propose(rows, wanted, deadline_seconds, metadata))

    @abstractmethod
    async def _send(self, effect: Send) -> Pending:
        """Begin a call."""
        ...
