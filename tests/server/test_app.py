"""The composition root: what the settings put together, and what a start that fails leaves behind."""

import threading
from pathlib import Path
from socket import create_server

import pytest

import onnx_models
from assayd_server.app import App
from assayd_server.config import Settings
from assayd_server.errors import ArtefactError, StartError
from assayd_server.from_settings import load_models

PORTS = {"port": 0, "metrics_port": 0, "inference_threads": 1}


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "m.onnx"
    path.write_bytes(onnx_models.identity())
    return path


def probe_threads() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name == "probes"}


def test_a_model_that_does_not_load_leaves_nobody_listening(tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_bytes(b"garbage")
    before = probe_threads()  # another test's server may last as long as the session
    with pytest.raises(ArtefactError):
        App(Settings(model=tmp_path / "m.onnx", **PORTS))
    assert probe_threads() == before


def test_a_grpc_port_that_is_taken_leaves_nobody_listening(model: Path) -> None:
    before = probe_threads()
    with create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(
            StartError, match=rf"^port: cannot listen on 127\.0\.0\.1:{port}: Address already in use$"
        ):
            App(Settings(model=model, **PORTS | {"port": port}))
    assert probe_threads() == before


def test_the_chosen_outputs_reach_the_model(model: Path) -> None:
    models, _ = load_models(Settings(model=model, logits_output="embedding", **PORTS), threads=1)
    assert models.find("", 0).contract.roles == {"logits": "embedding"}


def test_a_repository_is_loaded_whole(tmp_path: Path) -> None:
    for name in ("a", "b"):
        onnx_models.write_bundle(tmp_path, onnx_models.identity(), name=name)
    models, _ = load_models(Settings(repository=tmp_path, **PORTS), threads=1)
    assert [found.identity.name for found in models.all()] == ["a", "b"]
