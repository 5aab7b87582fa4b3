"""A server whose drain can be looked into."""

from collections.abc import Iterator
from pathlib import Path

import pytest

import onnx_models
from assayd_server.app import App
from assayd_server.config import Settings


@pytest.fixture
def app_to_drain(tmp_path: Path) -> Iterator[App]:
    """A server here; app.drain(wait=look) calls look while it says that it will stop and still answers."""
    model = tmp_path / "m.onnx"
    model.write_bytes(onnx_models.identity())
    app = App(Settings(model=model, port=0, metrics_port=0))
    app.start()
    yield app
    app.stop()


@pytest.fixture
def frequent_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Servers look at their files ten times as often, as tests wait for that."""
    monkeypatch.setattr("assayd_server.watched_files._LOOK_SECONDS", 0.1)
