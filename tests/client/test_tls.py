"""TLS of the client: files that are no certificates, new certificates, and calls that outlive the old ones."""

import time
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from threading import Event
from typing import Any

import grpc
import numpy as np
import pytest

import onnx_models
from assayd import CallCancelledError, ChannelSettings, Client, InvalidArgumentError, Tls, UnavailableError
from assayd.arrays import encode
from assayd.connection import Connection
from assayd.lines import Lines
from assayd.tls import TlsFiles
from assayd.v1 import scoring_pb2
from certificates import HERE, Authority, encrypted, replace
from waiting import wait_until

X = np.eye(4, dtype=np.float32)
ONE_ROW = scoring_pb2.ScoreResponse(predictions=encode(np.zeros(1, np.int32))).SerializeToString()
SERVERS, CLIENTS = Authority("servers"), Authority("clients")
SERVER = SERVERS.issue("server", *HERE)
HELD = {"x-request-id": "held"}
ONE_TRY = ChannelSettings(attempts_max=1)
LOOK_SECONDS = 0.1


@pytest.fixture(autouse=True)
def frequent_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client looks at its files ten times as often, as its tests wait for that."""
    monkeypatch.setattr("assayd.tls._LOOK_SECONDS", LOOK_SECONDS)


@pytest.fixture
def tls(tmp_path: Path) -> Tls:
    """That of a client with a certificate of its own."""
    return Tls(ca=SERVERS.write(tmp_path / "ca.crt"), **CLIENTS.issue("before").write(tmp_path, "client"))


def credentials(authority: Authority = CLIENTS) -> grpc.ServerCredentials:
    """Those of a server that asks clients for a certificate."""
    return grpc.ssl_server_credentials([(SERVER.key, SERVER.certificate)], authority.certificate, True)


class Callers:
    """Answers calls of one row, and keeps the names of those who made them; a call may be held until the end."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.end = Event()

    def __call__(self, _request: bytes, context: grpc.ServicerContext) -> bytes:
        (name,) = context.auth_context()["x509_common_name"]
        self.names.append(name.decode())
        if HELD.items() <= dict(context.invocation_metadata()).items():
            self.end.wait(20)
        return ONE_ROW

    def call_until_after(self, client: Client, folder: Path) -> None:
        """Give the client another certificate, and call until it shows it."""
        CLIENTS.issue("after").write(folder, "client")
        wait_until(lambda: len(client.score(X[:1])) == 1 and self.names[-1] == "after")


def call_for_a_while(client: Client) -> None:
    """Call for longer than it takes until the client looks at its files."""
    end = time.monotonic() + 3 * LOOK_SECONDS
    while time.monotonic() < end:
        client.score(X[:1])


def test_a_client_shows_its_certificate(client_kind, bare_server, tls: Tls) -> None:
    callers = Callers()
    address = bare_server(callers, credentials())
    with client_kind(address, tls=tls) as client:
        client.score(X[:1])
    assert callers.names == ["before"]


def test_a_client_without_the_authority_of_its_server_does_not_call_it(client_kind, bare_server) -> None:
    address = bare_server(Callers(), credentials())
    with client_kind(address, tls=Tls(), settings=ONE_TRY) as client, pytest.raises(UnavailableError):
        client.score(X[:1])


def test_a_server_can_be_told_by_another_name_than_its_address(client_kind, bare_server, tmp_path: Path) -> None:
    callers = Callers()
    address = bare_server(callers, credentials()).replace("127.0.0.1", "ipv4:127.0.0.1")
    pair = CLIENTS.issue("before").write(tmp_path, "client")
    tls = Tls(ca=SERVERS.write(tmp_path / "ca.crt"), server_name="localhost", **pair)
    with client_kind(address, tls=tls) as client:
        client.score(X[:1])
    assert callers.names == ["before"]


def test_calls_are_made_with_a_new_certificate_once_there_is_one(
    client_kind, bare_server, tls: Tls, tmp_path: Path
) -> None:
    callers = Callers()
    with client_kind(bare_server(callers, credentials()), tls=tls) as client:
        client.score(X[:1])
        callers.call_until_after(client, tmp_path)
        call_for_a_while(client)
    assert callers.names[0] == "before"
    assert callers.names == sorted(callers.names, reverse=True)  # once another, never that of before again


def test_a_call_that_is_under_way_is_answered_on_the_channel_of_before(
    client_kind, bare_server, tls: Tls, tmp_path: Path, in_background: Callable[..., Future]
) -> None:
    callers = Callers()
    with client_kind(bare_server(callers, credentials()), tls=tls, deadline_seconds=30) as client:
        held = in_background(lambda: client.score(X[:1], metadata=HELD))
        wait_until(lambda: callers.names == ["before"])
        callers.call_until_after(client, tmp_path)
        call_for_a_while(client)
        assert not held.done()
        callers.end.set()
        assert len(held.result(20)) == 1
        client.score(X[:1])  # ends the channel that nobody calls on any more
    assert callers.names[-1] == "after"


