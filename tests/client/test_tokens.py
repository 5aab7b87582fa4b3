"""Tokens of the client: where they come from, where they are sent, and what becomes of those that are refused."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest

import onnx_models
from assayd import (
    AssaydError,
    ChannelSettings,
    InvalidArgumentError,
    PermissionDeniedError,
    Tls,
    UnauthenticatedError,
)
from assayd.tokens import stays_here
from certificates import HERE, Authority, replace
from entries import entries, token_for, write_access

X = np.eye(4, dtype=np.float32)
AUTHORITY = Authority("servers")
SERVER = AUTHORITY.issue("server", *HERE)
TOKEN = token_for("score")
ELSEWHERE = "assayd.example:50051"
CALLS: dict[str, Callable[[Any], Any]] = {
    "score": lambda client: client.score(X),
    "score_stream": lambda client: list(client.score_stream([X])),
    "models": lambda client: client.models(),
    "model": lambda client: client.model(),
    "search": lambda client: client.search(ids=[1], k=1),
    "pool": lambda client: client.pool(),
    "reference": lambda client: client.reference(),
    "watch_drift": lambda client: list(client.watch_drift([X])),
}
every_call = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)


class Listener:
    """Answers every call with nothing, and keeps the tokens that came along."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def __call__(self, _request: bytes, context: grpc.ServicerContext) -> bytes:
        self.heard.append(str(dict(context.invocation_metadata()).get("authorization")))
        return b""


@pytest.fixture
def listener() -> Listener:
    return Listener()


@every_call
def test_a_token_goes_along_with_every_call(bare_server, connect_to, listener: Listener, call) -> None:
    client = connect_to(bare_server(listener), token=TOKEN)
    with suppress(AssaydError):  # to most calls nothing is no answer
        call(client)
    assert listener.heard
    assert set(listener.heard) == {f"Bearer {TOKEN}"}


def test_a_token_goes_along_beside_metadata(bare_server, connect_to, listener: Listener) -> None:
    connect_to(bare_server(listener), token=TOKEN, metadata={"x-request-id": "abc"}).models()
    assert listener.heard == [f"Bearer {TOKEN}"]


def test_without_a_token_none_is_sent(bare_server, connect_to, listener: Listener) -> None:
    connect_to(bare_server(listener)).models()
    assert listener.heard == ["None"]


def test_a_function_is_asked_for_the_token_of_each_call(bare_server, connect_to, listener: Listener) -> None:
    tokens = iter(["first", "second"])
    client = connect_to(bare_server(listener), token=lambda: next(tokens))
    client.models()
    client.models()
    assert listener.heard == ["Bearer first", "Bearer second"]


def test_what_a_function_raises_is_raised(bare_server, connect_to, listener: Listener) -> None:
    def fail() -> str:
        raise RuntimeError("no token today")

    with pytest.raises(RuntimeError, match="no token today"):
        connect_to(bare_server(listener), token=fail).models()
    assert listener.heard == []


def test_a_file_is_read_again_once_it_is_another(
    bare_server, connect_to, listener: Listener, tmp_path: Path
) -> None:
    path = tmp_path / "token"
    path.write_text("first\n")
    client = connect_to(bare_server(listener), token=path)
    for _ in range(2):
        client.models()
    replace(path, b"second")
    client.models()
    for unusable in (b"", b"two words", b"\xff\xfe"):
        replace(path, unusable)
        client.models()
    path.unlink()
    client.models()
    replace(path, b"third")
    client.models()
    assert listener.heard == [f"Bearer {token}" for token in ("first", "first", *["second"] * 5, "third")]


def test_a_file_that_is_not_there_is_named_at_once(client_kind, tmp_path: Path) -> None:
    path = tmp_path / "token"
    with pytest.raises(InvalidArgumentError, match=f"token: {path} cannot be read: No such file or directory"):
        client_kind("localhost:1", token=path)


