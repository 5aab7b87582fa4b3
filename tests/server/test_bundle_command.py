"""`assayd bundle`: a folder that the server loads, or one sentence and no folder at all."""

import json
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner, Result

import onnx_models
from assayd import Client
from assayd.testing import Server
from assayd_server import bundle_writing, bundling, servable
from assayd_server.bundle import read_folder
from assayd_server.cli import app as cli
from assayd_server.servable import Servable
from folders import load_folder

Serve = Callable[..., Server]


@pytest.fixture(autouse=True)
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """model.onnx, with two classes, in the folder that the commands run in."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "model.onnx"
    path.write_bytes(onnx_models.identity(2))
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "models" / "pets" / "3"


def bundle(*arguments: str | Path, model: str = "model.onnx", output: str = "models/pets/3") -> Result:
    return CliRunner().invoke(cli, ["bundle", model, "--output", output, *map(str, arguments)])


def refusal(*arguments: str | Path, model: str = "model.onnx", output: str = "models/pets/3") -> str:
    """The one line that says why no bundle was written."""
    result = bundle(*arguments, model=model, output=output)
    assert (result.exit_code, result.stdout) == (1, "")
    (line,) = result.stderr.splitlines()
    return line.removeprefix("assayd: ")


def test_a_bundle_is_written_and_described_in_full(folder: Path) -> None:
    result = bundle("--labels", "cat,dog", "--temperature", "1.5")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.splitlines() == [
        f"pets version 3, {read_folder(folder).identity.digest}",
        "takes",
        "  x: float32 (any, 2)",
        "gives",
        "  logits: float32 (any, 2)",
        "  embedding: float32 (any, 2)",
        "read as",
        "  logits: logits (by its name)",
        "  embedding: embedding (by its name)",
        "task: multiclass (nothing says otherwise)",
        "2 classes: cat, dog",
        "temperature 1.5",
        "written to models/pets/3",
    ]


def test_the_manifest_says_all_that_was_decided(model: Path, folder: Path) -> None:
    bundle("--labels", "cat,dog", "--temperature", "1.5")
    assert json.loads((folder / "bundle.json").read_text()) == {
        "format": 1,
        "inputs": [{"name": "x", "data_type": "float32", "shape": [None, 2]}],
        "outputs": {"logits": "logits", "embedding": "embedding"},
        "labels": ["cat", "dog"],
        "activation": "softmax",
        "temperature": 1.5,
        "files": {"model.onnx": f"sha256:{sha256(model.read_bytes()).hexdigest()}"},
    }


def test_the_folder_holds_the_model_and_its_manifest_and_nothing_else(model: Path, folder: Path) -> None:
    bundle()
    assert sorted(path.name for path in folder.iterdir()) == ["bundle.json", "model.onnx"]
    assert (folder / "model.onnx").read_bytes() == model.read_bytes()


def test_what_was_written_is_served(tmp_path: Path, serve: Serve) -> None:
    bundle("--labels", "cat,dog", "--temperature", "2")
    with Client(f"127.0.0.1:{serve(tmp_path / 'models').port}") as client:
        scores = client.score(np.array([[np.log(16), 0]], np.float32))
    assert (scores.model.name, scores.model.version, list(scores.labels)) == ("pets", 3, ["cat"])
    np.testing.assert_allclose(scores.probabilities, [[0.8, 0.2]], rtol=1e-6)


@pytest.mark.parametrize(
    "content",
    [
        onnx_models.network(),
        onnx_models.softmax_only(),
        onnx_models.texts(),
        onnx_models.two_inputs(),
        onnx_models.look_up(),
    ],
    ids=["network", "probabilities", "texts", "two inputs", "positions"],
)
def test_a_bundle_of_any_model_loads_again(model: Path, tmp_path: Path, content: bytes) -> None:
    model.write_bytes(content)
    assert bundle().exit_code == 0
    models = load_folder(tmp_path / "models", lambda found: servable.load(found, threads=1))
    assert [(found.identity.name, found.identity.version) for found in models.all()] == [("pets", 3)]


def test_a_chosen_output_is_written_down(folder: Path) -> None:
    assert "  logits: embedding (was chosen)" in bundle("--logits-output", "embedding").stdout.splitlines()
    assert read_folder(folder).manifest.outputs.model_dump(exclude_none=True) == {"logits": "embedding"}


def test_labels_come_from_a_file_one_a_line(tmp_path: Path, folder: Path) -> None:
    (tmp_path / "labels.txt").write_bytes("\ufeffcat, the\r\ndög\r\n".encode())
    assert bundle("--labels-file", "labels.txt").exit_code == 0
    assert read_folder(folder).manifest.labels == ("cat, the", "dög")


def test_blanks_around_labels_are_not_part_of_them(folder: Path) -> None:
    bundle("--labels", " cat, dog ")
    assert read_folder(folder).manifest.labels == ("cat", "dog")


def test_an_empty_folder_is_filled(folder: Path) -> None:
    folder.mkdir(parents=True)
    assert bundle().exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--labels", "a,b,c"], "model.onnx: labels: 3 names were given, the model has 2 classes"),
        (["--labels", "a,a"], "labels: Value error, 'a' is there twice"),
        (["--labels", "a,"], "labels.1: String should have at least 1 character"),
        (["--labels", "a,\udcff"], "labels.1: Input should be a valid string"),
        (["--labels", "a,b", "--labels-file", "f"], "give either labels or a labels file, not both"),
        (["--labels-file", "none.txt"], "none.txt: cannot be read: No such file or directory"),
        (["--labels-file", "latin.txt"], "latin.txt: is not UTF-8 text"),
        (["--temperature", "0"], "temperature: Input should be greater than or equal to 0.001"),
        (["--temperature", "nan"], "temperature: Input should be "),
        (
            ["--activation", "sigmoid", "--values-output", "logits"],
            "model.onnx: activation: sigmoid goes with classes",
        ),
        (["--probabilities-output", "x"], "model.onnx: output 'x' cannot be the probabilities"),
    ],
    ids=lambda value: " ".join(value).encode("ascii", "replace").decode() if isinstance(value, list) else "",
)
def test_what_cannot_be_is_refused_and_leaves_nothing(tmp_path: Path, arguments: list[str], sentence: str) -> None:
    (tmp_path / "latin.txt").write_bytes(b"caf\xe9")
    assert refusal(*arguments).startswith(sentence)
    assert not (tmp_path / "models").exists()


@pytest.mark.parametrize(
    ("output", "sentence"),
    [
        ("models/pets/v1", "models/pets/v1: a bundle's folder must be <name>/<version>, with a positive version"),
        ("models/pets/0", "models/pets/0: a bundle's folder must be <name>/<version>, with a positive version"),
        ("models/.pets/1", "models/.pets/1: '.pets' cannot be a model's name, "),
        ("model.onnx/1", "model.onnx/1: cannot be read: Not a directory"),
    ],
)
def test_a_folder_that_no_bundle_can_have_is_refused(tmp_path: Path, output: str, sentence: str) -> None:
    assert refusal(output=output).startswith(sentence)
    assert not (tmp_path / "models").exists()


def test_a_version_that_is_there_is_never_overwritten(folder: Path) -> None:
    bundle()
    before = (folder / "bundle.json").read_bytes()
    assert refusal("--temperature", "2") == (
        "models/pets/3: is there already and is not an empty folder, take the next version"
    )
    assert (folder / "bundle.json").read_bytes() == before


@pytest.mark.parametrize("name", ["none.onnx", "models.onnx"])
def test_a_model_that_cannot_be_read_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "models.onnx").mkdir()
    assert refusal(model=name).startswith(f"{name}: ")
    assert not (tmp_path / "models").exists()


def test_a_file_that_is_no_model_is_refused(model: Path, tmp_path: Path) -> None:
    model.write_bytes(b"garbage")
    assert refusal().startswith("model.onnx: ONNX Runtime cannot load it: ")
    assert not (tmp_path / "models").exists()


class Disk:
    """A disk that has no room for the file whose turn it is."""

    def __init__(self, good_for: int, error: type[BaseException]) -> None:
        self.left = good_for
        self._error = error
        self._sync = bundle_writing.os.fsync

    def fsync(self, descriptor: int) -> None:
        self.left -= 1
        if self.left < 0:
            raise self._error(28, "No space left on device")
        self._sync(descriptor)


@pytest.mark.parametrize(("good_for", "file"), [(0, "model.onnx"), (1, "bundle.json")])
def test_a_full_disk_leaves_nothing_half_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, good_for: int, file: str
) -> None:
    (tmp_path / "models").mkdir()
    monkeypatch.setattr(bundle_writing.os, "fsync", Disk(good_for, OSError).fsync)
    assert refusal() == f"models/pets/3/{file}: cannot be written: No space left on device"
    assert list((tmp_path / "models").iterdir()) == []


def test_an_interrupt_leaves_an_empty_folder_as_it_was(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.mkdir(parents=True)
    monkeypatch.setattr(bundle_writing.os, "fsync", Disk(1, KeyboardInterrupt).fsync)
    assert bundle().exit_code != 0
    assert list(folder.iterdir()) == []


def test_a_folder_that_another_command_fills_in_the_meantime_is_left_alone(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load_one = bundling.load_one

    def slowly(*arguments: Any) -> Servable:
        folder.mkdir(parents=True)
        (folder / "model.onnx").write_bytes(b"theirs")
        return load_one(*arguments)

    monkeypatch.setattr(bundling, "load_one", slowly)
    assert refusal() == "models/pets/3: is there already and is not an empty folder, take the next version"
    assert [path.read_bytes() for path in folder.iterdir()] == [b"theirs"]


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "models").symlink_to(tmp_path / "nowhere")
    assert refusal() == "models/pets/3: cannot be written: File exists"


def test_the_manifest_is_the_last_to_appear(tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[list[str]] = []
    sync = bundle_writing.os.fsync

    def look(descriptor: int) -> None:
        seen.append(sorted(path.name for path in folder.iterdir() if not path.name.startswith(".")))
        sync(descriptor)

    monkeypatch.setattr(bundle_writing.os, "fsync", look)
    bundle()
    assert seen == [[], ["model.onnx"]]
