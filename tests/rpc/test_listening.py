"""A Unix domain socket beside the port: calls come through it, and nothing is removed that is not ours."""

import os
import socket
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import onnx_models
from assayd import Client
from assayd.testing import Server
from assayd_server.errors import StartError

Serve = Callable[..., Server]
ROWS = np.eye(4, dtype=np.float32)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A short path: those of temporary folders may be too long for a socket."""
    monkeypatch.chdir(tmp_path)
    return Path("s.sock")


def test_calls_come_through_the_socket_and_through_the_port(serve: Serve, place: Path) -> None:
    server = serve(onnx_models.identity(), uds=place)
    for address in (f"unix:{place}", server.address):
        with Client(address) as client:
            np.testing.assert_array_equal(client.score(ROWS).predictions, [0, 1, 2, 3])


def test_a_socket_that_a_server_left_behind_is_replaced(serve: Serve, place: Path) -> None:
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(place))
    serve(onnx_models.identity(), uds=place)
    with Client(f"unix:{place}") as client:
        assert len(client.score(ROWS)) == 4


def test_the_socket_of_another_server_is_left_to_it(serve: Serve, place: Path) -> None:
    serve(onnx_models.identity(), uds=place)
    with pytest.raises(StartError, match=r"^uds: a server listens on s\.sock already$"):
        serve(onnx_models.identity(), uds=place)
    with Client(f"unix:{place}") as client:
        assert len(client.score(ROWS)) == 4


def test_a_file_that_is_no_socket_is_never_removed(serve: Serve, place: Path) -> None:
    place.write_text("mine")
    with pytest.raises(StartError, match=r"^uds: s\.sock is there already, and no socket$"):
        serve(onnx_models.identity(), uds=place)
    assert place.read_text() == "mine"


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("nowhere/s.sock", "^uds: there is no folder nowhere$"),
        ("s" * 108, "^uds: s+ is too long, a socket's path has at most 107 bytes$"),
    ],
)
def test_a_path_that_no_socket_can_have_is_refused(serve: Serve, place: Path, path: str, message: str) -> None:
    with pytest.raises(StartError, match=message):
        serve(onnx_models.identity(), uds=place.with_name(path) if "/" not in path else Path(path))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_nothing_may_be_written_to_is_named(serve: Serve, place: Path) -> None:
    closed = Path("closed")
    closed.mkdir(mode=0o500)
    with pytest.raises(StartError, match=r"^uds: cannot listen on closed/s\.sock: "):
        serve(onnx_models.identity(), uds=closed / place)
