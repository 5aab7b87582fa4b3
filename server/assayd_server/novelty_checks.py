"""Whether the novelty of rows can be told: everything is refused before anything is computed."""

from assayd_server.checks import wrong
from assayd_server.core.novelty import Need, NoveltyMeasure, missing
from assayd_server.core.tasks import Task
from assayd_server.errors import FailedPreconditionError, InvalidArgumentError
from assayd_server.plan import Plan
from assayd_server.reference_file import Reference
from assayd_server.rows import Embeddings, Inputs, Logits, PoolRows, Probabilities
from assayd_server.servable import Servable

_NEEDED = {Need.LOGITS: "logits", Need.PROBABILITIES: "logits or probabilities", Need.EMBEDDING: "an embedding"}


def reference_of(model: Servable, digest: str = "", *, field: str = "") -> Reference:
    """The reference beside a model.

    Args:
        model: that may have one.
        digest: of the reference that is meant; empty for any.
        field: of the request that needs it.

    Raises:
        FailedPreconditionError: it has none, or another one.
    """
    if model.reference is None:
        raise FailedPreconditionError(
            f"model {model.identity.name!r} has no reference: make one with assayd reference build, into its "
            "bundle or for assayd serve --reference",
            reason="NO_REFERENCE",
            field=field,
        )
    if digest not in ("", model.reference.digest):
        raise FailedPreconditionError(
            f"is {digest}, this server has {model.reference.digest}",
            reason="REFERENCE_DIFFERS",
            field="reference_digest",
            details={"reference_digest": model.reference.digest},
        )
    return model.reference


def check_novelty(plan: Plan, *, operations_max: int) -> None:
    """Refuse measures that cannot be taken of these rows.

    Args:
        plan: the request with its model.
        operations_max: how many multiplications comparing rows with those of the reference may take: no other
            computation runs meanwhile.

    Raises:
        ServiceError: there is no reference, or it or the rows have not what is asked for.
    """
    if not plan.wanted.novelty:
        return
    if plan.model is None:
        raise wrong("model", "is missing: novelty is told against the reference of a model", "MODEL_NOT_NAMED")
    if plan.wanted.head is not None or isinstance(plan.rows, Embeddings | PoolRows):
        raise wrong(
            "novelty", "is told of inputs, or of the model's own logits or probabilities", "ROWS_NOT_USABLE"
        )
    reference = reference_of(plan.model, field="novelty")
    for measure in plan.wanted.novelty:
        _check_measure(measure, plan, reference)
    if NoveltyMeasure.KNN in plan.wanted.novelty:
        _check_comparisons(plan, reference, operations_max)


def _check_measure(measure: NoveltyMeasure, plan: Plan, reference: Reference) -> None:
    has = reference.novelty.measures
    if measure not in has:
        raise FailedPreconditionError(
            f"the reference has no {measure}, it has {', '.join(has) or 'none'}",
            reason="NO_NOVELTY",
            field="novelty",
        )
    given = _given(plan)
    parts = reference.novelty.combined if measure is NoveltyMeasure.COMBINED else (measure,)
    lacking = {need for part in parts for need in missing(part, given | {Need.CLASSES})}
    if lacking:
        needed = " and ".join(_NEEDED[need] for need in sorted(lacking))
        raise wrong("novelty", f"{measure} needs {needed}, which these rows have not", "ROWS_NOT_USABLE")


def _check_comparisons(plan: Plan, reference: Reference, operations_max: int) -> None:
    neighbors = reference.novelty.fitted.neighbors
    assert neighbors is not None  # the reference has the measure
    rows_max = max(1, operations_max // neighbors.directions.size)
    if plan.rows.count > rows_max:
        raise InvalidArgumentError(
            f"{plan.rows.count} are too many for knn: comparing them with the reference may take {operations_max} "
            f"operations; send at most {rows_max} rows at once",
            reason="ANSWER_TOO_LARGE",
            field="rows",
            details={"rows_max": str(rows_max)},
        )


def _given(plan: Plan) -> frozenset[Need]:
    """What measures can look at."""
    if isinstance(plan.rows, Logits):
        return frozenset({Need.LOGITS})
    if isinstance(plan.rows, Probabilities):
        return frozenset({Need.PROBABILITIES})
    assert plan.model is not None
    assert isinstance(plan.rows, Inputs)
    contract = plan.model.contract
    given = {Need.EMBEDDING} if contract.embedding_width else set[Need]()
    if plan.task is Task.MULTICLASS:
        given.add(Need.LOGITS if plan.has_logits else Need.PROBABILITIES)
    return frozenset(given)
