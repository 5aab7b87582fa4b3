"""Errors as gRPC statuses: the one table, and the details that go with them."""

from collections import namedtuple

import grpc
from google.protobuf import any_pb2, duration_pb2
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2

from assayd_server import errors

DOMAIN = "assayd"
MESSAGE_BYTES_MAX = 1000
"""Statuses travel as headers, which are bounded; a caller's own text may stand in a message."""

STATUS: dict[type[errors.ServiceError], grpc.StatusCode] = {
    errors.InvalidArgumentError: grpc.StatusCode.INVALID_ARGUMENT,
    errors.NotFoundError: grpc.StatusCode.NOT_FOUND,
    errors.FailedPreconditionError: grpc.StatusCode.FAILED_PRECONDITION,
    errors.UnimplementedError: grpc.StatusCode.UNIMPLEMENTED,
    errors.ResourceExhaustedError: grpc.StatusCode.RESOURCE_EXHAUSTED,
    errors.UnavailableError: grpc.StatusCode.UNAVAILABLE,
    errors.DeadlineExceededError: grpc.StatusCode.DEADLINE_EXCEEDED,
    errors.CallCancelledError: grpc.StatusCode.CANCELLED,
    errors.UnauthenticatedError: grpc.StatusCode.UNAUTHENTICATED,
    errors.PermissionDeniedError: grpc.StatusCode.PERMISSION_DENIED,
}


class Failure(namedtuple("Failure", ("code", "details", "trailing_metadata")), grpc.Status):
    """What context.abort_with_status takes."""


def of_error(error: errors.ServiceError) -> Failure:
    """The status of a deliberate error."""
    info = error_details_pb2.ErrorInfo(reason=error.reason, domain=DOMAIN, metadata=error.details)
    details: list[Message] = [info]
    if error.field:
        violation = error_details_pb2.BadRequest.FieldViolation(
            field=_shortened(error.field), description=_shortened(error.message)
        )
        details.append(error_details_pb2.BadRequest(field_violations=[violation]))
    if error.retry_after_seconds is not None:
        delay = duration_pb2.Duration()
        delay.FromMilliseconds(round(1000 * error.retry_after_seconds))
        details.append(error_details_pb2.RetryInfo(retry_delay=delay))
    return _failure(STATUS[type(error)], error.message, details, error.retry_after_seconds)


def of_bug(request_id: str) -> Failure:
    """The status of an exception that nobody meant to raise: the cause stays in the log.

    Args:
        request_id: under which the log has it.
    """
    info = error_details_pb2.ErrorInfo(reason="INTERNAL", domain=DOMAIN, metadata={"request_id": request_id})
    message = f"internal error; the server's log has the cause under request id {request_id}"
    return _failure(grpc.StatusCode.INTERNAL, message, [info], None)


_NAMES = {code: "".join(word.title() for word in code.name.split("_")) for code in grpc.StatusCode} | {
    grpc.StatusCode.OK: "OK",
    grpc.StatusCode.CANCELLED: "Canceled",
}


def name(code: grpc.StatusCode) -> str:
    """A status as the grpc_server_handled_total metric names it: OK, Canceled, InvalidArgument."""
    return _NAMES[code]


def _failure(
    code: grpc.StatusCode, message: str, details: list[Message], retry_after_seconds: float | None
) -> Failure:
    status = status_pb2.Status(code=code.value[0], message=_shortened(message), details=map(_packed, details))
    metadata: list[tuple[str, str | bytes]] = [("grpc-status-details-bin", status.SerializeToString())]
    if retry_after_seconds is not None:
        metadata.append(("grpc-retry-pushback-ms", str(round(1000 * retry_after_seconds))))
    return Failure(code, _shortened(message), tuple(metadata))


def _packed(detail: Message) -> any_pb2.Any:
    packed = any_pb2.Any()
    packed.Pack(detail)
    return packed


def _shortened(text: str) -> str:
    encoded = text.encode()
    if len(encoded) <= MESSAGE_BYTES_MAX:
        return text
    return encoded[:MESSAGE_BYTES_MAX].decode(errors="ignore") + "..."
