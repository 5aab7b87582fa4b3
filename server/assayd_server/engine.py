"""The use cases. No protobuf and no gRPC here."""

import time
from dataclasses import dataclass

import numpy as np

from assayd_server.caller import Caller
from assayd_server.checks import ScoreLimits, check
from assayd_server.core.heads import linear_head
from assayd_server.core.label_uncertainty import multilabel_mean
from assayd_server.core.scores import RowScores, scores_of_logits, scores_of_probabilities, scores_of_values
from assayd_server.core.tasks import Task
from assayd_server.core.uncertainty import Measure, least_confidence
from assayd_server.core.validity import finite
from assayd_server.gate import Gate
from assayd_server.metrics import Metrics, ModelMetrics
from assayd_server.plan import Plan
from assayd_server.repository import Failure, Repository
from assayd_server.rows import Embeddings, Head, Inputs, Logits, Rows
from assayd_server.servable import Forward, Servable
from assayd_server.wanted import ModelChoice, Wanted

ANYBODY = Caller()
_ALWAYS_COUNTED = {
    Task.MULTICLASS: (Measure.LEAST_CONFIDENCE, least_confidence),
    Task.MULTILABEL: (Measure.MULTILABEL_MEAN, multilabel_mean),
}
"""A measure of every row, whatever its call asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """Scores of n rows, and where they come from."""

    rows: RowScores
    forward: Forward
    plan: Plan


class Engine:
    """Answers what the servicers ask; one object for the whole server."""

    def __init__(self, repository: Repository, *, gate: Gate, metrics: Metrics, limits: ScoreLimits) -> None:
        """Make it ready.

        Args:
            repository: the models.
            gate: where computations wait for their turn.
            metrics: where rows are counted.
            limits: how much one request may ask for.
        """
        self._repository = repository
        self._gate = gate
        self._limits = limits
        self._metrics = {model.identity: _metrics_of(model, metrics) for model in repository.all()}

    def score(self, rows: Rows, wanted: Wanted, caller: Caller = ANYBODY) -> Scores:
        """Score rows, by one forward pass where they are inputs.

        Args:
            rows: n of them, 0 or more.
            wanted: what to score with and what to return.
            caller: work that has not begun when it stops waiting is not done.

        Raises:
            ServiceError: the request cannot be answered.
        """
        began = time.perf_counter()
        plan = Plan(rows, wanted, self._model_for(rows, wanted.model))
        check(plan, self._limits)
        if plan.model is None or not isinstance(rows, Inputs):
            with self._gate.enter(rows.count, caller):
                return _scored(_given(rows), plan)
        scores = self._run(plan.model, rows, plan=plan, caller=caller)
        metrics = self._metrics[plan.model.identity]
        metrics.total.observe(time.perf_counter() - began)
        _count(metrics, scores)
        return scores

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

    def _run(self, model: Servable, rows: Inputs, *, plan: Plan, caller: Caller) -> Scores:
        metrics = self._metrics[model.identity]
        arrays = model.match(rows)
        queued = time.perf_counter()
        with metrics.pending(rows.count), self._gate.enter(rows.count, caller):
            began = time.perf_counter()
            forward = model.forward(arrays, row_count=rows.count, roles=plan.roles)
            ended = time.perf_counter()
            scores = _scored(forward, plan)
        metrics.queue.observe(began - queued)
        metrics.inference.observe(ended - began)
        metrics.executions.inc(rows.count > 0)
        return scores


def _metrics_of(model: Servable, metrics: Metrics) -> ModelMetrics:
    labels = model.labels or tuple(map(str, range(model.contract.class_count)))
    return metrics.model(model.identity, labels, model.contract.task)


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


def _scored(forward: Forward, plan: Plan) -> Scores:
    forward = _headed(forward, plan.wanted.head)
    return Scores(rows=_score_rows(forward, plan), forward=forward, plan=plan)


def _score_rows(forward: Forward, plan: Plan) -> RowScores:
    if forward.values is not None:
        return scores_of_values(forward.values)
    task, temperature = plan.task, plan.temperature
    measures, top_k = plan.wanted.uncertainties, plan.wanted.top_k
    if forward.logits is not None:
        return scores_of_logits(forward.logits, task=task, temperature=temperature, measures=measures, top_k=top_k)
    assert forward.probabilities is not None  # a forward pass gives one of the three
    return scores_of_probabilities(
        forward.probabilities, task=task, temperature=temperature, measures=measures, top_k=top_k
    )


def _count(metrics: ModelMetrics, scores: Scores) -> None:
    rows, task = scores.rows, scores.plan.task
    row_count, valid_count = len(rows.valid), int(rows.valid.sum())
    metrics.rows.inc(row_count)
    metrics.invalid_rows.inc(row_count - valid_count)
    if scores.plan.wanted.head is not None or task is Task.REGRESSION:  # the model's own classes are counted
        return
    valid = slice(None) if valid_count == row_count else rows.valid
    probabilities = rows.probabilities[valid]
    uncertainties = {measure: values[valid] for measure, values in rows.uncertainties.items()}
    measure, formula = _ALWAYS_COUNTED[task]
    if measure not in uncertainties:
        uncertainties[measure] = formula(probabilities)
    predicted = np.nonzero(probabilities > 1 / 2)[1] if task is Task.MULTILABEL else rows.predictions[valid]
    metrics.counts.add(predicted, uncertainties)
