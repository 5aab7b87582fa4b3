"""What score and score_stream do: the answers on the pieces of a batch, joined."""

from collections.abc import Sequence
from typing import Unpack

from assayd import results
from assayd.cutting import Piece
from assayd.piecework import Conditions, Piecework
from assayd.question import Question
from assayd.results import Scores
from assayd.rows import Rows, batch_rows
from assayd.steps import Emit, Steps
from assayd.tables.table import Table
from assayd.v1 import scoring_pb2


class ScoreJob:
    """One score or score_stream call of the SDK, as steps."""

    def __init__(self, request: scoring_pb2.ScoreRequest, **conditions: Unpack[Conditions]) -> None:
        """Nothing is sent yet.

        Args:
            request: everything but the rows.
            **conditions: deadline and limits.

        Raises:
            InvalidArgumentError: the request alone is larger than a message.
        """
        self._work = Piecework(
            Question(
                method="Score",
                request=request,
                scoring=request,
                selector=request.model,
                rows=batch_rows,
                filled=_filled,
                result=results.scores,
                pool=_pool_of,
                reference=_reference_of,
            ),
            **conditions,
        )

    def score(self, batch: Rows | Table) -> Steps[None]:
        """Emit the scores of one batch, all of it before the deadline."""
        yield from _emit_joined((yield from self._work.batch(batch)))

    def stream(self) -> Steps[None]:
        """Take batches, and emit the scores of each, in order."""
        return self._work.stream(_emit_joined)


def _emit_joined(answers: Sequence[tuple[Piece, Scores]]) -> Steps[None]:
    yield Emit(results.joined([scores for _, scores in answers]))


def _pool_of(scores: Scores) -> str:
    return "" if scores.neighbors is None else scores.neighbors.pool_digest


def _reference_of(scores: Scores) -> str:
    return "" if scores.novelty is None else scores.novelty.reference_digest


def _filled(request: scoring_pb2.ScoreRequest, piece: Piece) -> scoring_pb2.ScoreRequest:
    filled = scoring_pb2.ScoreRequest(rows=piece.rows.message())
    filled.MergeFrom(request)
    return filled
