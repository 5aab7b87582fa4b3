"""Failed calls as exceptions: the errors are what grpc-python raises for calls to a real server."""

import grpc
import pytest
from google.protobuf import any_pb2, duration_pb2
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2

import assayd
from assayd.errors import AssaydError, InvalidArgumentError, from_rpc_error

CLASSES = {
    grpc.StatusCode.CANCELLED: assayd.CallCancelledError,
    grpc.StatusCode.INVALID_ARGUMENT: assayd.InvalidArgumentError,
    grpc.StatusCode.DEADLINE_EXCEEDED: assayd.DeadlineExceededError,
    grpc.StatusCode.NOT_FOUND: assayd.NotFoundError,
    grpc.StatusCode.PERMISSION_DENIED: assayd.PermissionDeniedError,
    grpc.StatusCode.UNAUTHENTICATED: assayd.UnauthenticatedError,
    grpc.StatusCode.RESOURCE_EXHAUSTED: assayd.ResourceExhaustedError,
    grpc.StatusCode.FAILED_PRECONDITION: assayd.FailedPreconditionError,
    grpc.StatusCode.UNIMPLEMENTED: assayd.UnimplementedError,
    grpc.StatusCode.INTERNAL: assayd.InternalError,
    grpc.StatusCode.UNAVAILABLE: assayd.UnavailableError,
}
OTHERS = sorted(set(grpc.StatusCode) - set(CLASSES) - {grpc.StatusCode.OK}, key=lambda code: code.name)


def details(*messages: Message) -> tuple[tuple[str, bytes], ...]:
    """Trailing metadata that holds messages as the details of a status."""
    packed = []
    for message in messages:
        packed.append(any_pb2.Any())
        packed[-1].Pack(message)
    return raw_details(*packed)


def raw_details(*packed: any_pb2.Any) -> tuple[tuple[str, bytes], ...]:
    return (("grpc-status-details-bin", status_pb2.Status(code=3, details=packed).SerializeToString()),)


@pytest.fixture
def raised(rpc_error):
    """The exception for a call that failed with INVALID_ARGUMENT and this trailing metadata."""

    def build(trailing: tuple[tuple[str, str | bytes], ...]) -> AssaydError:
        return from_rpc_error(rpc_error(grpc.StatusCode.INVALID_ARGUMENT, "is wrong", trailing))

    return build


@pytest.mark.parametrize(("code", "kind"), CLASSES.items(), ids=lambda value: getattr(value, "name", ""))
def test_a_status_with_a_class_of_its_own_becomes_that_class(rpc_error, code, kind) -> None:
    error = from_rpc_error(rpc_error(code, "it went wrong"))
    assert (type(error), error.status, error.message) == (kind, code, "it went wrong")


@pytest.mark.parametrize("code", OTHERS, ids=lambda code: code.name)
def test_any_other_status_becomes_the_base_class_with_that_status(rpc_error, code) -> None:
    error = from_rpc_error(rpc_error(code, "it went wrong"))
    assert (type(error), error.status) == (AssaydError, code)
    assert str(error) == f"{code.name}: it went wrong"


def test_the_status_of_one_error_does_not_stick_to_the_class(rpc_error) -> None:
    from_rpc_error(rpc_error(grpc.StatusCode.DATA_LOSS, ""))
    assert AssaydError("another").status is grpc.StatusCode.UNKNOWN


def test_every_class_has_a_status_of_its_own() -> None:
    assert {kind.status: kind for kind in AssaydError.__subclasses__()} == CLASSES


def test_an_error_reads_as_status_and_message() -> None:
    assert str(InvalidArgumentError("top_k: is -1")) == "INVALID_ARGUMENT: top_k: is -1"


def test_a_status_without_a_message_still_says_something(rpc_error) -> None:
    assert from_rpc_error(rpc_error(grpc.StatusCode.INTERNAL, "")).message == "no details were given"


def test_a_status_without_details_leaves_everything_else_empty(raised) -> None:
    error = raised(())
    assert (error.reason, error.field, error.details, error.retry_after_seconds) == ("", "", {}, None)


def test_error_info_gives_the_reason_and_the_values(raised) -> None:
    error = raised(details(error_details_pb2.ErrorInfo(reason="TOO_MANY_ROWS", metadata={"rows_max": "9"})))
    assert (error.reason, error.details) == ("TOO_MANY_ROWS", {"rows_max": "9"})


def test_bad_request_gives_the_first_field(raised) -> None:
    violations = [error_details_pb2.BadRequest.FieldViolation(field=field) for field in ("rows", "top_k")]
    assert raised(details(error_details_pb2.BadRequest(field_violations=violations))).field == "rows"


def test_a_bad_request_that_names_no_field_leaves_it_empty(raised) -> None:
    assert raised(details(error_details_pb2.BadRequest())).field == ""


def test_retry_info_gives_the_seconds(raised) -> None:
    delay = duration_pb2.Duration(seconds=1, nanos=250_000_000)
    assert raised(details(error_details_pb2.RetryInfo(retry_delay=delay))).retry_after_seconds == 1.25


def test_several_details_are_all_read(raised) -> None:
    violation = error_details_pb2.BadRequest.FieldViolation(field="rows")
    error = raised(
        details(
            error_details_pb2.RetryInfo(retry_delay=duration_pb2.Duration(seconds=2)),
            error_details_pb2.BadRequest(field_violations=[violation]),
            error_details_pb2.ErrorInfo(reason="FULL"),
        )
    )
    assert (error.retry_after_seconds, error.field, error.reason) == (2, "rows", "FULL")


def test_details_of_another_kind_are_passed_over(raised) -> None:
    error = raised(details(error_details_pb2.Help(), error_details_pb2.ErrorInfo(reason="KNOWN")))
    assert error.reason == "KNOWN"


def test_other_trailing_metadata_is_passed_over(raised) -> None:
    assert raised((("x-served-by", "a"), ("other-bin", b"\xff"))).reason == ""


@pytest.mark.parametrize("value", [b"\xff\xff\xff", b"\x08", b"\x1a\x05ab"])
def test_malformed_details_leave_the_status_and_the_message(raised, value: bytes) -> None:
    error = raised((("grpc-status-details-bin", value),))
    assert (type(error), error.message, error.reason) == (InvalidArgumentError, "is wrong", "")


@pytest.mark.parametrize("kind", ["ErrorInfo", "BadRequest", "RetryInfo"])
def test_a_malformed_detail_in_a_sound_status_leaves_the_status_and_the_message(raised, kind: str) -> None:
    error = raised(raw_details(any_pb2.Any(type_url=f"type.googleapis.com/google.rpc.{kind}", value=b"\xff")))
    assert (type(error), error.message) == (InvalidArgumentError, "is wrong")


def test_a_delay_beyond_all_time_leaves_the_status_and_the_message(raised) -> None:
    delay = duration_pb2.Duration(seconds=2**62)
    assert raised(details(error_details_pb2.RetryInfo(retry_delay=delay))).message == "is wrong"


def test_details_given_by_a_caller_are_copied() -> None:
    given = {"a": "1"}
    error = InvalidArgumentError("is wrong", details=given)
    given["a"] = "2"
    assert error.details == {"a": "1"}


def test_everything_that_can_be_raised_is_one_tree() -> None:
    assert all(issubclass(kind, AssaydError) for kind in CLASSES.values())