def test_closing_a_client_ends_the_channels_of_before_too(
    client_kind, bare_server, tls: Tls, tmp_path: Path, in_background: Callable[..., Future]
) -> None:
    callers = Callers()
    client = client_kind(bare_server(callers, credentials()), tls=tls, deadline_seconds=30)
    held = in_background(lambda: client.score(X[:1], metadata=HELD))
    wait_until(lambda: callers.names == ["before"])
    callers.call_until_after(client, tmp_path)
    client.close()
    with pytest.raises(CallCancelledError):
        held.result(20)
    callers.end.set()


@pytest.mark.parametrize("spoil", [lambda path: replace(path, b""), Path.unlink], ids=["empty", "gone"])
def test_files_that_cannot_be_used_leave_the_certificate_of_before(
    client_kind, bare_server, tls: Tls, tmp_path: Path, spoil: Callable[[Path], None]
) -> None:
    callers = Callers()
    with client_kind(bare_server(callers, credentials()), tls=tls) as client:
        spoil(tmp_path / "client.key")
        call_for_a_while(client)
        assert set(callers.names) == {"before"}
        callers.call_until_after(client, tmp_path)


def test_files_that_stay_make_no_new_credentials(tls: Tls) -> None:
    files = TlsFiles(tls)
    before = files.credentials
    end = time.monotonic() + 3 * LOOK_SECONDS
    while time.monotonic() < end:
        assert not files.changed()
    assert files.credentials is before


def test_a_call_that_cannot_begin_is_not_counted(tls: Tls) -> None:
    options: dict[str, Any] = dict.fromkeys(("settings", "metadata", "credentials", "token"))
    lines = Lines(Connection("localhost:1", deadline_seconds=1, tls=tls, insecure=False, **options), grpc)
    with pytest.raises(KeyError):
        lines.begin(lambda methods: methods["Nothing"])
    assert lines._line.open_calls == 0
    for channel in lines.all():
        channel.close()


def test_a_certificate_and_a_key_go_together(tmp_path: Path) -> None:
    for half in ({"certificate": "c"}, {"key": "k"}):
        with pytest.raises(InvalidArgumentError, match="tls: certificate and key go together"):
            Tls(**half)


def test_tls_and_credentials_of_grpc_do_not_go_together(client_kind, tls: Tls) -> None:
    with pytest.raises(InvalidArgumentError, match="tls: goes without credentials, which say the same"):
        client_kind("localhost:1", tls=tls, credentials=grpc.ssl_channel_credentials())


@pytest.mark.parametrize("name", ["ca", "certificate", "key"])
def test_a_file_that_is_not_there_is_named_at_once(client_kind, tls: Tls, name: str) -> None:
    path = getattr(tls, name)
    path.unlink()
    with pytest.raises(InvalidArgumentError, match=f"tls: {name}: {path} cannot be read: No such file"):
        client_kind("localhost:1", tls=tls)


@pytest.mark.parametrize("content", [b"", b"no PEM", b"\xff"])
def test_an_authority_that_is_none_is_named_at_once(client_kind, tmp_path: Path, content: bytes) -> None:
    replace(tmp_path / "ca.crt", content)
    with pytest.raises(InvalidArgumentError, match=r"tls: ca: .*ca\.crt holds no certificates in PEM"):
        client_kind("localhost:1", tls=Tls(ca=tmp_path / "ca.crt"))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("key", b"no PEM"),
        ("key", SERVER.key),
        ("key", encrypted(SERVER.key)),
        ("certificate", b""),
        ("certificate", SERVER.certificate),
    ],
    ids=["no key", "another key", "an encrypted key", "no certificate", "another certificate"],
)
def test_a_pair_that_is_none_is_named_at_once_and_nothing_of_it_repeated(
    client_kind, tls: Tls, name: str, content: bytes
) -> None:
    replace(Path(getattr(tls, name)), content)
    with pytest.raises(
        InvalidArgumentError, match="are no certificate and its key in PEM, without a pass"
    ) as caught:
        client_kind("localhost:1", tls=tls)
    assert not any(line in str(caught.value) for line in content.decode().splitlines())


def test_a_real_server_is_reached_by_certificate_files_alone(client_kind, serve, tmp_path: Path, tls: Tls) -> None:
    pair = SERVER.write(tmp_path, "server")
    client_ca = CLIENTS.write(tmp_path / "clients.crt")
    app = serve(
        onnx_models.identity(),
        tls_certificate=pair["certificate"],
        tls_key=pair["key"],
        tls_client_ca=client_ca,
    )
    with client_kind(app.address, tls=tls) as client:
        assert len(client.score(X)) == 4
