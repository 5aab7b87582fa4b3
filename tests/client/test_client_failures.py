"""Calls that fail: deadlines, servers that are away, cancelled calls, closed clients, errors of others."""

import time
from concurrent.futures import Future

import grpc
import numpy as np
import pytest
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2

import onnx_models
from assayd import (
    AssaydError,
    CallCancelledError,
    ChannelSettings,
    Client,
    DeadlineExceededError,
    InternalError,
    InvalidArgumentError,
    PermissionDeniedError,
    UnavailableError,
    UnimplementedError,
)
from assayd.arrays import encode
from assayd.requests import score_request
from assayd.rows import collect
from assayd.scoring import ScoreJob
from assayd.v1 import scoring_pb2, scoring_pb2_grpc
from client.scripted import Call, Scorer

X = np.eye(4, dtype=np.float32)
CALLS = {
    "score": lambda client, **kwargs: client.score(X, **kwargs),
    "score_stream": lambda client, **kwargs: list(client.score_stream([X, X], **kwargs)),
    "model": lambda client, **kwargs: client.model(**kwargs),
    "models": lambda client, **kwargs: client.models(**kwargs),
}
every_call = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)


@every_call
def test_a_call_that_is_not_answered_ends_at_its_own_deadline(client_kind, silent_address: str, call) -> None:
    with client_kind(silent_address, deadline_seconds=60) as client:
        began = time.monotonic()
        with pytest.raises(DeadlineExceededError):
            call(client, deadline_seconds=0.1)
        assert 0.1 <= time.monotonic() - began < 5


@every_call
def test_a_call_without_a_deadline_of_its_own_has_the_clients(client_kind, silent_address: str, call) -> None:
    with client_kind(silent_address, deadline_seconds=0.1) as client:
        began = time.monotonic()
        with pytest.raises(DeadlineExceededError):
            call(client)
        assert 0.1 <= time.monotonic() - began < 5


@every_call
@pytest.mark.parametrize("seconds", [0, -1, float("inf"), float("nan"), 1e12])
def test_a_deadline_that_grpc_cannot_keep_is_refused(
    client_kind, silent_address: str, call, seconds: float
) -> None:
    with (
        client_kind(silent_address) as client,
        pytest.raises(InvalidArgumentError, match=r"deadline_seconds: is "),
    ):
        call(client, deadline_seconds=seconds)


def test_an_answer_that_cannot_be_read_is_an_error_of_the_server(identity_client: Client) -> None:
    answer = scoring_pb2.ScoreResponse(predictions={"data_type": 7, "shape": [3], "data": b"short"})

    job = Scorer(
        ScoreJob(score_request(), deadline_seconds=1, settings=ChannelSettings()), lambda *_: Call(answer)
    )
    with pytest.raises(InternalError, match="the server's answer cannot be read: data: has 5 bytes"):
        Scorer(job, lambda *_: Call(answer)).score(collect(X))


def test_rows_of_different_lengths_are_refused(identity_client: Client) -> None:
    with pytest.raises(InvalidArgumentError, match="inputs: cannot be made into an array"):
        identity_client.score([[1, 2], [3]])


def test_all_pieces_of_a_batch_share_one_deadline(bare_server) -> None:
    response = scoring_pb2.ScoreResponse(predictions=encode(np.zeros(1, np.int32))).SerializeToString()
    allowed = []
    with grpc.insecure_channel(bare_server(lambda _request, _context: response)) as channel:
        stub = scoring_pb2_grpc.ScoringServiceStub(channel)

        def start(request, seconds: float):
            allowed.append(seconds)
            return stub.Score.future(request, timeout=seconds)

        settings = ChannelSettings(rows_max=1, calls_in_flight_max=1)
        job = Scorer(ScoreJob(score_request(), deadline_seconds=30, settings=settings), start)
        assert len(job.score(collect(np.zeros((20, 4))))) == 20
    assert 0 < allowed[-1] < allowed[0] <= 30
    assert allowed == sorted(set(allowed), reverse=True)  # each has what the ones before it left


@every_call
def test_an_address_where_nobody_listens_is_unavailable_within_the_deadline(
    client_kind, refusing_address: str, quick_retries: ChannelSettings, call
) -> None:
    with client_kind(refusing_address, settings=quick_retries, deadline_seconds=30) as client:
        began = time.monotonic()
        with pytest.raises(UnavailableError):
            call(client)
        assert time.monotonic() - began < 10


def test_a_drained_server_is_unavailable(client_kind, serve, quick_retries: ChannelSettings) -> None:
    app = serve(onnx_models.identity())
    with client_kind(app.address, settings=quick_retries) as client:
        assert len(client.score(X)) == 4
        app.drain()
        with pytest.raises(UnavailableError):
            client.score(X)


