"""Whether a scoring request can be answered: everything is refused before anything is computed."""

import math
from dataclasses import dataclass

import numpy as np

from assayd_server.core.scores import MEASURES
from assayd_server.core.tasks import Task
from assayd_server.core.validity import scorable_label_probabilities, scorable_probabilities
from assayd_server.errors import FailedPreconditionError, InvalidArgumentError
from assayd_server.plan import Plan
from assayd_server.rows import Committee, Logits, PoolRows, Probabilities, Rows
from assayd_server.wanted import Output

_NOVELTY_NUMBERS = 3
"""Of four bytes, for each measure of novelty of a row: a score and a p-value."""
_ENVELOPE_BYTES = 1024
"""What a response holds besides rows and class names, at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreLimits:
    """How much one scoring request may ask for."""

    response_bytes_max: int
    """The largest message that a caller can take."""
    scores_elements_max: int
    """The most rows times classes: a matrix of that size, and a few more like it, are held in memory."""
    diversity_operations_max: int
    """The most multiplications, roughly, for one diverse batch: no other computation runs meanwhile."""


def check(plan: Plan, limits: ScoreLimits) -> None:
    """Refuse what cannot be answered.

    Args:
        plan: the request with its model.
        limits: how much one request may ask for.

    Raises:
        ServiceError: it cannot be answered; the field says why.
    """
    if isinstance(plan.rows, Committee):
        raise wrong("rows.committee", "can be ranked, but not scored", "ROWS_NOT_USABLE")
    check_rows(plan)
    _check_uncertainties(plan)
    _check_top_k(plan)
    _check_outputs(plan)
    _check_size(plan, limits)


def check_rows(plan: Plan) -> None:
    """Refuse rows that do not fit the model, the task or the head.

    Raises:
        ServiceError: the field says why.
    """
    _check_head(plan)
    _check_last_layer(plan)
    _check_task(plan)
    _check_classes(plan)
    _check_probabilities(plan)


def _check_head(plan: Plan) -> None:
    head = plan.wanted.head
    if head is None:
        return
    if isinstance(plan.rows, Logits | Probabilities | Committee):
        raise wrong("head", "a linear head needs rows of embeddings or inputs", "HEAD_NOT_USABLE")
    if not plan.embedding_width:
        raise lacks(plan, "embedding", "head")
    if head.weights.shape[1] != plan.embedding_width:
        raise wrong(
            "head.weights.shape",
            f"has {head.weights.shape[1]} columns, the embedding has {plan.embedding_width}",
            "HEAD_DOES_NOT_FIT",
        )


def _check_last_layer(plan: Plan) -> None:
    """Rows of a pool are embeddings: without a head, the model's own is to be had, or nothing scores them."""
    if not isinstance(plan.rows, PoolRows) or plan.wanted.head is not None:
        return
    assert plan.model is not None  # who has a pool has a model
    if plan.model.last_layer is None:
        raise FailedPreconditionError(
            f"is missing, and model {plan.model.identity.name!r} has no last layer to score its pool's vectors "
            f"with: {plan.model.why_no_last_layer}",
            reason="NO_LAST_LAYER",
            field="head",
        )


def _check_task(plan: Plan) -> None:
    """Ready-made scores are of classes or labels, and a model that is named has a task of its own."""
    owner = plan.model if plan.model is not None and plan.wanted.head is None else None
    if owner is not None and plan.task is not owner.contract.task:
        message = f"is {plan.task}, model {owner.identity.name!r} is for {owner.contract.task}"
        raise wrong("task", message, "TASK_DOES_NOT_FIT")
    if plan.task is Task.REGRESSION and (plan.wanted.head is not None or not plan.value_count):
        raise wrong("task", "is regression, allowed are multiclass and multilabel", "TASK_DOES_NOT_FIT")
    if plan.task is Task.REGRESSION and plan.wanted.temperature is not None:
        raise wrong("temperature", f"is for probabilities, {gives_values(plan)}", "TASK_DOES_NOT_FIT")


def _check_uncertainties(plan: Plan) -> None:
    allowed = MEASURES[plan.task]
    unfit = next((measure for measure in plan.wanted.uncertainties if measure not in allowed), None)
    if unfit is not None and plan.task is Task.REGRESSION:
        raise wrong("uncertainties", f"{unfit} is of classes, {gives_values(plan)}", "TASK_DOES_NOT_FIT")
    if unfit is not None:
        message = f"{unfit} is not for {plan.task} rows, allowed are {', '.join(allowed)}"
        raise wrong("uncertainties", message, "TASK_DOES_NOT_FIT")


def _check_top_k(plan: Plan) -> None:
    if not 0 <= plan.wanted.top_k <= plan.class_count:
        message = f"is {plan.wanted.top_k}, allowed are 0 to {plan.class_count}, the number of classes"
        raise wrong("top_k", message, "TOP_K_OUT_OF_RANGE")


def _check_classes(plan: Plan) -> None:
    """Ready-made scores must be of the model that was named with them."""
    if plan.model is None or not isinstance(plan.rows, Logits | Probabilities | Committee):
        return
    if plan.task is Task.REGRESSION and not plan.rows_are_values:
        raise wrong("rows", f"are scores of classes, {gives_values(plan)}", "TASK_DOES_NOT_FIT")
    wanted = plan.model.contract.class_count
    if plan.class_count != wanted:
        raise wrong(
            f"{field_of(plan.rows)}.shape",
            f"has {plan.class_count} classes, model {plan.model.identity.name!r} has {wanted}",
            "CLASSES_DO_NOT_FIT",
        )


