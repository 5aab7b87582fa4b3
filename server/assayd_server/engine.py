"""The use cases. No protobuf and no gRPC here."""

import time
from dataclasses import dataclass

import numpy as np

from assayd_server import deadline as deadlines
from assayd_server.core.heads import linear_head
from assayd_server.core.scores import RowScores, scores_of_logits, scores_of_probabilities
from assayd_server.core.uncertainty import Measure, least_confidence
from assayd_server.core.validity import finite
from assayd_server.gate import Gate
from assayd_server.metrics import Metrics, ModelMetrics
from assayd_server.plan import Plan
from assayd_server.repository import Failure, Repository
from assayd_server.rows import Embeddings, Head, Inputs, Logits, Rows
from assayd_server.servable import Forward, Servable
from assayd_server.wanted import ModelChoice, Wanted


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """Scores of n rows, and where they come from."""

    rows: RowScores
    forward: Forward
    model: Servable | None
    """None where the rows needed none and none was named."""


class Engine:
    """Answers what the servicers ask; one object for the whole server."""

    def __init__(self, repository: Repository, *, gate: Gate, metrics: Metrics, response_bytes_max: int) -> None:
        """Make it ready.

        Args:
            repository: the models.
            gate: where forward passes wait for their turn.
            metrics: where rows are counted.
            response_bytes_max: the largest message that a caller can take.
        """
        self._repository = repository
        self._gate = gate
        self._response_bytes_max = response_bytes_max
        self._metrics = {model.identity: _metrics_of(model, metrics) for model in repository.all()}

    def score(self, rows: Rows, wanted: Wanted, *, deadline: float = deadlines.NEVER) -> Scores:
        """Score rows, by one forward pass where they are inputs.

        Args:
            rows: n of them, 0 or more.
            wanted: what to score with and what to return.
            deadline: work that has not begun by then is not done.

        Raises:
            ServiceError: the request cannot be answered.
        """
        began = time.perf_counter()
        model = self._model_for(rows, wanted.model)
        plan = Plan(rows, wanted, model)
        plan.check(response_bytes_max=self._response_bytes_max)
        forward = _headed(self._forward(plan, deadline), wanted.head)
        scored = _score_rows(forward, plan)
        if model is not None and isinstance(rows, Inputs):
            _record(
                self._metrics[model.identity],
                scored,
                seconds=time.perf_counter() - began,
                classes_are_the_models=wanted.head is None,
            )
        return Scores(rows=scored, forward=forward, model=model)

    def model(self, choice: ModelChoice) -> Servable:
        """One model.

        Raises:
            ServiceError: there is no such model.
        """
        return self._repository.find(choice.name, choice.version)

    def models(self) -> tuple[list[Servable], tuple[Failure, ...]]:
        """Every version that is loaded, and every one that failed to load."""
        return self._repository.all(), self._repository.failures

    def _model_for(self, rows: Rows, choice: ModelChoice | None) -> Servable | None:
        if choice is None and not isinstance(rows, Inputs):
            return None
        return self.model(choice or ModelChoice())

    def _forward(self, plan: Plan, deadline: float) -> Forward:
        rows, model = plan.rows, plan.model
        if model is not None and isinstance(rows, Inputs):
            metrics = self._metrics[model.identity]
            return model.forward(rows, roles=plan.roles, gate=self._gate, deadline=deadline, metrics=metrics)
        return _given(rows)


def _metrics_of(model: Servable, metrics: Metrics) -> ModelMetrics:
    return metrics.model(model.identity, model.labels or tuple(map(str, range(model.contract.class_count))))


def _given(rows: Rows) -> Forward:
    """What the caller had computed already."""
    assert not isinstance(rows, Inputs)  # inputs always have a model
    if isinstance(rows, Logits):
        return Forward(logits=rows.values)
    if isinstance(rows, Embeddings):
        return Forward(embeddings=rows.values)
    return Forward(probabilities=rows.values)


def _headed(forward: Forward, head: Head | None) -> Forward:
    """With the logits of the request's own head, if it has one."""
    if head is None:
        return forward
    embeddings = forward.embeddings
    assert embeddings is not None  # the plan saw to it
    with np.errstate(invalid="ignore", over="ignore"):  # NaN and infinities: their rows are marked invalid
        logits = linear_head(embeddings, weights=head.weights, bias=head.bias)
    logits[~finite(embeddings)] = np.nan
    return Forward(logits=logits, embeddings=embeddings)


def _score_rows(forward: Forward, plan: Plan) -> RowScores:
    measures, top_k = plan.wanted.uncertainties, plan.wanted.top_k
    if forward.logits is not None:
        return scores_of_logits(forward.logits, temperature=plan.temperature, measures=measures, top_k=top_k)
    assert forward.probabilities is not None  # a forward pass gives one or the other
    return scores_of_probabilities(
        forward.probabilities, temperature=plan.temperature, measures=measures, top_k=top_k
    )


def _record(metrics: ModelMetrics, scored: RowScores, *, seconds: float, classes_are_the_models: bool) -> None:
    row_count, valid_count = len(scored.valid), int(scored.valid.sum())
    metrics.total.observe(seconds)
    metrics.rows.inc(row_count)
    metrics.invalid_rows.inc(row_count - valid_count)
    if not classes_are_the_models:
        return
    rows = slice(None) if valid_count == row_count else scored.valid
    confidence = {Measure.LEAST_CONFIDENCE: least_confidence(scored.probabilities[rows])}
    asked = {measure: values[rows] for measure, values in scored.uncertainties.items()}
    metrics.counts.add(scored.predictions[rows], confidence | asked)
