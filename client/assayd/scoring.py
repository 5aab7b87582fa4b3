"""Scores batches of any size by many unary calls: cuts them, keeps calls in flight, joins the answers in order."""

import re
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import TypeAlias

import grpc

from assayd import results
from assayd.arrays import TensorError
from assayd.channel import ChannelSettings
from assayd.errors import (
    AssaydError,
    CallCancelledError,
    FailedPreconditionError,
    InternalError,
    InvalidArgumentError,
    NotFoundError,
    from_rpc_error,
)
from assayd.pipeline import Pending, in_order
from assayd.results import Scores
from assayd.rows import Rows, rows_fitting
from assayd.v1 import scoring_pb2

Call: TypeAlias = Pending[scoring_pb2.ScoreResponse]
Start: TypeAlias = Callable[[scoring_pb2.ScoreRequest, float], Call]

_OVERSIZED = re.compile(r"larger than max \((\d+) vs\. (\d+)\)")
"""gRPC's own words, here or there, for a message that is over somebody's limit."""
_PINNED_ATTEMPTS_MAX = 16
_ENVELOPE_BYTES = 64
"""The most that the rows' own field headers add to a request."""


@dataclass(frozen=True, slots=True)
class _Piece:
    """Rows of one call."""

    rows: Rows
    last: bool
    """Whether its batch ends here."""
    cutter: "_Cutter"
    """What cut it, and will cut the rest of its batch."""


class _Cutter:
    """Cuts one batch into pieces, as it is known by then how many rows a piece may have."""

    def __init__(self, rows: Rows, rows_max: Callable[[], int], bytes_max: int) -> None:
        self._rows = rows
        self._rows_max = rows_max
        self.fitting = rows_fitting(rows, bytes_max)

    def pieces(self) -> Iterator[_Piece]:
        """Consecutive pieces; no rows at all are one empty piece."""
        start, last = 0, False
        while not last:
            stop = start + min(self.fitting, self._rows_max())
            last = stop >= self._rows.count
            yield _Piece(self._rows.part(start, stop), last, self)
            start = stop


