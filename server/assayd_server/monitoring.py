"""The use cases of a reference: compare windows with it. No protobuf and no gRPC here."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from assayd_server.caller import Caller
from assayd_server.checks import ScoreLimits, check
from assayd_server.computing import Computing
from assayd_server.core.arrays import Floats
from assayd_server.drift_checks import check_drift, check_labels, check_watched
from assayd_server.drift_testing import (
    ColumnsOfRows,
    DriftReport,
    columns_of,
    embeddings_of,
    judged,
    window_of,
    with_labels,
)
from assayd_server.drift_wanted import DriftWanted
from assayd_server.monitored import watched_scores
from assayd_server.novelty_checks import reference_of
from assayd_server.plan import Plan
from assayd_server.reference_file import Reference
from assayd_server.reference_rows import watched
from assayd_server.repository import Repository
from assayd_server.rows import Embeddings, Inputs, Rows, Sent
from assayd_server.scoring import Scores, given
from assayd_server.servable import Servable
from assayd_server.wanted import ModelChoice

_NO_ROW_COMES_BACK = 2**62
"""So that a window is not limited by what its rows would take in an answer."""


class Monitoring:
    """Answers what is asked of the references beside the models."""

    def __init__(self, repository: Repository, computing: Computing, *, limits: ScoreLimits) -> None:
        """Make it ready.

        Args:
            repository: the models, some with references.
            computing: where computations wait for their turn.
            limits: how much one request may ask for.
        """
        self._repository = repository
        self._computing = computing
        self._limits = replace(limits, response_bytes_max=_NO_ROW_COMES_BACK)

    def test_drift(self, sent: Sent, wanted: DriftWanted, caller: Caller) -> DriftReport:
        """Compare a window with the reference.

        Args:
            sent: the window, n rows.
            wanted: how to compare.
            caller: work that has not begun when it stops waiting is not done.

        Raises:
            ServiceError: the request cannot be answered.
        """
        model, reference = self.reference(wanted.model, wanted.reference_digest)
        rows = check_drift(sent, wanted, model, reference)
        labels = check_labels(rows, wanted, model, reference)
        with self._columns(rows, wanted.embeddings, model, reference, caller) as columns:
            window = window_of(columns, reference)
            if labels is not None:
                window, reference = with_labels(window, columns, labels, reference)
            return judged(window, wanted, model, reference)

    @contextmanager
    def columns(
        self, sent: Sent, beside: Floats | None, model: Servable, reference: Reference, caller: Caller
    ) -> Iterator[ColumnsOfRows]:
        """What is watched of rows; no other computation runs while the body does.

        Args:
            sent: n rows, 0 or more.
            beside: (n, d) embeddings, where the rows bring none.
            model: whose reference it is.
            reference: whose columns are meant.
            caller: as of test_drift.

        Raises:
            ServiceError: the rows cannot be compared.
        """
        rows = check_watched(sent, beside, model, reference)
        with self._columns(rows, beside, model, reference, caller) as columns:
            yield columns

    def reference(self, choice: ModelChoice, digest: str = "") -> tuple[Servable, Reference]:
        """A reference, and the model that it lies beside.

        Raises:
            ServiceError: there is no such reference.
        """
        model = self._repository.find(choice.name, choice.version)
        return model, reference_of(model, digest)

    @contextmanager
    def _columns(
        self, rows: Rows, beside: Floats | None, model: Servable, reference: Reference, caller: Caller
    ) -> Iterator[ColumnsOfRows]:
        if isinstance(rows, Embeddings):
            with self._computing.turn(None, rows.count, caller):
                yield columns_of(rows, None, rows.values, reference)
            return
        scoring = watched(model, reference.manifest.temperature)
        if not isinstance(rows, Inputs):
            scoring = replace(scoring, outputs=frozenset())
        plan = Plan(rows, scoring, model)
        check(plan, self._limits)
        with self._turn(plan, caller) as scores:
            yield columns_of(plan.rows, scores, embeddings_of(plan.rows, scores, beside), reference)

    @contextmanager
    def _turn(self, plan: Plan, caller: Caller) -> Iterator[Scores]:
        """The scores of a window; no other computation runs while the body does."""
        rows, model = plan.rows, plan.model
        assert model is not None  # who has a reference has a model
        arrays = model.match(rows) if isinstance(rows, Inputs) else None
        with self._computing.turn(model, rows.count, caller):
            if arrays is None:
                yield watched_scores(given(plan), plan)
                return
            forward = self._computing.forward(model, arrays, row_count=rows.count, roles=plan.roles)
            scores = watched_scores(forward, plan)
            yield scores
        metrics = self._computing.metrics[model]
        metrics.rows.inc(rows.count)
        metrics.invalid_rows.inc(rows.count - int(scores.rows.valid.sum()))