@pytest.mark.parametrize("token", ["", " ", "two words", "line\n", "naïve", "\0", 7, b"bytes", None])
def test_a_token_that_cannot_be_sent_is_refused_and_not_repeated(
    bare_server, connect_to, listener: Listener, token: Any
) -> None:
    client = connect_to(bare_server(listener), token=lambda: token)
    with pytest.raises(InvalidArgumentError) as caught:
        client.models()
    assert caught.value.message == ("token: is empty, or has other than printable ASCII in it, and cannot be sent")
    assert listener.heard == []


@pytest.mark.parametrize(
    ("address", "here"),
    [
        ("localhost:50051", True),
        ("127.0.0.1:50051", True),
        ("127.8.8.8", True),
        ("[::1]:50051", True),
        ("ipv6:[::1]:50051", True),
        ("ipv4:127.0.0.1:1,127.0.0.1:2", True),
        ("dns:///localhost:50051", True),
        ("dns:localhost:50051", True),
        ("dns://1.2.3.4/localhost:50051", True),
        ("unix:/run/assayd.sock", True),
        ("unix-abstract:assayd", True),
        ("ipv4:127.0.0.1:1,10.0.0.1:2", False),
        ("dns:///assayd.example:50051", False),
        ("dns://127.0.0.1/assayd.example:50051", False),
        (ELSEWHERE, False),
        ("10.0.0.1:50051", False),
        ("0.0.0.0:50051", False),
        ("[2001:db8::1]:50051", False),
        ("localhost.example:50051", False),
        ("xds:///localhost", False),
        ("", False),
    ],
)
def test_an_address_stays_on_this_machine_or_does_not(address: str, here: bool) -> None:
    assert stays_here(address) is here


def test_a_token_is_not_sent_to_another_machine_in_clear_text_unless_that_is_meant(client_kind) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        client_kind(ELSEWHERE, token=TOKEN)
    assert caught.value.message == (
        f"token: would travel to {ELSEWHERE} in clear text: give tls, or insecure if that is meant"
    )
    client_kind(ELSEWHERE, token=TOKEN, insecure=True).close()


@pytest.mark.parametrize("secure", ["tls", "credentials"])
def test_a_token_may_be_sent_anywhere_over_tls(client_kind, tmp_path: Path, secure: str) -> None:
    ca = AUTHORITY.write(tmp_path / "ca.crt")
    kinds: dict[str, Any] = {"tls": Tls(ca=ca), "credentials": grpc.ssl_channel_credentials(ca.read_bytes())}
    client_kind(ELSEWHERE, token=TOKEN, **{secure: kinds[secure]}).close()


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (grpc.StatusCode.UNAUTHENTICATED, UnauthenticatedError),
        (grpc.StatusCode.PERMISSION_DENIED, PermissionDeniedError),
    ],
)
@every_call
def test_a_token_that_is_refused_is_an_error_of_its_own_and_not_sent_again(
    bare_server, connect_to, call, code: grpc.StatusCode, kind: type[AssaydError]
) -> None:
    calls: list[int] = []

    def refuse(_request: bytes, context: grpc.ServicerContext) -> bytes:
        calls.append(1)
        context.abort(code, "not with this token")
        return b""

    client = connect_to(bare_server(refuse), token=TOKEN, settings=ChannelSettings(attempts_max=5))
    with pytest.raises(kind, match="not with this token"):
        call(client)
    assert len(calls) == 1


def test_a_server_that_knows_tokens_lets_the_client_in(client_kind, serve, tmp_path: Path) -> None:
    access = write_access(tmp_path / "access.toml", entries("score", "monitor"))
    pair = SERVER.write(tmp_path, "server")
    app = serve(onnx_models.identity(), access=access, tls_certificate=pair["certificate"], tls_key=pair["key"])
    tls = Tls(ca=AUTHORITY.write(tmp_path / "ca.crt"))
    with client_kind(app.address, tls=tls, token=token_for("score")) as client:
        assert len(client.score(X)) == 4
        with pytest.raises(PermissionDeniedError) as caught:
            client.models()
    assert (caught.value.reason, caught.value.details) == ("ROLE_MISSING", {"roles": "monitor"})
