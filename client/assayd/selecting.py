"""What select_stream does: one call after the other, each with the state that the one before came to."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Unpack

from assayd.cutting import Piece
from assayd.decisions import Decisions, decisions_of, joined_decisions
from assayd.piecework import Conditions, Piecework
from assayd.question import Question
from assayd.rank_rows import batch_ranked, beside_tensor
from assayd.steps import Emit, Steps
from assayd.v1 import selection_pb2


@dataclass(frozen=True, slots=True)
class _Decided:
    """Decisions that stand, whichever version of the model made them: a stream outlives a rollout."""

    decisions: Decisions
    model: None = None


class SelectJob:
    """One select_stream call of the SDK, as steps.

    Each piece is a stream of one message, which on the wire is the same as a unary call: so every call has a
    deadline and can be retried, any replica may answer it, and no thread of a server is held in between.
    """

    def __init__(self, request: selection_pb2.SelectStreamRequest, **conditions: Unpack[Conditions]) -> None:
        """Nothing is sent yet.

        Args:
            request: the settings.
            **conditions: deadline and limits.

        Raises:
            InvalidArgumentError: the settings alone are larger than a message.
        """
        self._state = request.settings.state
        question = Question(
            method="SelectStream",
            request=request,
            scoring=request.settings,
            selector=request.settings.model,
            rows=batch_ranked,
            filled=self._filled,
            result=self._decided,
            of_no_rows=False,
        )
        conditions["settings"] = replace(
            conditions["settings"], calls_in_flight_max=1
        )  # each needs the last state
        self._work = Piecework(question, **conditions)

    def stream(self) -> Steps[None]:
        """Take batches, and emit the decisions on each, in order."""
        return self._work.stream(_emit_joined)

    def _filled(
        self, request: selection_pb2.SelectStreamRequest, piece: Piece
    ) -> selection_pb2.SelectStreamRequest:
        filled = selection_pb2.SelectStreamRequest()
        filled.CopyFrom(request)
        filled.rows.CopyFrom(piece.rows.message())
        if "ids" in piece.rows.beside:
            filled.ids.CopyFrom(beside_tensor("ids", piece.rows.beside["ids"]))
        filled.settings.state = self._state
        return filled

    def _decided(self, response: selection_pb2.SelectStreamResponse) -> _Decided:
        self._state = response.state
        return _Decided(decisions_of(response))


def _emit_joined(answers: Sequence[tuple[Piece, _Decided]]) -> Steps[None]:
    yield Emit(joined_decisions([decided.decisions for _, decided in answers]))
