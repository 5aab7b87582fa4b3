"""Connections and file descriptors: a server whose callers open many keeps some for itself."""

import resource
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
import pytest
from benchmarks.chaos.frames import hello

import onnx_models
from assayd import Client
from assayd_server.descriptors import connections_allowed, without_reserve
from processes import ServerProcess, serving
from waiting import wait_until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="it limits another process, and reads /proc")
X = np.eye(4, dtype=np.float32)
LIMIT = 128


@contextmanager
def connections(port: int, count: int) -> Iterator[list[socket.socket]]:
    """So many, each of which has said what it speaks; those that are hung up on too."""
    with ExitStack() as stack:
        opened = [stack.enter_context(socket.create_connection(("127.0.0.1", port), 10)) for _ in range(count)]
        for connection in opened:
            try:
                connection.sendall(hello())
            except OSError:  # hung up on already
                continue
        yield opened


def is_open(connection: socket.socket) -> bool:
    """Whether the server has said its hello."""
    try:
        return bool(connection.recv(1))
    except ConnectionError:
        return False


@pytest.fixture
def limited(tmp_path: Path) -> Iterator[ServerProcess]:
    """A server that may open 128 files."""
    (tmp_path / "m.onnx").write_bytes(onnx_models.identity())
    with serving(tmp_path / "log", "--model", str(tmp_path / "m.onnx")) as server:
        resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, (LIMIT, LIMIT))  # before Python is up in it
        assert server.port
        yield server


def test_more_connections_than_allowed_are_hung_up_on_and_the_others_go_on(
    serve: Callable, connect: Callable[..., Client]
) -> None:
    app = serve(onnx_models.identity(), connections_max=4)
    client = connect(app)
    client.score(X)
    with connections(app.port, 6) as opened:
        assert sum(map(is_open, opened)) == 3  # the client has one
        assert len(client.score(X)) == 4
    wait_until(lambda: _connects(app.port))


def _connects(port: int) -> bool:
    with connections(port, 1) as (connection,):
        return is_open(connection)


def test_a_server_out_of_file_descriptors_answers_scrapes_and_says_so(limited: ServerProcess) -> None:
    with Client(f"127.0.0.1:{limited.port}") as client:
        client.score(X)
        with connections(limited.port, 2 * LIMIT):
            (line,) = _at_least_one(limited, "connections are refused")
            assert line["connections_max"] == LIMIT // 2
            assert limited.metric("process_open_fds") < LIMIT
            assert len(client.score(X)) == 4
        _at_least_one(limited, "connections are taken again")
    with Client(f"127.0.0.1:{limited.port}") as client:
        assert len(client.score(X)) == 4


def _at_least_one(server: ServerProcess, event: str) -> list[dict]:
    wait_until(lambda: bool(server.events(event)))
    return server.events(event)


def test_a_limit_that_is_lower_than_it_has_to_be_is_raised() -> None:
    program = (
        "import resource; from assayd_server.descriptors import raise_limit;"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (64, 200)); raise_limit();"
        "print(resource.getrlimit(resource.RLIMIT_NOFILE)[0])"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout == "200\n"


def test_so_many_connections_are_allowed_as_the_setting_says() -> None:
    assert connections_allowed(17) == 17


@pytest.mark.parametrize(("limit", "connections"), [(200, 100), (512, 256), (1024, 768)])
def test_connections_leave_256_descriptors_or_half_of_all(limit: int, connections: int) -> None:
    assert without_reserve(limit) == connections