def _check_probabilities(plan: Plan) -> None:
    """A row with NaN is invalid; a row that holds other numbers than probabilities is a mistake."""
    rows = plan.rows
    given = isinstance(rows, Committee) and rows.kind == "probabilities"
    if not isinstance(rows, Committee | Probabilities) or (isinstance(rows, Committee) and not given):
        return
    values = rows.values.reshape(-1, plan.class_count)
    each = plan.task is Task.MULTILABEL
    good = scorable_label_probabilities(values) if each else scorable_probabilities(values)
    bad = ~good & ~np.isnan(values).any(axis=1)
    if bad.any():
        row = int(bad.argmax())
        low, high, total = values[row].min(), values[row].max(), values[row].sum(dtype=np.float64)
        if each:
            message = f"has the least value {low:.6g} and the largest {high:.6g}, allowed are 0 to 1"
        else:
            message = f"has the sum {total:.6g} and the least value {low:.6g}, allowed are 1 and 0 or more"
        of = f"member {row // plan.rows.count} row {row % plan.rows.count}" if given else f"row {row}"
        raise wrong(f"{field_of(plan.rows)}.data", f"{of} {message}", "NOT_PROBABILITIES")


def field_of(rows: Rows) -> str:
    """The field of the request that ready-made scores came in."""
    if isinstance(rows, Committee):
        return f"rows.committee.{rows.kind}"
    return "rows.logits" if isinstance(rows, Logits) else "rows.probabilities"


def _check_outputs(plan: Plan) -> None:
    has = {
        Output.PROBABILITIES: plan.task is not Task.REGRESSION,
        Output.LOGITS: plan.has_logits,
        Output.EMBEDDINGS: plan.embedding_width > 0,
        Output.VALUES: plan.value_count > 0,
    }
    if plan.wanted.own_outputs:
        _check_own_outputs(plan)
    what = {Output.LOGITS: "logits", Output.EMBEDDINGS: "embedding", Output.VALUES: "values"}
    for output in sorted(plan.outputs):
        if not has[output]:
            raise lacks(plan, what.get(output, "probabilities"), "outputs")


def _check_own_outputs(plan: Plan) -> None:
    """Whoever has read the request knew them, but a new version may have come since."""
    assert plan.model is not None  # nobody else has outputs
    known = [spec.name for spec in plan.model.contract.outputs]
    for name in plan.wanted.own_outputs:
        if name not in known:
            message = f"model {plan.model.identity.name!r} has no output {name!r}, it has {', '.join(known)}"
            raise wrong("outputs", message, "UNKNOWN_OUTPUT")


def _check_size(plan: Plan, limits: ScoreLimits) -> None:
    samples = plan.model.contract.sample_count if plan.model else 0
    computed = limits.scores_elements_max // ((plan.class_count or plan.value_count) * max(1, samples))
    sent = max(0, limits.response_bytes_max - _ENVELOPE_BYTES) // response_row_bytes(plan)
    rows_max = min(computed, sent)
    if plan.rows.count <= rows_max:
        return
    if plan.rows.count > computed:
        why = f"rows times classes may be {limits.scores_elements_max}"
    else:
        why = f"the answer would be larger than a message may be, {limits.response_bytes_max} bytes"
    raise InvalidArgumentError(
        f"{plan.rows.count} are too many: {why}; send at most {rows_max} rows at once, or ask for less",
        reason="ANSWER_TOO_LARGE",
        field="rows",
        details={"rows_max": str(rows_max)},
    )


def response_row_bytes(plan: Plan) -> int:
    """What one row adds to the response at most: numbers of four bytes, its position, its classes' names."""
    wanted, outputs = plan.wanted, plan.outputs
    numbers = 1 + len(wanted.uncertainties) + 2 * wanted.top_k
    numbers += plan.class_count * len(outputs & {Output.PROBABILITIES, Output.LOGITS})
    numbers += plan.embedding_width * (Output.EMBEDDINGS in outputs) + plan.value_count
    numbers += _NOVELTY_NUMBERS * (len(wanted.novelty) + 2 * bool(wanted.novelty))
    numbers += sum(_own_numbers(plan, name) for name in wanted.own_outputs)
    named = plan.model is not None and wanted.head is None
    names_bytes = plan.model.label_bytes_max * max(1, wanted.top_k) if named and plan.model else 0
    return 4 * numbers + 8 + names_bytes


def _own_numbers(plan: Plan, name: str) -> int:
    """How many numbers of four bytes a row of an output takes; an axis of any length counts as one."""
    assert plan.model is not None  # nobody else has outputs
    spec = next(spec for spec in plan.model.contract.outputs if spec.name == name)
    return 2 * math.prod(length or 1 for length in spec.shape[1:])  # of eight bytes at most, texts aside


def gives_values(plan: Plan) -> str:
    """Why there are no classes."""
    if plan.model is None:
        return "and these rows are values"
    return f"and model {plan.model.identity.name!r} is a regression model, which gives values alone"


def lacks(plan: Plan, what: str, field: str) -> FailedPreconditionError:
    """What was asked for and is not there."""
    if plan.model is None:
        message = f"these rows have no {what}: send inputs to a model that has one"
    elif plan.task is Task.REGRESSION and what != "embedding":
        message = f"there are no {what}, {gives_values(plan)}"
    elif what == "values":
        message = f"model {plan.model.identity.name!r} gives no values: it is for {plan.task}"
    else:
        message = f"model {plan.model.identity.name!r} gives no {what}: export it with one as an output"
    return FailedPreconditionError(message, reason=f"NO_{what.upper()}", field=field)


def wrong(field: str, message: str, reason: str) -> InvalidArgumentError:
    """A field of the request that is wrong."""
    return InvalidArgumentError(message, reason=reason, field=field)
