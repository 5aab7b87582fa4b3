"""What propose_labels does: rows in pieces, whose proposals compete for the quotas of all."""

from typing import Any, Unpack

from assayd.cutting import Piece
from assayd.label_proposals import ProposedPart, proposals, proposed_part
from assayd.piecework import Conditions, Piecework
from assayd.question import Question
from assayd.rows import Rows, batch_rows
from assayd.steps import Emit, Steps
from assayd.tables.table import Table
from assayd.v1 import labeling_pb2


def proposed(
    request: labeling_pb2.ProposeLabelsRequest, batch: Rows | Table, **conditions: Unpack[Conditions]
) -> Steps[None]:
    """Emit which rows a model may label.

    One pass will do: each call has the quotas of all rows, and what it leaves out is left out of the whole too.

    Args:
        request: everything but the rows.
        batch: the rows.
        **conditions: deadline and limits, for all of it.
    """
    work: Piecework[ProposedPart] = Piecework(
        Question(
            method="ProposeLabels",
            request=request,
            scoring=request,
            selector=request.model,
            rows=batch_rows,
            filled=_filled,
            result=proposed_part,
            reference=lambda part: part.reference_digest,
        ),
        **conditions,
    )
    answers = yield from work.batch(batch)
    yield Emit(proposals([part for _, part in answers]))


def _filled(request: Any, piece: Piece) -> labeling_pb2.ProposeLabelsRequest:
    filled = labeling_pb2.ProposeLabelsRequest(rows=piece.rows.message())
    filled.MergeFrom(request)
    return filled