class ScoreJob:
    """One Score or score_stream call of the SDK: a request without rows, and a way to send it with some.

    When the server says that it takes fewer rows at once (reason TOO_MANY_ROWS), the piece and all that are cut
    after it are cut to that; when a message would be too large, those of the same batch.
    """

    def __init__(
        self,
        request: scoring_pb2.ScoreRequest,
        start: Start,
        *,
        deadline_seconds: float,
        settings: ChannelSettings,
    ) -> None:
        """Nothing is sent yet.

        Args:
            request: everything but the rows.
            start: begins a call, given a request and the seconds it may take.
            deadline_seconds: for a batch, or for each call of a stream.
            settings: the limits.

        Raises:
            InvalidArgumentError: the request alone is larger than a message.
        """
        self._request = request
        self._start = start
        self._deadline_seconds = deadline_seconds
        self._deadline: float | None = None
        self._in_flight_max = settings.calls_in_flight_max
        self._rows_max = settings.rows_max
        self._bytes_max = settings.message_bytes_max - request.ByteSize() - _ENVELOPE_BYTES
        if self._bytes_max <= 0:
            part, size = (
                ("head", request.head.ByteSize()) if request.HasField("head") else ("request", request.ByteSize())
            )
            raise InvalidArgumentError(
                f"{part}: takes {size} bytes, a message holds {settings.message_bytes_max} and rows besides",
                field=part,
            )

    def score(self, rows: Rows) -> Scores:
        """The scores of one batch, all of it before the deadline."""
        self._deadline = time.monotonic() + self._deadline_seconds
        return next(self.stream([rows]))

    def stream(self, batches: Iterable[Rows]) -> Iterator[Scores]:
        """The scores of each batch, in order."""
        done: list[tuple[_Piece, Scores]] = []
        pieces = (piece for rows in batches for piece in self._cut(rows))
        with closing(in_order(pieces, self._send, in_flight_max=self._in_flight_max)) as calls:
            for piece, call in calls:
                done += self._answers(piece, call)
                if piece.last:
                    yield results.joined(self._agreed(done))
                    done = []

    def _cut(self, rows: Rows) -> Iterator[_Piece]:
        return _Cutter(rows, lambda: self._rows_max, self._bytes_max).pieces()

    def _send(self, piece: _Piece, *, version: int = 0) -> Call:
        request = scoring_pb2.ScoreRequest(rows=piece.rows.message())
        request.MergeFrom(self._request)
        if version:
            request.model.version = version
        return self._start(request, self._seconds())

    def _seconds(self) -> float:
        """What is left for the batch; in a stream, what each call may take, however slow its consumer is."""
        return self._deadline_seconds if self._deadline is None else max(0.0, self._deadline - time.monotonic())

    def _answers(self, piece: _Piece, call: Call) -> list[tuple[_Piece, Scores]]:
        try:
            return [(piece, _result(call))]
        except AssaydError as error:
            rows_max = _rows_allowed(error, piece.rows.count)
            if not 0 < rows_max < piece.rows.count:
                raise
            if error.reason == "TOO_MANY_ROWS":  # whatever they are; else it is a matter of this batch's rows
                self._rows_max = min(self._rows_max, rows_max)
        piece.cutter.fitting = min(piece.cutter.fitting, rows_max)
        smaller = _Cutter(piece.rows, lambda: piece.cutter.fitting, self._bytes_max).pieces()
        with closing(in_order(smaller, self._send, in_flight_max=self._in_flight_max)) as calls:
            return [answer for part, sent in calls for answer in self._answers(part, sent)]

    def _agreed(self, done: list[tuple[_Piece, Scores]]) -> list[Scores]:
        """The answers, all from one model version: the pieces that met an older one are scored once more."""
        newest = max((scores.model for _, scores in done if scores.model), key=_version, default=None)
        if newest is None or all(scores.model == newest for _, scores in done):
            return [scores for _, scores in done]
        agreed = [
            scores if scores.model == newest else self._pinned(piece, newest.version) for piece, scores in done
        ]
        digests = {scores.model.digest for scores in agreed if scores.model}
        if len(digests) > 1:
            raise FailedPreconditionError(
                f"model: replicas serve different files as {newest.name} version {newest.version}: "
                + " and ".join(sorted(digests)),
                reason="REPLICAS_DISAGREE",
                field="model",
            )
        return agreed

    def _pinned(self, piece: _Piece, version: int) -> Scores:
        """The scores by just that version; while a fleet is rolled out, some replicas do not have it yet."""
        for _ in range(_PINNED_ATTEMPTS_MAX - 1):
            try:
                return _result(self._send(piece, version=version))
            except NotFoundError:
                continue  # calls go round: the next one meets another replica
        return _result(self._send(piece, version=version))


def _rows_allowed(error: AssaydError, row_count: int) -> int:
    """How many rows of a piece to send at once after this error; 0 where fewer would not help."""
    if error.reason in ("TOO_MANY_ROWS", "ANSWER_TOO_LARGE"):
        rows_max = error.details.get("rows_max", "")
        return int(rows_max) if rows_max.isdecimal() else 0
    sizes = _OVERSIZED.search(error.message) if error.status is grpc.StatusCode.RESOURCE_EXHAUSTED else None
    if sizes is None:
        return 0
    sent, allowed = map(int, sizes.groups())
    return max(1, int(row_count * 0.9 * allowed / sent))


def _version(identity: results.ModelIdentity) -> int:
    return identity.version


def _result(call: Call) -> Scores:
    try:
        return results.scores(call.result())
    except TensorError as error:
        raise InternalError(f"the server's answer cannot be read: {error}") from None
    except grpc.FutureCancelledError:
        raise CallCancelledError("the call was cancelled, or its client was closed") from None
    except grpc.RpcError as error:
        raise from_rpc_error(error) from None
