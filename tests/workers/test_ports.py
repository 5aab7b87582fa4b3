"""The port that workers share: nobody else gets it, and whoever has it already is noticed."""

import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest

from assayd_server import ports
from assayd_server.errors import StartError

HOST = "127.0.0.1"


@contextmanager
def listening(port: int, *, shared: bool) -> Iterator[int]:
    with closing(socket.socket()) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.bind((HOST, port))
        listener.listen()
        yield listener.getsockname()[1]


@pytest.mark.parametrize("shared", [False, True])
def test_a_port_that_somebody_listens_on_is_not_to_be_had(shared: bool) -> None:
    with (
        listening(0, shared=shared) as port,
        pytest.raises(StartError, match=f"^port: cannot listen on 127.0.0.1:{port}: Address already in use$"),
        ports.kept(HOST, port),
    ):
        pass


def test_processes_that_share_it_can_listen_on_a_kept_port() -> None:
    with ports.kept(HOST, 0) as port, listening(port, shared=True), listening(port, shared=True):
        pass


def test_a_server_that_does_not_share_it_cannot_have_a_kept_port() -> None:
    with ports.kept(HOST, 0) as port, pytest.raises(OSError, match="in use"), listening(port, shared=False):
        pass


def test_a_kept_port_is_not_kept_a_second_time() -> None:
    with ports.kept(HOST, 0) as port, pytest.raises(StartError, match=r"in use$"), ports.kept(HOST, port):
        pass


def test_nobody_is_connected_to_a_kept_port_that_nobody_listens_on() -> None:
    with ports.kept(HOST, 0) as port, pytest.raises(ConnectionRefusedError):
        socket.create_connection((HOST, port))


def test_after_the_end_the_port_is_free() -> None:
    with ports.kept(HOST, 0) as port:
        pass
    ports.check_free(HOST, port)


def test_a_port_with_connections_that_linger_can_be_had() -> None:
    with socket.create_server((HOST, 0)) as listener:
        port = listener.getsockname()[1]
        with socket.create_connection((HOST, port)) as caller:
            listener.accept()[0].close()  # first, so that it is the server's side that remembers
            assert caller.recv(1) == b""
    with ports.kept(HOST, port) as again:
        assert again == port


@pytest.mark.parametrize(
    ("host", "address"), [("192.0.2.1", "192.0.2.1:0"), ("2001:db8::1", r"\[2001:db8::1\]:0")]
)
def test_an_address_of_another_machine_is_named(host: str, address: str) -> None:
    with pytest.raises(StartError, match=f"^port: cannot listen on {address}: "), ports.kept(host, 0):
        pass
