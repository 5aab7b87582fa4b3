"""Fixtures: a real server in this process, and a client that speaks to it."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

import onnx_models
from assayd import Client
from assayd.testing import Server, serving
from assayd_server import logs

Serve = Callable[..., Server]


@pytest.fixture(autouse=True)
def quiet_logs() -> None:
    """Only errors, so that a test's output shows what matters."""
    logs.configure("error")


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Start real servers on free ports: serve(content or path, **settings). Content is served as model "m"."""
    with ExitStack() as stack:

        def start(model: bytes | Path, **settings: Any) -> Server:
            if isinstance(model, bytes):
                (tmp_path / "m.onnx").write_bytes(model)
                model = tmp_path / "m.onnx"
            return stack.enter_context(serving(model, **settings))

        yield start


@pytest.fixture
def connect() -> Callable[..., Client]:
    """Open clients: connect(app, **arguments of Client)."""
    return lambda app, **kwargs: app.client(**kwargs)


@pytest.fixture
def identity_client(serve: Serve, connect: Callable[..., Client]) -> Client:
    """A client of a server whose logits are the input itself, with 4 classes."""
    return connect(serve(onnx_models.identity()))
