"""What watch_drift does: one call after the other, each with the state that the one before came to."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Unpack

from assayd.cutting import Piece
from assayd.drift_options import batch_watched
from assayd.piecework import Conditions, Piecework
from assayd.question import Question
from assayd.rank_rows import beside_tensor
from assayd.steps import Emit, Steps
from assayd.v1 import monitoring_pb2
from assayd.watch_report import Watched, watched

_STATE_BYTES = 64 * 1024
"""Left free in messages for the state, which grows with the columns; what is too large all the same is cut."""


class WatchJob:
    """One watch_drift call of the SDK, as steps.

    Each piece is a stream of one message, which on the wire is the same as a unary call: so every call has a
    deadline and can be retried, any replica with the reference may answer it, and no thread of a server is held in
    between. The reference that answers first is kept to.
    """

    def __init__(
        self,
        request: monitoring_pb2.WatchDriftRequest,
        *,
        every_batch: bool = False,
        **conditions: Unpack[Conditions],
    ) -> None:
        """Nothing is sent yet.

        Args:
            request: the settings.
            every_batch: emit a report after each batch, though there is nothing to tell.
            **conditions: deadline and limits.

        Raises:
            InvalidArgumentError: the settings alone are larger than a message.
        """
        self._settings = request.settings
        self._every_batch = every_batch
        question = Question(
            method="WatchDrift",
            request=request,
            selector=request.settings.model,
            rows=batch_watched,
            filled=_filled,
            result=self._answered,
            of_no_rows=False,
            pins_version=True,
        )
        settings = conditions["settings"]
        conditions["settings"] = replace(
            settings,
            calls_in_flight_max=1,  # each needs the last state
            message_bytes_max=settings.message_bytes_max - min(_STATE_BYTES, settings.message_bytes_max // 8),
        )
        self._work = Piecework(question, **conditions)

    def stream(self) -> Steps[None]:
        """Take batches, and emit the reports on each, in order."""
        return self._work.stream(self._emit)

    def _answered(self, response: monitoring_pb2.WatchDriftResponse) -> Watched:
        self._settings.state = response.state
        self._settings.reference_digest = response.reference_digest
        self._settings.model.name, self._settings.model.version = response.model.name, response.model.version
        return watched(response)

    def _emit(self, answers: Sequence[tuple[Piece, Watched]]) -> Steps[None]:
        reports = [report for _, answer in answers for report in answer.reports]
        for report in reports:
            yield Emit(report)
        now = answers[-1][1].now
        if self._every_batch and not (reports and reports[-1].rows_seen == now.rows_seen):
            yield Emit(now)


def _filled(request: monitoring_pb2.WatchDriftRequest, piece: Piece) -> monitoring_pb2.WatchDriftRequest:
    filled = monitoring_pb2.WatchDriftRequest(rows=piece.rows.message())
    for name, array in piece.rows.beside.items():
        getattr(filled, name).CopyFrom(beside_tensor(name, array))
    filled.MergeFrom(request)
    return filled
