"""Many unary calls for batches of any size: cuts them, keeps calls in flight, gives the answers in order."""

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any, Generic, NotRequired, TypedDict, Unpack

from assayd.agreement import POOL_DIFFERS, REFERENCE_DIFFERS, UNKNOWN_ID, Agreement, asked_around
from assayd.answers import result_of
from assayd.channel import ChannelSettings
from assayd.cutting import Cutter, Piece
from assayd.describing import described
from assayd.errors import (
    AssaydError,
    InvalidArgumentError,
    NotFoundError,
)
from assayd.pipeline import Pipeline
from assayd.question import Question, Result
from assayd.refusals import rows_allowed
from assayd.results import ModelInfo, TensorSpec
from assayd.rows import Rows, rows_fitting, table_rows
from assayd.steps import END, Pending, Send, Steps, Take
from assayd.tables.table import Table
from assayd.v1 import scoring_pb2
from assayd.wire import DType

_ENVELOPE_BYTES = 64
"""The most that the rows' own field headers add to a request."""


class Conditions(TypedDict):
    """Under which calls are made."""

    deadline_seconds: float
    """For a batch, or for each call of a stream."""
    settings: ChannelSettings
    """The limits."""
    metadata: NotRequired[tuple[tuple[str, str], ...]]
    """Goes along with each call."""
    wire_dtype: NotRequired[DType | None]
    """As what numbers are sent; None is as what they are."""


