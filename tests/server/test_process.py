"""The command as a process of its own: a start that fails ends with code 1 and one sentence."""

import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from socket import create_server

import pytest

import onnx_models

Assayd = Callable[..., subprocess.CompletedProcess[str]]


def sentence(run: subprocess.CompletedProcess[str]) -> str:
    """The one line on standard error that a failed start leaves."""
    assert (run.returncode, run.stdout) == (1, "")
    assert len(run.stderr.splitlines()) == 1
    assert run.stderr.startswith("assayd: ")
    assert "Traceback" not in run.stderr
    return run.stderr.rstrip("\n")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "m.onnx"
    path.write_bytes(onnx_models.identity())
    return path


def test_inspect_describes_a_model(assayd: Assayd, model: Path) -> None:
    run = assayd("inspect", model)
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout.startswith("m version 1, sha256:")


def test_a_corrupt_model_stops_the_start(assayd: Assayd, model: Path) -> None:
    model.write_bytes(model.read_bytes()[:-50])
    assert sentence(assayd("serve", "--model", model)).startswith(
        f"assayd: {model}: ONNX Runtime cannot load it: "
    )


def test_a_wrong_digest_stops_the_start(assayd: Assayd, tmp_path: Path) -> None:
    folder = onnx_models.write_bundle(tmp_path / "models", onnx_models.identity())
    (folder / "model.onnx").write_bytes(onnx_models.identity(5))
    said = sentence(assayd("serve", "--repository", tmp_path / "models"))
    assert said.startswith(f"assayd: {folder}/model.onnx: its digest is sha256:")


def test_a_missing_file_stops_the_start(assayd: Assayd, tmp_path: Path) -> None:
    said = sentence(assayd("serve", "--model", tmp_path / "none.onnx"))
    assert said == f"assayd: {tmp_path}/none.onnx: cannot be read: No such file or directory"


def test_an_unknown_variable_stops_the_start(assayd: Assayd, model: Path) -> None:
    said = sentence(assayd("serve", "--model", model, ASSAYD_PROT="1"))
    assert said == "assayd: ASSAYD_PROT: there is no such setting, did you mean ASSAYD_PORT?"


def test_a_metrics_port_that_is_taken_stops_the_start(assayd: Assayd, model: Path) -> None:
    with closing(create_server(("127.0.0.1", 0))) as taken:
        port = str(taken.getsockname()[1])
        said = sentence(assayd("serve", "--model", model, "--metrics-port", port))
    assert said == f"assayd: metrics_port: cannot listen on 127.0.0.1:{port}: Address already in use"


def test_a_port_that_is_taken_stops_the_start(assayd: Assayd, model: Path) -> None:
    with closing(create_server(("127.0.0.1", 0))) as taken:
        port = str(taken.getsockname()[1])
        run = assayd("serve", "--model", model, "--port", port)
    assert (run.returncode, run.stdout) == (1, "")
    assert run.stderr == f"assayd: port: cannot listen on 127.0.0.1:{port}: Address already in use\n"


def test_where_only_the_client_is_installed_the_command_says_what_to_install(tmp_path: Path) -> None:
    blocked = "import sys; sys.modules['typer'] = None; sys.argv = ['assayd', 'serve']; "
    run = subprocess.run(
        [sys.executable, "-c", blocked + "from assayd_server.__main__ import main; main()"],
        cwd=tmp_path,
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert sentence(run) == (
        'assayd: typer is missing: the server needs more than the client, pip install "assayd[server]"'
    )
