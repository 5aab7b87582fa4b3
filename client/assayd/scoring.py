"""Scores batches of any size by many unary calls: cuts them, keeps calls in flight, joins the answers in order."""

import time
from collections.abc import Iterator
from contextlib import closing
from typing import TypeAlias

from assayd import results
from assayd.answers import answer
from assayd.arrays import TensorError
from assayd.channel import ChannelSettings
from assayd.cutting import Cutter, Piece
from assayd.describing import described
from assayd.errors import (
    AssaydError,
    FailedPreconditionError,
    InternalError,
    InvalidArgumentError,
    NotFoundError,
)
from assayd.pipeline import Pipeline
from assayd.refusals import rows_allowed
from assayd.results import Scores
from assayd.rows import Rows, batch_rows, table_rows
from assayd.steps import END, Emit, Pending, Send, Steps, Take
from assayd.tables.table import Table
from assayd.v1 import scoring_pb2
from assayd.wire import DType

_PINNED_ATTEMPTS_MAX = 16
_ENVELOPE_BYTES = 64
"""The most that the rows' own field headers add to a request."""


_Answer: TypeAlias = tuple[Piece, Scores]


class ScoreJob:
    """One score or score_stream call of the SDK, as steps: a request without rows, sent with some at a time.

    When the server says that it takes fewer rows at once (reason TOO_MANY_ROWS), the piece and all that are cut
    after it are cut to that; when a message would be too large, those of the same batch.
    """

    def __init__(
        self,
        request: scoring_pb2.ScoreRequest,
        *,
        deadline_seconds: float,
        settings: ChannelSettings,
        metadata: tuple[tuple[str, str], ...] = (),
        wire_dtype: DType | None = None,
    ) -> None:
        """Nothing is sent yet.

        Args:
            request: everything but the rows.
            deadline_seconds: for a batch, or for each call of a stream.
            settings: the limits.
            metadata: goes along with each call.
            wire_dtype: as what numbers are sent; None is as what they are.

        Raises:
            InvalidArgumentError: the request alone is larger than a message.
        """
        self._request = request
        self._metadata = metadata
        self._wire_dtype = wire_dtype
        self._inputs: tuple[results.TensorSpec, ...] = ()
        self._deadline_seconds = deadline_seconds
        self._deadline: float | None = None
        self._in_flight_max = settings.calls_in_flight_max
        self._rows_max = settings.rows_max
        self._bytes_max = settings.message_bytes_max - request.ByteSize() - _ENVELOPE_BYTES
        self._pieces: Iterator[Piece] = iter(())
        if self._bytes_max <= 0:
            part, size = (
                ("head", request.head.ByteSize()) if request.HasField("head") else ("request", request.ByteSize())
            )
            raise InvalidArgumentError(
                f"{part}: takes {size} bytes, a message holds {settings.message_bytes_max} and rows besides",
                field=part,
            )

    def score(self, batch: Rows | Table) -> Steps[None]:
        """Emit the scores of one batch, all of it before the deadline."""
        self._deadline = time.monotonic() + self._deadline_seconds
        answers = yield from self._scored(self._cut((yield from self._rows(batch))))
        yield Emit(results.joined((yield from self._agreed(answers))))

    def stream(self) -> Steps[None]:
        """Take batches, and emit the scores of each, in order."""
        done: list[_Answer] = []
        with closing(Pipeline(self._take, self._send, in_flight_max=self._in_flight_max)) as calls:
            while (sent := (yield from calls.next())) is not None:
                piece, call = sent
                done += yield from self._answers(piece, call)
                if piece.last:
                    yield Emit(results.joined((yield from self._agreed(done))))
                    done = []

    def _take(self) -> Steps[Piece | None]:
        """The next piece of the batch that was taken last, or the first of another."""
        piece = next(self._pieces, None)
        if piece is None and (batch := (yield Take())) is not END:
            self._pieces = self._cut((yield from self._rows(batch_rows(batch))))
            piece = next(self._pieces)
        return piece

    def _scored(self, pieces: Iterator[Piece]) -> Steps[list[_Answer]]:
        """The answers to all pieces."""
        answers = list[_Answer]()
        with closing(Pipeline(lambda: _next_of(pieces), self._send, in_flight_max=self._in_flight_max)) as calls:
            while (sent := (yield from calls.next())) is not None:
                answers += yield from self._answers(*sent)
        return answers

    def _rows(self, batch: Rows | Table) -> Steps[Rows]:
        """The rows of a batch as they are to be sent; for tables, the model's contract is asked for, once."""
        if isinstance(batch, Table):
            if not self._inputs:
                model = yield from described(self._request.model, seconds=self._seconds(), metadata=self._metadata)
                self._inputs = model.inputs
            batch = table_rows(batch, self._inputs)
        return batch.sent_as(self._wire_dtype)

    def _cut(self, rows: Rows) -> Iterator[Piece]:
        return Cutter(rows, lambda: self._rows_max, self._bytes_max).pieces()

    def _send(self, piece: Piece, *, version: int = 0) -> Steps[Pending]:
        request = scoring_pb2.ScoreRequest(rows=piece.rows.message())
        request.MergeFrom(self._request)
        if version:
            request.model.version = version
        return (yield Send("Score", request, self._seconds(), self._metadata))

    def _seconds(self) -> float:
        """What is left for the batch; in a stream, what each call may take, however slow its consumer is."""
        return self._deadline_seconds if self._deadline is None else max(0.0, self._deadline - time.monotonic())

    def _answers(self, piece: Piece, call: Pending) -> Steps[list[_Answer]]:
        try:
            return [(piece, (yield from _result(call)))]
        except AssaydError as error:
            rows_max = rows_allowed(error, piece.rows.count)
            if not 0 < rows_max < piece.rows.count:
                raise
            if error.reason == "TOO_MANY_ROWS":  # whatever they are; else it is a matter of this batch's rows
                self._rows_max = min(self._rows_max, rows_max)
        cutter = piece.cutter
        cutter.fitting = min(cutter.fitting, rows_max)
        smaller = Cutter(piece.rows, lambda: cutter.fitting, self._bytes_max)
        return (yield from self._scored(smaller.pieces()))

    def _agreed(self, done: list[_Answer]) -> Steps[list[Scores]]:
        """The answers, all from one model version: the pieces that met an older one are scored once more."""
        newest = max((scores.model for _, scores in done if scores.model), key=_version, default=None)
        agreed = []
        for piece, scores in done:
            if newest is None or scores.model == newest:
                agreed.append(scores)
            else:
                agreed.append((yield from self._pinned(piece, newest.version)))
        _check_same_file(agreed)
        return agreed

    def _pinned(self, piece: Piece, version: int) -> Steps[Scores]:
        """The scores by just that version; while a fleet is rolled out, some replicas do not have it yet."""
        for _ in range(_PINNED_ATTEMPTS_MAX - 1):
            try:
                return (yield from _result((yield from self._send(piece, version=version))))
            except NotFoundError:
                continue  # calls go round: the next one meets another replica
        return (yield from _result((yield from self._send(piece, version=version))))


def _next_of(pieces: Iterator[Piece]) -> Steps[Piece | None]:
    yield from ()
    return next(pieces, None)


def _check_same_file(scores: list[Scores]) -> None:
    identities = [each.model for each in scores if each.model]
    digests = {identity.digest for identity in identities}
    if len(digests) > 1:
        raise FailedPreconditionError(
            f"model: replicas serve different files as {identities[0].name} version {identities[0].version}: "
            + " and ".join(sorted(digests)),
            reason="REPLICAS_DISAGREE",
            field="model",
        )


def _version(identity: results.ModelIdentity) -> int:
    return identity.version


def _result(call: Pending) -> Steps[Scores]:
    response = yield from answer(call)
    try:
        return results.scores(response)
    except TensorError as error:
        raise InternalError(f"the server's answer cannot be read: {error}") from None
