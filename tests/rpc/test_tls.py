"""Calls over TLS: who is believed, certificates that are replaced during calls, and those that are refused."""

import threading
from collections.abc import Callable
from contextlib import ExitStack
from datetime import timedelta
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cryptography.x509 import DNSName, IPAddress, RFC822Name, UniformResourceIdentifier

import onnx_models
from assayd import ChannelSettings, Client, PermissionDeniedError, Tls, UnauthenticatedError, UnavailableError
from assayd.testing import Server
from callers import Caller, wait_for_answers
from certificates import DAY, HERE, Authority, Issued, encrypted, replace
from entries import certificate_entry, entries, token_for, write_access
from processes import serving as serving_process
from scraping import metric
from waiting import wait_until

Serve = Callable[..., Server]
ROWS = np.eye(4, dtype=np.float32)
ONE_TRY = ChannelSettings(attempts_max=1)
WAYS = pytest.mark.parametrize("plain_calls", [False, True], ids=["direct", "plain"])


class Place:
    """A folder with an authority of servers and one of clients, and certificates of both."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.servers, self.clients = Authority("servers"), Authority("clients")
        self.ca = self.servers.write(folder / "ca.crt")
        self.client_ca = self.clients.write(folder / "clients.crt")
        self.server = self.servers.issue("server", *HERE).write(folder, "server")

    def settings(self, *, mutual: bool = False) -> dict[str, Any]:
        """Those of a server."""
        found = {"tls_certificate": self.server["certificate"], "tls_key": self.server["key"]}
        return found | ({"tls_client_ca": self.client_ca} if mutual else {})

    def tls(self, issued: Issued | None = None, name: str = "client") -> Tls:
        """That of a client, with a certificate or without."""
        return Tls(ca=self.ca, **({} if issued is None else issued.write(self.folder, name)))


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def is_refused(server: Server, **arguments: Any) -> bool:
    """Whether a new connection fails before any call is answered."""
    with Client(server.address, settings=ONE_TRY, deadline_seconds=20, **arguments) as client:
        try:
            client.score(ROWS)
        except UnavailableError:
            return True
        return False


@WAYS
def test_calls_are_answered_over_tls(serve: Serve, place: Place, plain_calls: bool) -> None:
    server = serve(onnx_models.identity(), plain_calls=plain_calls, **place.settings())
    np.testing.assert_array_equal(server.client(tls=place.tls()).score(ROWS).predictions, [0, 1, 2, 3])


def test_a_port_with_tls_takes_nothing_in_clear_text(serve: Serve, place: Place) -> None:
    server = serve(onnx_models.identity(), **place.settings())
    assert is_refused(server)


def test_a_server_of_another_authority_is_not_believed(serve: Serve, place: Place) -> None:
    server = serve(onnx_models.identity(), **place.settings())
    assert is_refused(server, tls=Tls(ca=place.client_ca))


def test_a_server_whose_certificate_is_for_another_name_is_not_believed(serve: Serve, place: Place) -> None:
    place.servers.issue("server", DNSName("elsewhere.example")).write(place.folder, "server")
    server = serve(onnx_models.identity(), **place.settings())
    assert is_refused(server, tls=place.tls())
    named = Tls(ca=place.ca, server_name="elsewhere.example")
    assert len(server.client(tls=named).score(ROWS)) == 4


def test_a_server_whose_certificate_has_expired_is_not_believed(serve: Serve, place: Place) -> None:
    place.servers.issue("server", *HERE, valid=(-2 * DAY, -DAY)).write(place.folder, "server")
    server = serve(onnx_models.identity(), **place.settings())
    assert is_refused(server, tls=place.tls())


@WAYS
def test_a_client_with_a_certificate_of_the_authority_is_let_in(
    serve: Serve, place: Place, plain_calls: bool
) -> None:
    server = serve(onnx_models.identity(), plain_calls=plain_calls, **place.settings(mutual=True))
    assert len(server.client(tls=place.tls(place.clients.issue("pipeline"))).score(ROWS)) == 4


@pytest.mark.parametrize(
    "issue",
    [
        lambda _: None,
        lambda place: place.servers.issue("of another authority"),
        lambda place: place.clients.issue("expired", valid=(-2 * DAY, -DAY)),
        lambda place: place.clients.issue("of tomorrow", valid=(DAY, 2 * DAY)),
    ],
    ids=["none", "of another authority", "expired", "not yet valid"],
)
def test_a_client_without_a_valid_certificate_of_the_authority_is_refused(
    serve: Serve, place: Place, issue: Callable[[Place], Issued | None]
) -> None:
    server = serve(onnx_models.identity(), **place.settings(mutual=True))
    assert is_refused(server, tls=place.tls(issue(place)))


@WAYS
@pytest.mark.parametrize(
    "name",
    ["pipeline", "pipeline.example", "spiffe://example/pipeline", "10.0.0.1", "pipeline@example.org"],
    ids=["common name", "DNS", "URI", "IP", "e-mail"],
)
def test_a_certificate_has_the_roles_of_its_names(
    serve: Serve, place: Place, plain_calls: bool, name: str
) -> None:
    access = write_access(place.folder / "access.toml", certificate_entry(name, "score"))
    issued = place.clients.issue(
        "pipeline",
        DNSName("pipeline.example"),
        UniformResourceIdentifier("spiffe://example/pipeline"),
        IPAddress(IPv4Address("10.0.0.1")),
        RFC822Name("pipeline@example.org"),
    )
    server = serve(onnx_models.identity(), plain_calls=plain_calls, access=access, **place.settings(mutual=True))
    client = server.client(tls=place.tls(issued))
    assert len(client.score(ROWS)) == 4
    with pytest.raises(PermissionDeniedError, match="needs the role monitor, which the certificate it came with"):
        client.models()
    with pytest.raises(PermissionDeniedError, match="needs the role monitor"):
        next(iter(client.watch_drift([ROWS])))
    other = server.client(tls=place.tls(place.clients.issue("another"), "another"))
    with pytest.raises(UnauthenticatedError, match="certificate that the server does not know; it needs the role"):
        other.score(ROWS)


@WAYS
def test_a_token_goes_before_a_certificate(serve: Serve, place: Place, plain_calls: bool) -> None:
    text = certificate_entry("pipeline", "score") + entries("monitor")
    access = write_access(place.folder / "access.toml", text)
    server = serve(onnx_models.identity(), plain_calls=plain_calls, access=access, **place.settings(mutual=True))
    tls = place.tls(place.clients.issue("pipeline"))
    with pytest.raises(PermissionDeniedError, match="which the token it came with does not have"):
        server.client(tls=tls, token=token_for("monitor")).score(ROWS)
    with pytest.raises(UnauthenticatedError, match="token that the server does not know"):
        server.client(tls=tls, token=token_for("nobody")).score(ROWS)
    assert len(server.client(tls=tls, token=token_for("monitor")).models().models) == 1


def test_a_new_certificate_is_shown_to_the_next_connection(serve: Serve, place: Place) -> None:
    server = serve(onnx_models.identity(), **place.settings())
    another = Authority("another")
    another.write(place.folder / "another.crt")
    assert is_refused(server, tls=Tls(ca=place.folder / "another.crt"))
    another.issue("server", *HERE).write(place.folder, "server")
    assert not is_refused(server, tls=Tls(ca=place.folder / "another.crt"))
    assert is_refused(server, tls=place.tls())


def test_an_authority_of_clients_that_is_replaced_is_believed_no_more(serve: Serve, place: Place) -> None:
    server = serve(onnx_models.identity(), **place.settings(mutual=True))
    of_before = place.tls(place.clients.issue("pipeline"), "before")
    assert not is_refused(server, tls=of_before)
    new = Authority("new clients")
    new.write(place.client_ca)
    assert is_refused(server, tls=of_before)
    assert not is_refused(server, tls=place.tls(new.issue("pipeline"), "after"))


@pytest.mark.parametrize(
    ("setting", "wrong"),
    [
        ("key", b""),
        ("key", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"),
        ("certificate", b"-----BEGIN CERTIFICATE-----\nAAAA\n"),
        ("certificate", None),
    ],
    ids=["empty key", "no key", "half of a certificate", "of another key"],
)
def test_a_pair_that_cannot_be_used_leaves_the_one_before(
    serve: Serve, place: Place, setting: str, wrong: bytes | None
) -> None:
    server = serve(onnx_models.identity(), **place.settings())
    good = place.server[setting].read_bytes()
    replace(place.server[setting], place.servers.issue("server", *HERE).certificate if wrong is None else wrong)
    assert not is_refused(server, tls=place.tls())
    assert metric(server, "assayd_credentials_outdated", files="tls") == 1
    assert metric(server, "assayd_credential_reloads_total", files="tls", result="failed") == 1
    replace(place.server[setting], good)
    wait_until(lambda: metric(server, "assayd_credentials_outdated", files="tls") == 0)
    assert not is_refused(server, tls=place.tls())


def test_how_long_certificates_are_valid_can_be_watched(serve: Serve, place: Place) -> None:
    server = serve(onnx_models.identity(), **place.settings(mutual=True))
    name = "assayd_tls_certificate_expiry_timestamp_seconds"
    of_today, of_clients = (metric(server, name, setting=s) for s in ("tls_certificate", "tls_client_ca"))
    assert of_clients - of_today == pytest.approx(364 * DAY.total_seconds(), abs=5)
    place.servers.issue("server", *HERE, valid=(-DAY, 8 * DAY)).write(place.folder, "server")
    wait_until(lambda: metric(server, name, setting="tls_certificate") - of_today > 6 * DAY.total_seconds())


def test_no_call_fails_while_certificates_of_both_sides_are_replaced(serve: Serve, place: Place) -> None:
    """Connections come of age all the time, so that there are handshakes all the time."""
    server = serve(onnx_models.identity(), connection_age_max_seconds=0.2, **place.settings(mutual=True))
    stop = threading.Event()
    tls = place.tls(place.clients.issue("pipeline"))
    callers = [Caller(server.client(tls=tls), seed, stop) for seed in range(4)]
    for caller in callers:
        caller.start()
    try:
        for turn in range(4):
            wait_for_answers(callers, 100 * (turn + 1))
            place.servers.issue("server", *HERE).write(place.folder, "server")
            place.clients.issue("pipeline").write(place.folder, "client")
            wait_until(
                lambda turn=turn: (
                    metric(server, "assayd_credential_reloads_total", files="tls", result="ok") > turn
                )
            )
        wait_for_answers(callers, 600)
    finally:
        stop.set()
        for caller in callers:
            caller.join()
    assert [caller.error for caller in callers] == [None] * 4
    assert sum(caller.mixed_up for caller in callers) == 0


def test_a_certificate_that_expires_under_load_keeps_new_connections_out_alone_until_it_is_replaced(
    serve: Serve, place: Place
) -> None:
    server = serve(onnx_models.identity(), **place.settings())
    place.servers.issue("server", *HERE, valid=(-DAY, timedelta(seconds=5))).write(place.folder, "server")
    stop = threading.Event()
    callers = [Caller(server.client(tls=place.tls()), seed, stop) for seed in range(4)]
    for caller in callers:
        caller.start()
    try:
        wait_for_answers(callers, 100)
        wait_until(lambda: is_refused(server, tls=place.tls()))
        wait_for_answers(callers, sum(caller.answered for caller in callers) + 200)  # by open connections
        assert is_refused(server, tls=place.tls())
        place.servers.issue("server", *HERE).write(place.folder, "server")
        wait_until(lambda: not is_refused(server, tls=place.tls()))
    finally:
        stop.set()
        for caller in callers:
            caller.join()
    assert [caller.error for caller in callers] == [None] * 4


def test_a_unix_socket_takes_calls_without_tls(
    serve: Serve, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(place.folder)  # a short path
    serve(onnx_models.identity(), uds="s.sock", **place.settings(mutual=True))
    with Client("unix:s.sock") as client:
        assert len(client.score(ROWS)) == 4


@pytest.mark.slow
def test_workers_share_certificates_and_tokens_and_read_new_ones(place: Place) -> None:
    (place.folder / "m.onnx").write_bytes(onnx_models.identity())
    access = write_access(place.folder / "access.toml", entries("score"))
    flags = {"workers": 2, "model": place.folder / "m.onnx", "access": access, **place.settings()}
    words = [str(word) for name, value in flags.items() for word in (f"--{name.replace('_', '-')}", value)]
    with serving_process(place.folder / "log", *words) as process, ExitStack() as stack:
        address = f"127.0.0.1:{process.port}"
        # each connection is given to one of the two by chance: some of so many reach each
        options = {"tls": place.tls(), "settings": ONE_TRY}
        clients = [stack.enter_context(Client(address, token=token_for("score"), **options)) for _ in range(16)]
        assert [len(client.score(ROWS)) for client in clients] == [4] * 16
        stranger = stack.enter_context(Client(address, tls=Tls(ca=place.client_ca), settings=ONE_TRY))
        with pytest.raises(UnavailableError):
            stranger.score(ROWS)
        write_access(access, entries("monitor"))
        wait_until(lambda: process.metric("assayd_credential_reloads_total", files="access", result="ok") == 2)
        for client in clients:
            with pytest.raises(UnauthenticatedError):
                client.score(ROWS)
        replace(place.server["key"], encrypted(place.server["key"].read_bytes()))
        wait_until(lambda: process.metric("assayd_credentials_outdated", files="tls") == 2)
        process.terminate()
        assert process.exit_code() == 0
    # strangers cannot make gRPC write lines of its own
    assert [line for line in process.log.read_text().splitlines() if not line.startswith("{")] == []
    reasons = {line["reason"] for line in process.events("files cannot be used: those before stay in force")}
    assert reasons == {"tls_certificate and tls_key cannot be used together: the key is encrypted"}