class Piecework(Generic[Result]):
    """Puts one question about the rows of batches, some rows at a time.

    When the server says that it takes fewer rows at once (reason TOO_MANY_ROWS), the piece and all that are cut
    after it are cut to that; when a message would be too large, those of the same batch.
    """

    def __init__(self, question: Question[Result], **conditions: Unpack[Conditions]) -> None:
        """Nothing is sent yet.

        Args:
            question: what is asked.
            **conditions: deadline and limits.

        Raises:
            InvalidArgumentError: the request alone is larger than a message.
        """
        settings, request, scoring = conditions["settings"], question.request, question.scoring
        self.question = question
        self._deadline_seconds = conditions["deadline_seconds"]
        self._metadata = conditions.get("metadata", ())
        self._wire_dtype = conditions.get("wire_dtype")
        self._inputs: tuple[TensorSpec, ...] = ()
        self._deadline: float | None = None
        self._in_flight_max = settings.calls_in_flight_max
        self._rows_max = settings.rows_max
        self._bytes_max = settings.message_bytes_max - request.ByteSize() - _ENVELOPE_BYTES
        self._pieces: Iterator[Piece] = iter(())
        self._taken = 0
        if self._bytes_max <= 0:
            part, size = (
                ("head", scoring.head.ByteSize())
                if scoring is not None and scoring.HasField("head")
                else ("request", request.ByteSize())
            )
            raise InvalidArgumentError(
                f"{part}: takes {size} bytes, a message holds {settings.message_bytes_max} and rows besides",
                field=part,
            )

    def batch(self, batch: Rows | Table) -> Steps[list[tuple[Piece, Result]]]:
        """The answers on one batch, all of them before the deadline, from one model version and one pool."""
        answers = yield from self._asked(self.cut((yield from self.begun(batch))))
        return (yield from Agreement(self.question, self.pinned).on(answers))

    def begun(self, batch: Rows | Table) -> Steps[Rows]:
        """The rows of a batch as they are to be sent; from here on its deadline counts."""
        self._deadline = time.monotonic() + self._deadline_seconds
        return (yield from self._rows(batch))

    def stream(self, use: Callable[[list[tuple[Piece, Result]]], Steps[None]]) -> Steps[None]:
        """Take batches, and have the answers on each used, in order."""
        done: list[tuple[Piece, Result]] = []
        with closing(Pipeline(self._take, self._send, in_flight_max=self._in_flight_max)) as calls:
            while (sent := (yield from calls.next())) is not None:
                piece, call = sent
                done += yield from self._answers(piece, call)
                if piece.last:
                    yield from use((yield from Agreement(self.question, self.pinned).on(done)))
                    done = []

    def rows_fitting(self, rows: Rows) -> int:
        """How many rows such as these one call takes, as far as is known by now."""
        return min(rows_fitting(rows, self._bytes_max), self._rows_max)

    def model(self, selector: scoring_pb2.ModelSelector) -> Steps[ModelInfo]:
        """The contract of a model."""
        return (yield from described(selector, seconds=self._seconds(), metadata=self._metadata))

    def _take(self) -> Steps[Piece | None]:
        """The next piece of the batch that was taken last, or the first of another."""
        piece = next(self._pieces, None)
        while piece is None and (batch := (yield Take())) is not END:
            rows = yield from self._rows(self.question.rows(batch))
            if self._taken == 0 and self.question.prepare:
                yield from self.question.prepare(rows)
            if rows.count or self.question.of_no_rows:
                self._pieces = self.cut(rows)
                self._taken += rows.count
                piece = next(self._pieces)
        return piece

    def _asked(self, pieces: Iterator[Piece]) -> Steps[list[tuple[Piece, Result]]]:
        """The answers on all pieces."""
        answers: list[tuple[Piece, Result]] = []
        with closing(Pipeline(lambda: _next_of(pieces), self._send, in_flight_max=self._in_flight_max)) as calls:
            while (sent := (yield from calls.next())) is not None:
                answers += yield from self._answers(*sent)
        return answers

    def _rows(self, batch: Rows | Table) -> Steps[Rows]:
        """The rows of a batch as they are to be sent; for tables, the model's contract is asked for, once."""
        if isinstance(batch, Table):
            if not self._inputs:
                self._inputs = (yield from self.model(self.question.selector)).inputs
            batch = table_rows(batch, self._inputs)
        return batch.sent_as(self._wire_dtype)

    def cut(self, rows: Rows) -> Iterator[Piece]:
        """The rows in pieces that a call takes, as far as is known by then."""
        return Cutter(rows, lambda: self._rows_max, self._bytes_max, offset=self._taken).pieces()

    def _send(self, piece: Piece) -> Steps[Pending]:
        return (yield from self._sent(self.question.filled(self.question.request, piece)))

    def _sent(self, request: Any) -> Steps[Pending]:
        return (yield Send(self.question.method, request, self._seconds(), self._metadata))

    def _seconds(self) -> float:
        """What is left for the batch; in a stream, what each call may take, however slow its consumer is."""
        if self._deadline is None:
            return self._deadline_seconds
        return max(0.0, self._deadline - time.monotonic())

    def _answers(self, piece: Piece, call: Pending) -> Steps[list[tuple[Piece, Result]]]:
        try:
            return [(piece, (yield from self._result(call)))]
        except NotFoundError as error:
            if not self.question.pins_version or error.reason == UNKNOWN_ID:
                raise
            # a version that another replica had when the stream began; in a rollout some lack it
            return [(piece, (yield from self.pinned(self.question.filled(self.question.request, piece))))]
        except AssaydError as error:
            if error.reason in (POOL_DIFFERS, REFERENCE_DIFFERS):
                return [(piece, (yield from self.pinned(self.question.filled(self.question.request, piece))))]
            rows_max = rows_allowed(error, piece.rows.count)
            if not 0 < rows_max < piece.rows.count:
                raise
            if error.reason == "TOO_MANY_ROWS":  # whatever they are; else it is a matter of this batch's rows
                self._rows_max = min(self._rows_max, rows_max)
        cutter = piece.cutter
        cutter.fitting = min(cutter.fitting, rows_max)
        smaller = Cutter(piece.rows, lambda: cutter.fitting, self._bytes_max, offset=piece.offset)
        return (yield from self._asked(smaller.pieces()))

    def pinned(self, request: Any) -> Steps[Result]:
        """The answer of just the version and the pool that a request names."""
        return (yield from asked_around(lambda: self.asked(request)))

    def asked(self, request: Any) -> Steps[Result]:
        """The answer of whichever replica comes first."""
        return (yield from self._result((yield from self._sent(request))))

    def _result(self, call: Pending) -> Steps[Result]:
        return (yield from result_of(call, self.question.result))


def _next_of(pieces: Iterator[Piece]) -> Steps[Piece | None]:
    yield from ()
    return next(pieces, None)
