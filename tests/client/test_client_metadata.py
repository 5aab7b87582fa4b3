"""Metadata: what is sent along with calls, the client's own and each call's, and what is refused."""

import grpc
import numpy as np
import pytest

from assayd import ChannelSettings, Client, InvalidArgumentError
from assayd.arrays import encode
from assayd.v1 import scoring_pb2

X = np.eye(4, dtype=np.float32)
ONE_ROW = scoring_pb2.ScoreResponse(predictions=encode(np.zeros(1, np.int32))).SerializeToString()
SCORE_CALLS = {
    "score": lambda client, **kwargs: client.score(X, **kwargs),
    "score_stream": lambda client, **kwargs: list(client.score_stream([X[:1], X[1:]], **kwargs)),
}
score_call = pytest.mark.parametrize("call", SCORE_CALLS.values(), ids=SCORE_CALLS)


class Listener:
    """Answers requests of one row, and keeps what came along with them."""

    def __init__(self) -> None:
        self.heard: list[tuple[tuple[str, str], ...]] = []

    def __call__(self, _request: bytes, context: grpc.ServicerContext) -> bytes:
        self.heard.append(tuple((key, value) for key, value in context.invocation_metadata()))
        return ONE_ROW

    def values(self, key: str) -> list[list[str]]:
        """The values of a key in each call."""
        return [[value for name, value in metadata if name == key] for metadata in self.heard]


@pytest.fixture
def listener() -> Listener:
    return Listener()


@pytest.fixture
def listening_client(bare_server, connect_to, listener: Listener) -> Client:
    """A client with metadata of its own, that sends each row as a request."""
    settings = ChannelSettings(rows_max=1)
    return connect_to(bare_server(listener), settings=settings, metadata={"authorization": "Bearer t"})


@score_call
def test_metadata_of_a_call_goes_along_with_every_piece(listening_client, listener: Listener, call) -> None:
    call(listening_client, metadata={"x-request-id": "abc"})
    assert listener.values("x-request-id") == [["abc"]] * 4


@score_call
def test_metadata_of_a_call_comes_besides_the_clients_own(listening_client, listener: Listener, call) -> None:
    call(listening_client, metadata={"x-request-id": "abc"})
    assert listener.values("authorization") == [["Bearer t"]] * 4


@score_call
def test_metadata_of_a_call_is_not_sent_with_the_next(listening_client, listener: Listener, call) -> None:
    listening_client.score(X[:1], metadata={"x-request-id": "abc"})
    call(listening_client)
    assert listener.values("x-request-id") == [["abc"], [], [], [], []]


@pytest.mark.parametrize("value", ["", "a b", "~!@#$%^&*()", "x" * 1000])
def test_printable_values_arrive_as_they_are(listening_client, listener: Listener, value: str) -> None:
    listening_client.score(X[:1], metadata={"a-b_c.9": value})
    assert listener.values("a-b_c.9") == [[value]]


WRONG = [
    ("X-Request-Id", "a"),
    ("", "a"),
    ("a b", "a"),
    ("a\n", "a"),
    ("é", "a"),
    (":path", "a"),
    ("a", "é"),
    ("a", "b\n"),
    ("a", "b\r\nc: d"),
    ("a", "\0"),
    ("a", "\x7f"),
]


@pytest.mark.parametrize(("key", "value"), WRONG)
@score_call
def test_what_cannot_be_sent_is_refused_with_its_key_and_value(
    listening_client, listener: Listener, call, key: str, value: str
) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        call(listening_client, metadata={"fine": "fine", key: value})
    assert caught.value.message == (
        f"metadata: {key!r}: {value!r} cannot be sent, keys are lower-case and values printable ASCII"
    )
    assert listener.heard == []


@pytest.mark.parametrize(("key", "value"), WRONG)
def test_a_client_refuses_metadata_that_cannot_be_sent(
    client_kind, refusing_address: str, key: str, value: str
) -> None:
    with pytest.raises(InvalidArgumentError, match=r"metadata: .* cannot be sent"):
        client_kind(refusing_address, metadata={key: value})


def test_wrong_metadata_of_a_stream_is_refused_before_anything_is_read(listening_client) -> None:
    with pytest.raises(InvalidArgumentError, match="cannot be sent"):
        listening_client.score_stream(iter(()), metadata={"A": "b"})


@pytest.mark.parametrize("call", [lambda client: client.models(), lambda client: client.model("m")])
def test_metadata_goes_along_with_calls(client_kind, bare_server, call) -> None:
    seen = []

    def answer(_request: bytes, context: grpc.ServicerContext) -> bytes:
        seen.append(dict(context.invocation_metadata()))
        return b""

    with client_kind(bare_server(answer), metadata={"x-request-id": "abc", "authorization": "Bearer t"}) as client:
        call(client)
    assert (seen[0]["x-request-id"], seen[0]["authorization"]) == ("abc", "Bearer t")


def test_metadata_goes_along_with_every_piece_of_a_batch(bare_server, connect_to) -> None:
    response = scoring_pb2.ScoreResponse(predictions=encode(np.zeros(1, np.int32))).SerializeToString()
    seen = []

    def answer(_request: bytes, context: grpc.ServicerContext) -> bytes:
        seen.append(dict(context.invocation_metadata())["x-request-id"])
        return response

    client = connect_to(
        bare_server(answer), metadata={"x-request-id": "abc"}, settings=ChannelSettings(rows_max=1)
    )
    client.score(X)
    assert seen == ["abc"] * 4


def test_metadata_is_copied_when_the_client_is_made(client_kind, bare_server) -> None:
    seen = []

    def answer(_request: bytes, context: grpc.ServicerContext) -> bytes:
        seen.append(dict(context.invocation_metadata())["x-request-id"])
        return b""

    metadata = {"x-request-id": "before"}
    with client_kind(bare_server(answer), metadata=metadata) as client:
        metadata["x-request-id"] = "after"
        client.models()
    assert seen == ["before"]


@pytest.mark.parametrize("metadata", [{"trace-bin": "abc"}, {"x": 1}, {1: "x"}, {"x": b"y"}])
def test_metadata_that_is_no_plain_text_is_refused(identity_client: Client, metadata: dict) -> None:
    with pytest.raises(InvalidArgumentError, match=r"metadata: .* cannot be sent"):
        identity_client.score(X, metadata=metadata)
