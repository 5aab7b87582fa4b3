"""Who may make which call: every RPC, on both ways of serving, by tokens of every role, and by none."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from threading import Event
from typing import Any

import grpc
import numpy as np
import pytest
from google.protobuf.descriptor import MethodDescriptor
from google.rpc import error_details_pb2, status_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

import onnx_models
from assayd import PermissionDeniedError, UnauthenticatedError
from assayd.testing import Server, serving
from assayd_server.access import Role
from assayd_server.rpc.authorization import is_open
from assayd_server.rpc.roles import OPEN, ROLES
from assayd_server.rpc.services import SERVICES
from entries import bearer, entries, token_for, write_access
from scraping import metric
from waiting import wait_until

Serve = Callable[..., Server]
ROWS = np.eye(4, dtype=np.float32)
HOLDERS = ("score", "monitor", "label", "nothing")
METHODS: dict[str, MethodDescriptor] = {
    f"/{service.full_name}/{method.name}": method for service in SERVICES for method in service.methods
}
WAYS = pytest.mark.parametrize("way", ["direct", "plain"])
Answers = dict[str, str]
"""Addresses by the way of serving."""


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Answers]:
    """Servers that tokens of every role are known to, one for each way of serving."""
    folder = tmp_path_factory.mktemp("access")
    (folder / "m.onnx").write_bytes(onnx_models.identity())
    access = write_access(folder / "access.toml", entries(*HOLDERS))
    with (
        serving(folder / "m.onnx", access=access) as direct,
        serving(folder / "m.onnx", access=access, plain_calls=True) as plain,
    ):
        yield {"direct": direct.address, "plain": plain.address}


def outcome(address: str, path: str, metadata: Any = None, message: bytes | None = b"") -> Any:
    """What comes of a call: the error, or None where it is answered. Without a message none is sent."""
    with grpc.insecure_channel(address) as channel, messages(message) as sent:
        try:
            list(channel.stream_stream(path)(sent, timeout=20, metadata=metadata))
        except grpc.RpcError as error:
            return error
    return None


@contextmanager
def messages(message: bytes | None) -> Iterator[Iterator[bytes]]:
    """A stream of one message; or one that sends nothing and does not end before the block does."""
    if message is not None:
        yield iter([message])
        return
    ended = Event()

    def none() -> Iterator[bytes]:
        ended.wait()
        yield from ()

    try:
        yield none()
    finally:
        ended.set()


def info_of(error: Any) -> error_details_pb2.ErrorInfo:
    info = error_details_pb2.ErrorInfo()
    found = status_pb2.Status.FromString(dict(error.trailing_metadata())["grpc-status-details-bin"])
    assert found.details[0].Unpack(info)
    return info


def test_every_rpc_has_its_roles() -> None:
    assert ROLES.keys() == METHODS.keys()
    assert all(ROLES.values())


@pytest.mark.parametrize("role", Role)
def test_every_role_opens_something_that_no_other_does(role: Role) -> None:
    assert frozenset({role}) in ROLES.values()


def test_what_is_open_is_health_and_reflection_alone() -> None:
    assert (health_pb2.DESCRIPTOR.services_by_name["Health"].full_name, reflection_name()) == OPEN
    assert not any(is_open(path) for path in METHODS)


def reflection_name() -> str:
    return str(reflection_pb2.DESCRIPTOR.services_by_name["ServerReflection"].full_name)


@WAYS
@pytest.mark.parametrize("path", METHODS)
def test_an_rpc_is_closed_to_a_caller_without_credentials(both: Answers, way: str, path: str) -> None:
    error = outcome(both[way], path)
    assert error.code() is grpc.StatusCode.UNAUTHENTICATED
    assert error.details().startswith("this call came without credentials; it needs the role ")
    assert info_of(error).reason == "CREDENTIALS_MISSING"
    assert info_of(error).metadata["roles"] == ",".join(sorted(ROLES[path]))


@WAYS
@pytest.mark.parametrize("path", METHODS)
def test_an_rpc_is_closed_to_a_token_that_the_server_does_not_know(both: Answers, way: str, path: str) -> None:
    error = outcome(both[way], path, bearer("test-unknown"))
    assert error.code() is grpc.StatusCode.UNAUTHENTICATED
    assert info_of(error).reason == "TOKEN_UNKNOWN"
    assert "test-unknown" not in error.details()


@WAYS
@pytest.mark.parametrize("holder", HOLDERS)
@pytest.mark.parametrize("path", METHODS)
def test_an_rpc_is_open_to_its_roles_and_closed_to_the_others(
    both: Answers, way: str, path: str, holder: str
) -> None:
    error = outcome(both[way], path, bearer(token_for(holder)))
    if holder in ROLES[path]:
        assert error is None or error.code() not in (
            grpc.StatusCode.PERMISSION_DENIED,
            grpc.StatusCode.UNAUTHENTICATED,
        )
        return
    names = " or ".join(role for role in Role if role in ROLES[path])
    assert error.code() is grpc.StatusCode.PERMISSION_DENIED
    assert error.details() == f"this call needs the role {names}, which the token it came with does not have"
    assert info_of(error).reason == "ROLE_MISSING"


@WAYS
@pytest.mark.parametrize("path", METHODS)
def test_a_call_that_may_not_be_made_is_refused_before_its_message(both: Answers, way: str, path: str) -> None:
    for metadata in (None, bearer("test-unknown"), bearer(token_for("nothing"))):
        began = time.monotonic()
        error = outcome(both[way], path, metadata, message=None)
        assert error.code() in (grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED)
        assert time.monotonic() - began < 10  # message_wait_max_seconds is 20


@WAYS
def test_a_method_that_there_is_not_is_unknown_to_everybody(both: Answers, way: str) -> None:
    for metadata in (None, bearer(token_for("score"))):
        error = outcome(both[way], "/assayd.v1.ScoringService/Nothing", metadata)
        assert error.code() is grpc.StatusCode.UNIMPLEMENTED


@WAYS
@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer ", "Bearer  ", "Basic {token}", "{token}", "Bearer {token} ", "Bearer {token}x"],
)
def test_a_header_that_is_not_a_known_token_is_refused(both: Answers, way: str, header: str) -> None:
    metadata = [("authorization", header.format(token=token_for("score")))]
    error = outcome(both[way], "/assayd.v1.ScoringService/Score", metadata)
    assert error.code() is grpc.StatusCode.UNAUTHENTICATED


@WAYS
def test_the_scheme_of_a_header_may_be_spelled_in_small_letters(both: Answers, way: str) -> None:
    metadata = [("authorization", f"bearer {token_for('score')}")]
    error = outcome(both[way], "/assayd.v1.ScoringService/Score", metadata)
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT  # of its message


@WAYS
def test_health_and_reflection_ask_nobody_who_calls(both: Answers, way: str) -> None:
    with grpc.insecure_channel(both[way]) as channel:
        health: Any = health_pb2_grpc.HealthStub(channel)
        assert health.Check(health_pb2.HealthCheckRequest(), timeout=20).status == 1
        names: Any = reflection_pb2_grpc.ServerReflectionStub(channel)
        wanted = reflection_pb2.ServerReflectionRequest(list_services="")
        (answer,) = names.ServerReflectionInfo(iter([wanted]), timeout=20)
    assert {service.name for service in answer.list_services_response.service} >= {
        service.full_name for service in SERVICES
    }


def test_reflection_can_be_switched_off(serve: Serve) -> None:
    server = serve(onnx_models.identity(), reflection="off")
    error = outcome(server.address, f"/{reflection_name()}/ServerReflectionInfo")
    assert error.code() is grpc.StatusCode.UNIMPLEMENTED
    assert len(server.client().score(ROWS)) == 4


@pytest.mark.usefixtures("frequent_looks")
@pytest.mark.parametrize("plain_calls", [False, True], ids=["direct", "plain"])
def test_a_token_counts_from_the_moment_that_the_file_names_it_until_it_does_not(
    serve: Serve, tmp_path: Path, plain_calls: bool
) -> None:
    access = write_access(tmp_path / "access.toml", entries("monitor"))
    server = serve(onnx_models.identity(), access=access, plain_calls=plain_calls)
    client = server.client(token=token_for("score"))
    with pytest.raises(UnauthenticatedError, match="the server does not know; it needs the role score"):
        client.score(ROWS)
    write_access(access, entries("monitor", "score"))
    wait_until(lambda: reloads(server, "ok") == 1)
    assert len(client.score(ROWS)) == 4
    write_access(access, entries("monitor"))
    wait_until(lambda: reloads(server, "ok") == 2)
    with pytest.raises(UnauthenticatedError, match="does not know"):
        client.score(ROWS)


@pytest.mark.usefixtures("frequent_looks")
def test_a_file_that_cannot_be_used_leaves_the_one_before_in_force_until_there_is_a_better_one(
    serve: Serve, tmp_path: Path
) -> None:
    access = write_access(tmp_path / "access.toml", entries("score"))
    server = serve(onnx_models.identity(), access=access)
    client = server.client(token=token_for("score"))
    write_access(access, entries("monitor") + "[[token]")
    wait_until(lambda: metric(server, "assayd_credentials_outdated", files="access") == 1)
    assert reloads(server, "failed") == 1
    assert len(client.score(ROWS)) == 4
    write_access(access, entries("monitor"))
    wait_until(lambda: metric(server, "assayd_credentials_outdated", files="access") == 0)
    with pytest.raises(UnauthenticatedError):
        client.score(ROWS)


def reloads(server: Server, result: str) -> float:
    return metric(server, "assayd_credential_reloads_total", files="access", result=result)


def test_calls_that_are_refused_are_counted_by_their_status(serve: Serve, tmp_path: Path) -> None:
    access = write_access(tmp_path / "access.toml", entries("monitor"))
    server = serve(onnx_models.identity(), access=access)
    with pytest.raises(UnauthenticatedError):
        server.client().score(ROWS)
    with pytest.raises(PermissionDeniedError):
        server.client(token=token_for("monitor")).score(ROWS)
    for code in ("Unauthenticated", "PermissionDenied"):
        wait_until(
            lambda code=code: metric(server, "grpc_server_handled_total", grpc_method="Score", grpc_code=code) == 1
        )
    assert metric(server, "assayd_refused_calls_total") == 0  # these are of a full server


@WAYS
@pytest.mark.parametrize(
    "path",
    ["/assayd.v1.ScoringService/GetModel", "/assayd.v1.SelectionService/SelectStream"],
    ids=["call", "stream"],
)
def test_a_token_is_looked_for_once_in_each_call(
    both: Answers, way: str, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed = []

    def counted(token: bytes) -> Any:
        hashed.append(token)
        return sha256(token)

    monkeypatch.setattr("assayd_server.access.sha256", counted)
    for count in (1, 2):
        outcome(both[way], path, bearer(token_for("score")))
        assert len(hashed) == count


def test_tokens_count_on_a_unix_socket_too(serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # a short path
    access = write_access(tmp_path / "access.toml", entries("score"))
    serve(onnx_models.identity(), access=access, uds="s.sock")
    error = outcome("unix:s.sock", "/assayd.v1.ScoringService/Score")
    assert error.code() is grpc.StatusCode.UNAUTHENTICATED
    error = outcome("unix:s.sock", "/assayd.v1.ScoringService/Score", bearer(token_for("score")))
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT


def test_callers_without_credentials_do_not_take_the_room_of_others(serve: Serve, tmp_path: Path) -> None:
    access = write_access(tmp_path / "access.toml", entries("score"))
    server = serve(onnx_models.identity(), access=access, streams_max=1)
    path = "/assayd.v1.SelectionService/SelectStream"
    with grpc.insecure_channel(server.address) as channel, messages(None) as sent:
        open_stream = channel.stream_stream(path)(sent, timeout=60, metadata=bearer(token_for("score")))
        wait_until(lambda: metric(server, "assayd_streams") == 1)
        assert outcome(server.address, path).code() is grpc.StatusCode.UNAUTHENTICATED
        assert (
            outcome(server.address, path, bearer(token_for("score"))).code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        )
        open_stream.cancel()
