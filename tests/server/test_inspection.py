"""`assayd inspect`: what a model takes and gives, and how the server would read it."""

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

import onnx_models
from assayd_server.bundle import read_file
from assayd_server.cli import app
from assayd_server.errors import ArtefactError
from assayd_server.inspection import describe


def inspect(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["inspect", *map(str, arguments)])


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    path = tmp_path / "digits.onnx"
    path.write_bytes(onnx_models.network(width=6, hidden=3, class_count=2))
    return path


def test_a_bare_file_is_described_in_full(bare: Path) -> None:
    result = inspect(bare)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.splitlines() == [
        f"digits version 1, {read_file(bare).identity.digest}",
        "takes",
        "  x: float32 (any, 6)",
        "gives",
        "  logits: float32 (any, 2)",
        "  embedding: float32 (any, 3)",
        "read as",
        "  logits: logits (by its name)",
        "  embedding: embedding (by its name)",
        "task: multiclass (nothing says otherwise)",
        "2 classes, without names",
        "temperature 1",
    ]


def test_a_bundle_is_described_with_its_names_and_its_temperature(tmp_path: Path) -> None:
    folder = onnx_models.write_bundle(
        tmp_path, onnx_models.identity(2), name="pets", version=7, labels=["cat", "dog"], temperature=1.5
    )
    lines = inspect(folder).stdout.splitlines()
    assert lines[0].startswith("pets version 7, sha256:")
    assert lines[-2:] == ["2 classes: cat, dog", "temperature 1.5"]


def test_a_bundle_is_found_from_within_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(onnx_models.write_bundle(tmp_path, onnx_models.identity(), name="pets", version=7))
    assert inspect(".").stdout.startswith("pets version 7, ")


def test_a_model_without_an_embedding_is_said_to_have_none(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(onnx_models.softmax_only())
    assert describe(path).splitlines()[5:8] == [
        "read as",
        "  probabilities: output (its rows sum to 1)",
        "  no embedding",
    ]


def test_a_flag_says_which_output_to_read_as_what(bare: Path) -> None:
    result = inspect(bare, "--logits-output", "embedding", "--embedding-tensor", "logits")
    assert "  logits: embedding (was chosen)\n  embedding: logits (was chosen)\ntask: " in result.stdout
    assert "\n3 classes" in result.stdout


def test_a_flag_that_names_no_output_is_refused_in_one_line(bare: Path) -> None:
    result = inspect(bare, "--probabilities-output", "nope")
    assert (result.exit_code, result.stdout) == (1, "")
    (line,) = result.stderr.splitlines()
    assert line.startswith("assayd: ")
    assert "output 'nope' cannot be the probabilities" in line


def test_a_file_that_is_no_model_is_refused_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(b"garbage")
    result = inspect(path)
    assert (result.exit_code, result.stdout) == (1, "")
    (line,) = result.stderr.splitlines()
    assert line.startswith("assayd: ")
    assert "ONNX Runtime cannot load it: " in line


def test_a_path_that_is_not_there_is_refused_in_one_line(tmp_path: Path) -> None:
    result = inspect(tmp_path / "none.onnx")
    assert result.exit_code == 1
    assert result.stderr == f"assayd: {tmp_path}/none.onnx: cannot be read: No such file or directory\n"


def test_a_folder_without_a_manifest_is_refused(tmp_path: Path) -> None:
    version = tmp_path / "m" / "1"
    version.mkdir(parents=True)
    with pytest.raises(ArtefactError, match=r"/bundle\.json: cannot be read: No such file or directory$"):
        describe(version)


def test_a_bundle_with_a_wrong_digest_is_refused(tmp_path: Path) -> None:
    folder = onnx_models.write_bundle(tmp_path, onnx_models.identity())
    (folder / "model.onnx").write_bytes(onnx_models.identity(5))
    with pytest.raises(ArtefactError, match=r"model\.onnx: its digest is sha256:"):
        describe(folder)
