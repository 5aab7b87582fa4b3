"""A server played by a function call: takes requests, keeps them, and answers or refuses at once."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import grpc
import numpy as np
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2

from assayd import Scores
from assayd.arrays import decode, encode
from assayd.blocking import Blocking
from assayd.rows import Rows
from assayd.scoring import ScoreJob
from assayd.v1 import scoring_pb2

PLENTY = 2**31 - 1


class Refusal(grpc.RpcError):
    """What grpc-python raises; a call too."""

    def __init__(self, code: grpc.StatusCode, message: str, trailing: tuple[Any, ...] = ()) -> None:
        super().__init__(message)
        self._code, self._message, self._trailing = code, message, trailing

    def code(self) -> grpc.StatusCode:
        return self._code

    def details(self) -> str:
        return self._message

    def trailing_metadata(self) -> tuple[Any, ...]:
        return self._trailing


def too_many_rows(rows_max: int) -> Refusal:
    """What the server says to more rows than it takes."""
    packed = any_pb2.Any()
    packed.Pack(error_details_pb2.ErrorInfo(reason="TOO_MANY_ROWS", metadata={"rows_max": str(rows_max)}))
    trailing = (("grpc-status-details-bin", status_pb2.Status(details=[packed]).SerializeToString()),)
    return Refusal(grpc.StatusCode.INVALID_ARGUMENT, "too many rows", trailing)


def oversized(sent: int, allowed: int) -> Refusal:
    """What gRPC says to a message over a limit."""
    words = f"SERVER: Received message larger than max ({sent} vs. {allowed})"
    return Refusal(grpc.StatusCode.RESOURCE_EXHAUSTED, words)


@dataclass
class Call:
    """A call that is answered when it is asked for, or was answered at once."""

    answer: scoring_pb2.ScoreResponse | Refusal
    is_done: bool = False
    cancelled: bool = False

    def result(self) -> scoring_pb2.ScoreResponse:
        if isinstance(self.answer, Refusal):
            raise self.answer
        return self.answer

    def done(self) -> bool:
        return self.is_done

    def cancel(self) -> bool:
        self.cancelled = True
        return True


@dataclass
class ScriptedServer:
    """The `start` of a Scorer: predicts the first number of each row, within its own limits."""

    rows_max: int = PLENTY
    bytes_max: int = PLENTY
    at_once: bool = False
    """Whether each call is done as soon as it is made."""
    requests: list[scoring_pb2.ScoreRequest] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)

    def __call__(self, request: scoring_pb2.ScoreRequest, seconds: float) -> Call:
        self.requests.append(scoring_pb2.ScoreRequest.FromString(request.SerializeToString()))
        self.seconds.append(seconds)
        self.calls.append(Call(self._answer(request), self.at_once))
        return self.calls[-1]

    @property
    def lengths(self) -> list[int]:
        """The number of rows of each request."""
        return [rows_of(request).shape[0] for request in self.requests]

    @property
    def refused(self) -> int:
        """How many requests were refused."""
        return sum(isinstance(call.answer, Refusal) for call in self.calls)

    def _answer(self, request: scoring_pb2.ScoreRequest) -> scoring_pb2.ScoreResponse | Refusal:
        rows = rows_of(request)
        if request.ByteSize() > self.bytes_max:
            return oversized(request.ByteSize(), self.bytes_max)
        if len(rows) > self.rows_max:
            return too_many_rows(self.rows_max)
        numbers = rows.size and rows.dtype.kind != "O"
        first = rows.reshape(len(rows), -1)[:, 0] if numbers else np.zeros(len(rows))
        return scoring_pb2.ScoreResponse(predictions=encode(first.astype(np.int32)))


class Scorer:
    """Does a ScoreJob with calls that a function starts, given a request and the seconds it may take."""

    def __init__(self, job: ScoreJob, start: Callable[[scoring_pb2.ScoreRequest, float], Any]) -> None:
        self._job = job
        self._send = lambda effect: start(effect.request, effect.seconds)

    def score(self, rows: Rows) -> Scores:
        return Blocking(self._send).one(self._job.score(rows))

    def stream(self, batches: Iterable[object]) -> Iterator[Scores]:
        return Blocking(self._send, batches).all(self._job.stream())


def rows_of(request: scoring_pb2.ScoreRequest, index: int = 0) -> np.ndarray:
    """The rows of one tensor of a request."""
    rows = request.rows
    tensor = rows.inputs.tensors[index] if rows.HasField("inputs") else getattr(rows, rows.WhichOneof("kind"))
    return decode(tensor)