def test_closing_the_client_cancels_a_call_under_way(
    client_kind, silent_listener, silent_address: str, in_background
) -> None:
    client = client_kind(silent_address, deadline_seconds=30)
    call: Future = in_background(lambda: client.score(X))
    connection, _ = silent_listener.accept()  # the call is under way once its connection is
    with connection:
        client.close()
        with pytest.raises(CallCancelledError):
            call.result(timeout=10)


def test_a_call_that_was_cancelled_here_says_so(silent_address: str) -> None:
    with grpc.insecure_channel(silent_address) as channel:
        stub = scoring_pb2_grpc.ScoringServiceStub(channel)

        def start_and_cancel(request, seconds: float):
            call = stub.Score.future(request, timeout=seconds)
            call.cancel()
            return call

        job = ScoreJob(score_request(), deadline_seconds=30, settings=ChannelSettings())
        with pytest.raises(CallCancelledError, match="the call was cancelled, or its client was closed"):
            Scorer(job, start_and_cancel).score(collect(X))


@every_call
def test_a_closed_client_makes_no_calls(identity_client: Client, call) -> None:
    identity_client.close()
    with pytest.raises(CallCancelledError, match="the client was closed"):
        call(identity_client)


def test_a_client_may_be_closed_twice(identity_client: Client) -> None:
    identity_client.close()
    identity_client.close()
    with pytest.raises(CallCancelledError, match="the client was closed"):
        identity_client.models()


def test_leaving_the_with_block_closes_the_client(client_kind, serve) -> None:
    with client_kind(f"127.0.0.1:{serve(onnx_models.identity()).port}") as client:
        assert len(client.score(X)) == 4
    with pytest.raises(CallCancelledError, match="the client was closed"):
        client.models()


@every_call
def test_a_refusal_by_something_on_the_way_keeps_its_status_and_message(failing_server, connect_to, call) -> None:
    client = connect_to(failing_server(grpc.StatusCode.PERMISSION_DENIED, "not for you"))
    with pytest.raises(PermissionDeniedError, match="not for you"):
        call(client)


def test_a_grpc_server_that_is_not_assayd_does_not_know_the_call(failing_server, connect_to) -> None:
    client = connect_to(failing_server(grpc.StatusCode.UNIMPLEMENTED, "Method not found!"))
    with pytest.raises(UnimplementedError):
        client.score(X)


@pytest.mark.parametrize("rows_max", ["", "-1", "0", "4"])
def test_too_many_rows_without_a_smaller_limit_is_an_error_and_not_a_loop(
    failing_server, connect_to, rows_max: str
) -> None:
    status = _error_info("TOO_MANY_ROWS", {"rows_max": rows_max} if rows_max else {})
    client = connect_to(failing_server(grpc.StatusCode.INVALID_ARGUMENT, "too many", status))
    with pytest.raises(AssaydError, match="too many") as caught:
        client.score(X)
    assert caught.value.reason == "TOO_MANY_ROWS"


def test_a_limit_of_rows_that_is_no_number_leaves_the_error_as_it_is(failing_server, connect_to) -> None:
    status = _error_info("TOO_MANY_ROWS", {"rows_max": "many"})
    client = connect_to(failing_server(grpc.StatusCode.INVALID_ARGUMENT, "too many", status))
    with pytest.raises(AssaydError, match="too many"):
        client.score(X)


@pytest.mark.parametrize(
    ("code", "reason"),
    [(grpc.StatusCode.RESOURCE_EXHAUSTED, "TOO_MANY_CALLS"), (grpc.StatusCode.INVALID_ARGUMENT, "BAD_SHAPE")],
)
def test_an_error_for_another_reason_is_not_met_with_fewer_rows(
    bare_server, connect_to, code, reason: str
) -> None:
    calls = []

    def refuse(_request: bytes, context: grpc.ServicerContext) -> bytes:
        calls.append(1)
        context.set_trailing_metadata(_error_info(reason, {"rows_max": "2"}))
        context.abort(code, "not because of the rows")

    client = connect_to(bare_server(refuse), settings=ChannelSettings(attempts_max=1))
    with pytest.raises(AssaydError, match="not because of the rows"):
        client.score(X)
    assert len(calls) == 1


def _error_info(reason: str, details: dict[str, str]) -> tuple[tuple[str, bytes], ...]:
    packed = any_pb2.Any()
    packed.Pack(error_details_pb2.ErrorInfo(reason=reason, metadata=details))
    return (("grpc-status-details-bin", status_pb2.Status(details=[packed]).SerializeToString()),)


def test_a_head_of_rows_of_different_lengths_is_refused(identity_client: Client) -> None:
    with pytest.raises(InvalidArgumentError, match=r"^INVALID_ARGUMENT: head: "):
        identity_client.score(embeddings=X, head=([[1, 2], [3]], None))


def test_a_client_that_another_thread_closes_in_the_moment_of_a_call_says_so(serve) -> None:
    with Client(serve(onnx_models.identity()).address) as client:
        (channel,) = client._lines.all()
        channel.close()  # as close() in another thread does between the look and the call
        with pytest.raises(CallCancelledError, match="the client was closed"):
            client.score(X)
