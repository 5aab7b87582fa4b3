"""What assess_labels and evaluate do: rows and labels in pieces, whose answers add up."""

import time
from typing import Any, Unpack

from assayd.cutting import Piece
from assayd.errors import AssaydError, InvalidArgumentError
from assayd.label_results import (
    AssessedPart,
    EvaluatedPart,
    assessed_part,
    assessment,
    evaluated_part,
    evaluation,
)
from assayd.label_sums import LabelSums, sums_of
from assayd.piecework import Conditions, Piecework
from assayd.question import Question
from assayd.rank_rows import beside_tensor
from assayd.refusals import rows_allowed
from assayd.rows import Rows, batch_rows
from assayd.steps import Emit, Steps
from assayd.tables.table import Table
from assayd.v1 import labeling_pb2


def assessed(
    request: labeling_pb2.AssessLabelsRequest, batch: Rows | Table, **conditions: Unpack[Conditions]
) -> Steps[None]:
    """Emit how good labels are: by one call where the rows go in one, else by two passes over them.

    Where the sums of all rows are given, these rows are a part of them, and one pass will do.

    Args:
        request: everything but rows and labels.
        batch: rows with labels beside them.
        **conditions: deadline and limits, for all of it.
    """
    if request.HasField("given"):
        answers = yield from _assessing(request, conditions).batch(batch)
    else:
        answers = yield from _of_all(request, batch, conditions)
    yield Emit(assessment([(piece.offset, part) for piece, part in answers]))


def summed(
    request: labeling_pb2.AssessLabelsRequest, batch: Rows | Table, **conditions: Unpack[Conditions]
) -> Steps[None]:
    """Emit what thresholds are made of; the arguments are those of assessed."""
    answers = yield from _assessing(_first(request), conditions).batch(batch)
    yield Emit(sums_of([part for _, part in answers]))


def _of_all(
    request: labeling_pb2.AssessLabelsRequest, batch: Rows | Table, conditions: Conditions
) -> Steps[list[tuple[Piece, AssessedPart]]]:
    """The answers on all rows, by the thresholds of all of them."""
    ends = time.monotonic() + conditions["deadline_seconds"]
    work = _assessing(request, conditions)
    rows = yield from work.begun(batch)
    answers = yield from _of_one_call(work, rows)
    if answers:
        return answers
    passed = yield from _assessing(_first(request), conditions).batch(rows)
    second = _second(request, sums_of([part for _, part in passed]))
    left = Conditions({**conditions, "deadline_seconds": max(0.0, ends - time.monotonic())})
    return (yield from _assessing(second, left).batch(rows))


def _of_one_call(work: Piecework[AssessedPart], rows: Rows) -> Steps[list[tuple[Piece, AssessedPart]]]:
    """The answer on all rows; none where they do not go in one call, of which the server knows more than we do."""
    piece = next(work.cut(rows))
    if not piece.last:
        return []
    try:
        return [(piece, (yield from work.asked(work.question.filled(work.question.request, piece))))]
    except AssaydError as error:
        if not 0 < rows_allowed(error, rows.count) < rows.count:
            raise
        return []


def evaluated(
    request: labeling_pb2.EvaluateRequest, batch: Rows | Table, **conditions: Unpack[Conditions]
) -> Steps[None]:
    """Emit how good predictions are; the arguments are those of assessed."""
    of_part = labeling_pb2.EvaluateRequest(part=True)
    of_part.MergeFrom(request)
    work: Piecework[EvaluatedPart] = Piecework(
        Question(
            method="Evaluate",
            request=of_part,
            scoring=of_part,
            selector=request.model,
            rows=batch_rows,
            filled=_filled,
            result=evaluated_part,
        ),
        **conditions,
    )
    answers = yield from work.batch(batch)
    of_classes = all(piece.rows.beside["labels"].ndim == 1 for piece, _ in answers)
    found = evaluation([(piece.offset, part) for piece, part in answers], of_classes=of_classes)
    if not found.verified:
        raise InvalidArgumentError(
            "labels: are all unverified: there is nothing to compare with",
            reason="NOTHING_VERIFIED",
            field="labels",
        )
    yield Emit(found)


def _first(request: labeling_pb2.AssessLabelsRequest) -> labeling_pb2.AssessLabelsRequest:
    """For the sums alone."""
    first = labeling_pb2.AssessLabelsRequest(sums_only=True)
    first.MergeFrom(request)
    return first


def _second(request: labeling_pb2.AssessLabelsRequest, given: LabelSums) -> labeling_pb2.AssessLabelsRequest:
    """With the sums of all rows, and by the model that they are of."""
    second = labeling_pb2.AssessLabelsRequest()
    second.CopyFrom(request)
    second.given.CopyFrom(given.message())
    if given.model is not None:
        second.model.name, second.model.version = given.model.name, given.model.version
    return second


def _assessing(request: labeling_pb2.AssessLabelsRequest, conditions: Conditions) -> Piecework[AssessedPart]:
    return Piecework(
        Question(
            method="AssessLabels",
            request=request,
            scoring=request,
            selector=request.model,
            rows=batch_rows,
            filled=_filled,
            result=assessed_part,
            pins_version=request.HasField("given"),
        ),
        **conditions,
    )


def _filled(request: Any, piece: Piece) -> Any:
    filled = type(request)(rows=piece.rows.message(), labels=beside_tensor("labels", piece.rows.beside["labels"]))
    filled.MergeFrom(request)
    return filled
