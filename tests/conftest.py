"""Fixtures: a real server in this process, and a client that speaks to it."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

import onnx_models
from assayd import Client
from assayd_server import logs
from assayd_server.app import App
from assayd_server.config import Settings

Serve = Callable[..., App]


@pytest.fixture(autouse=True)
def quiet_logs() -> None:
    """Only errors, so that a test's output shows what matters."""
    logs.configure("error")


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Start real servers on free ports: serve(content or folder, **settings)."""
    with ExitStack() as stack:

        def start(model: bytes | Path, **settings: Any) -> App:
            app = App(Settings(**_source(model, tmp_path), **_QUICK | settings))
            app.start()
            stack.callback(app.drain)
            return app

        yield start


_QUICK = {"port": 0, "metrics_port": 0, "drain_delay_seconds": 0, "drain_grace_seconds": 1, "inference_threads": 1}


def _source(model: bytes | Path, folder: Path) -> dict[str, Path]:
    if isinstance(model, bytes):
        path = folder / "m.onnx"
        path.write_bytes(model)
        return {"model": path}
    return {"model" if model.is_file() else "repository": model}


@pytest.fixture
def connect() -> Iterator[Callable[..., Client]]:
    """Open clients: connect(app, **arguments of Client)."""
    with ExitStack() as stack:
        yield lambda app, **kwargs: stack.enter_context(Client(f"127.0.0.1:{app.port}", **kwargs))


@pytest.fixture
def identity_client(serve: Serve, connect: Callable[..., Client]) -> Client:
    """A client of a server whose logits are the input itself, with 4 classes."""
    return connect(serve(onnx_models.identity()))
