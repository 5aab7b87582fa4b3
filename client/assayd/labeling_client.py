"""What a client asks of labels."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Unpack

from assayd.blocking import Blocking
from assayd.connection import Connection
from assayd.label_options import AssessOptions, EvaluateOptions, collect_labeled
from assayd.label_proposals import LabelProposals
from assayd.label_results import Evaluation, LabelAssessment
from assayd.label_sums import LabelSums
from assayd.proposal_options import ProposeOptions
from assayd.requests import ModelOptions
from assayd.rows import collect
from assayd.steps import Pending, Send


class LabelingClient(ABC):
    """The part of Client that is about labels."""

    _connection: Connection

    def assess_labels(
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
        """Say which labels of a data set, of any size, are probably wrong, and how many are.

        A model that was trained on these rows with these labels has learned their mistakes too: give the
        probabilities of models that were trained on other rows, as cross-validation has them.

        Args:
            x: what score takes as x.
            labels: (n,) positions of classes, or (n, c) of 1 and 0 where rows have any of c labels; -1 for none.
            logits: (n, c), in place of x.
            probabilities: (n, c), in place of x.
            embeddings: (n, d), in place of x, with a head.
            pool_ids: (n,), in place of x.
            deadline_seconds: for all of it, in place of the client's.
            metadata: as in score.
            **wanted: quality, model, version, task, temperature, head, wire_type; see AssessOptions.

        Raises:
            InvalidArgumentError: among others, a label is out of range, a class has none, or all are equal.
        """
        rows = collect_labeled(
            x, labels=labels, logits=logits, probabilities=probabilities, embeddings=embeddings, pool_ids=pool_ids
        )
        return Blocking(self._send).one(self._connection.assess(rows, wanted, deadline_seconds, metadata))

    def label_sums(
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
        """Count what thresholds of labels are made of, for a data set that does not fit into memory.

        The sums of parts add up: sum those of all parts, and give them to assess_labels with each part, as given.

        Args:
            x: as in assess_labels, as all else.
            labels: as there.
            logits: (n, c), in place of x.
            probabilities: (n, c), in place of x.
            embeddings: (n, d), in place of x, with a head.
            pool_ids: (n,), in place of x.
            deadline_seconds: for these rows, in place of the client's.
            metadata: as in score.
            **wanted: model, version, task, temperature, head, wire_type; see ModelOptions.

        Raises:
            InvalidArgumentError: among others, a label is out of range.
        """
        rows = collect_labeled(
            x, labels=labels, logits=logits, probabilities=probabilities, embeddings=embeddings, pool_ids=pool_ids
        )
        return Blocking(self._send).one(self._connection.label_sums(rows, wanted, deadline_seconds, metadata))

    def evaluate(
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
        """Say how good predictions are beside verified labels, for a data set of any size.

        Average precision is of rows that go in one call; all else is exact for any number.

        Args:
            x: as in assess_labels, as all else.
            labels: -1 for what is not verified: it is left out, and is no negative.
            logits: (n, c), in place of x.
            probabilities: (n, c), in place of x.
            embeddings: (n, d), in place of x, with a head.
            pool_ids: (n,), in place of x.
            deadline_seconds: for all of it, in place of the client's.
            metadata: as in score.
            **wanted: calibration_bins, model, version, task, temperature, head, wire_type; see EvaluateOptions.

        Raises:
            InvalidArgumentError: among others, a label is out of range, or none is verified.
        """
        rows = collect_labeled(
            x, labels=labels, logits=logits, probabilities=probabilities, embeddings=embeddings, pool_ids=pool_ids
        )
        return Blocking(self._send).one(self._connection.evaluate(rows, wanted, deadline_seconds, metadata))

    def propose_labels(
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
        """Say which rows of a data set, of any size, a model may label itself, to learn from them.

        Labels go to rows that the model is confident of, above thresholds or as the best of their class up to
        quotas. Where the model is calibrated, the mean confidence of the rows with a label is the share of the
        labels that is right. The answer is the same however rows are cut into calls.

        Args:
            x: what score takes as x.
            logits: (n, c), in place of x.
            probabilities: (n, c), in place of x.
            embeddings: (n, d), in place of x, with a head.
            pool_ids: (n,), in place of x.
            deadline_seconds: for all of it, in place of the client's.
            metadata: as in score.
            **wanted: thresholds, quotas, count and prior, confidence_min, novelty, novelty_alpha, class_counts,
                effective_number, lane, model, version, task, temperature, head, wire_type; see ProposeOptions.

        Raises:
            InvalidArgumentError: among others, there is no rule, or it does not fit the classes of the rows.
            FailedPreconditionError: novelty is asked for, and the model has no reference.
        """
        rows = collect(x, logits=logits, probabilities=probabilities, embeddings=embeddings, pool_ids=pool_ids)
        return Blocking(self._send).one(self._connection.propose(rows, wanted, deadline_seconds, metadata))

    @abstractmethod
    def _send(self, effect: Send) -> Pending:
        """Begin a call."""
        ...
