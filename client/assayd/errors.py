"""What a call can raise: one small tree, so that `except AssaydError` catches everything."""

from collections.abc import Iterable, Mapping
from typing import Any

import grpc
from google.protobuf import any_pb2
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2


class AssaydError(Exception):
    """A call that did not succeed.

    Attributes:
        status: the gRPC status, such as INVALID_ARGUMENT.
        message: one sentence that says what is wrong; it names the field.
        reason: a stable word for programs, such as UNKNOWN_MODEL; empty where the server gave none.
        field: the field of the request that is wrong, such as rows.inputs.tensors[0].shape; or empty.
        details: further values, such as the limit that was exceeded or the id of the log line.
        retry_after_seconds: when the server expects to have room again; None where it did not say.
    """

    status = grpc.StatusCode.UNKNOWN

    def __init__(
        self,
        message: str,
        *,
        reason: str = "",
        field: str = "",
        details: Mapping[str, str] | None = None,
        retry_after_seconds: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.reason = reason
        self.field = field
        self.details = dict(details or {})
        self.retry_after_seconds = retry_after_seconds

    def __str__(self) -> str:
        return f"{self.status.name}: {self.message}"


class InvalidArgumentError(AssaydError):
    """The request is wrong; sending it again will not help."""

    status = grpc.StatusCode.INVALID_ARGUMENT


class NotFoundError(AssaydError):
    """There is no such model or version."""

    status = grpc.StatusCode.NOT_FOUND


class FailedPreconditionError(AssaydError):
    """The server lacks what the request needs, such as a model with an embedding."""

    status = grpc.StatusCode.FAILED_PRECONDITION


class ResourceExhaustedError(AssaydError):
    """The server is full, or a message is over the limit."""

    status = grpc.StatusCode.RESOURCE_EXHAUSTED


class UnavailableError(AssaydError):
    """No server answers, or it is starting or draining."""

    status = grpc.StatusCode.UNAVAILABLE


class DeadlineExceededError(AssaydError):
    """The answer did not come in time."""

    status = grpc.StatusCode.DEADLINE_EXCEEDED


class CallCancelledError(AssaydError):
    """The call was cancelled before it was answered."""

    status = grpc.StatusCode.CANCELLED


class UnauthenticatedError(AssaydError):
    """The credentials are missing or wrong."""

    status = grpc.StatusCode.UNAUTHENTICATED


class PermissionDeniedError(AssaydError):
    """The credentials do not allow this call."""

    status = grpc.StatusCode.PERMISSION_DENIED


class UnimplementedError(AssaydError):
    """The server does not know this call: it is older than the client, or not assayd."""

    status = grpc.StatusCode.UNIMPLEMENTED


class InternalError(AssaydError):
    """A bug in the server; the message holds an id that stands in its log."""

    status = grpc.StatusCode.INTERNAL


_CLASSES = {kind.status: kind for kind in AssaydError.__subclasses__()}


def from_rpc_error(error: grpc.RpcError) -> AssaydError:
    """The exception for a call that gRPC reports as failed.

    Args:
        error: what grpc-python raised; it is also a grpc.Call.
    """
    kind = _CLASSES.get(error.code(), AssaydError)
    built = kind(error.details() or "no details were given")
    if kind is AssaydError:
        built.status = error.code()
    _add_details(built, error.trailing_metadata() or ())
    return built


def _add_details(error: AssaydError, metadata: Iterable[Any]) -> None:
    for key, value in metadata:
        if key == "grpc-status-details-bin" and isinstance(value, bytes):
            try:
                for detail in status_pb2.Status.FromString(value).details:
                    _add_detail(error, detail)
            except DecodeError:  # some proxy's own details: the status and the message stand without them
                return


def _add_detail(error: AssaydError, detail: any_pb2.Any) -> None:
    info, bad, retry = (
        error_details_pb2.ErrorInfo(),
        error_details_pb2.BadRequest(),
        error_details_pb2.RetryInfo(),
    )
    if detail.Unpack(info):
        error.reason, error.details = info.reason, dict(info.metadata)
    elif detail.Unpack(bad) and bad.field_violations:
        error.field = bad.field_violations[0].field
    elif detail.Unpack(retry):
        error.retry_after_seconds = retry.retry_delay.seconds + retry.retry_delay.nanos / 1e9
