"""Models on disk: what a bundle's manifest may say, and what its files must be."""

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

import onnx_models
from assayd_server.bundle import Identity, is_model_name, read_file, read_folder
from assayd_server.errors import ArtefactError

CONTENT = b"no model is parsed here"


def digest(content: bytes) -> str:
    return f"sha256:{sha256(content).hexdigest()}"


def bundle(tmp_path: Path, **manifest: Any) -> Path:
    return onnx_models.write_bundle(tmp_path, CONTENT, **manifest)


def refusal(folder: Path) -> str:
    """Why a bundle cannot be read; it begins with a path in the bundle."""
    with pytest.raises(ArtefactError) as caught:
        read_folder(folder)
    said = str(caught.value)
    assert said.startswith(str(folder))
    return said.removeprefix(f"{folder}/")


def test_a_bundle_is_named_by_its_folders_and_told_apart_by_its_manifest(tmp_path: Path) -> None:
    folder = onnx_models.write_bundle(tmp_path, CONTENT, name="digits", version=12)
    manifest = (folder / "bundle.json").read_bytes()
    assert read_folder(folder).identity == Identity("digits", 12, digest(manifest))


def test_the_model_is_read_as_it_lies_on_disk(tmp_path: Path) -> None:
    assert read_folder(bundle(tmp_path)).model == CONTENT


def test_a_manifest_needs_only_its_format_and_its_files(tmp_path: Path) -> None:
    manifest = read_folder(bundle(tmp_path)).manifest
    assert (manifest.inputs, manifest.labels, manifest.activation, manifest.temperature) == (
        (),
        (),
        None,
        1.0,
    )


def test_a_manifest_is_read_in_full(tmp_path: Path) -> None:
    manifest = read_folder(
        bundle(
            tmp_path,
            inputs=[{"name": "x", "data_type": "float32", "shape": [None, 4]}],
            outputs={"probabilities": "p"},
            labels=["a", "b"],
            temperature=2.5,
        )
    ).manifest
    assert (manifest.inputs[0].shape, manifest.outputs.probabilities) == ((None, 4), "p")
    assert (manifest.labels, manifest.temperature) == (("a", "b"), 2.5)


def test_a_file_that_was_changed_is_refused_with_both_digests(tmp_path: Path) -> None:
    folder = bundle(tmp_path)
    (folder / "model.onnx").write_bytes(b"another")
    assert refusal(folder) == (
        f"model.onnx: its digest is {digest(b'another')}, bundle.json says {digest(CONTENT)}"
    )


def test_a_file_besides_the_model_is_checked_too(tmp_path: Path) -> None:
    folder = bundle(tmp_path, files={"model.onnx": digest(CONTENT), "notes.txt": digest(b"as trained")})
    (folder / "notes.txt").write_bytes(b"changed")
    assert refusal(folder).startswith("notes.txt: its digest is ")


def test_a_file_in_a_folder_of_the_bundle_is_found(tmp_path: Path) -> None:
    folder = bundle(tmp_path, files={"model.onnx": digest(CONTENT), "docs/notes.txt": digest(b"notes")})
    (folder / "docs").mkdir()
    (folder / "docs" / "notes.txt").write_bytes(b"notes")
    assert read_folder(folder).model == CONTENT


def test_a_file_that_is_not_listed_is_left_alone(tmp_path: Path) -> None:
    folder = bundle(tmp_path)
    (folder / "README.md").write_text("not listed")
    assert read_folder(folder).model == CONTENT


def test_a_listed_file_that_is_missing_is_named(tmp_path: Path) -> None:
    folder = bundle(tmp_path)
    (folder / "model.onnx").unlink()
    assert refusal(folder) == "model.onnx: cannot be read: No such file or directory"


def test_a_folder_without_a_manifest_is_refused(tmp_path: Path) -> None:
    folder = bundle(tmp_path)
    (folder / "bundle.json").unlink()
    assert refusal(folder) == "bundle.json: cannot be read: No such file or directory"


def test_a_manifest_must_list_the_model(tmp_path: Path) -> None:
    folder = bundle(tmp_path, files={})
    assert refusal(folder) == "bundle.json: files has no entry for model.onnx"


@pytest.mark.parametrize("name", ["../model.onnx", "a/../../model.onnx", "/etc/hostname", ".."])
def test_a_file_outside_of_the_bundle_is_not_even_read(tmp_path: Path, name: str) -> None:
    folder = bundle(tmp_path, files={name: digest(CONTENT)})
    assert refusal(folder) == f"bundle.json: files names {name!r}, which is not a file inside of the bundle"


@pytest.mark.parametrize("text", ["", "{", "not json", '{"format": 1,}'])
def test_a_manifest_that_is_not_json_is_refused(tmp_path: Path, text: str) -> None:
    folder = bundle(tmp_path)
    (folder / "bundle.json").write_text(text)
    assert refusal(folder).startswith("bundle.json: Invalid JSON: ")


def test_a_manifest_that_is_no_text_is_refused(tmp_path: Path) -> None:
    folder = bundle(tmp_path)
    (folder / "bundle.json").write_bytes(b"\xff\xfe\x00")
    assert refusal(folder).startswith("bundle.json: Invalid JSON: ")


def test_a_manifest_that_is_no_object_is_refused(tmp_path: Path) -> None:
    folder = bundle(tmp_path)
    (folder / "bundle.json").write_text("[1]")
    assert refusal(folder) == "bundle.json: Input should be an object"


@pytest.mark.parametrize(
    ("entries", "field"),
    [
        ({"format": 2}, "format"),
        ({"format": None}, "format"),
        ({"labels": "abc"}, "labels"),
        ({"labels": ["a", 1]}, "labels.1"),
        ({"labels": ["a", ""]}, "labels.1"),
        ({"activation": "tanh"}, "activation"),
        ({"temperature": 0}, "temperature"),
        ({"temperature": -1.5}, "temperature"),
        ({"temperature": "warm"}, "temperature"),
        ({"temperature": "2.5"}, "temperature"),
        ({"format": "1"}, "format"),
        ({"inputs": [{"name": "x", "data_type": "float32", "shape": [None, "4"]}]}, "inputs.0.shape.1"),
        ({"inputs": [{"name": "x", "data_type": "float32", "shape": [None, 4.0]}]}, "inputs.0.shape.1"),
        ({"files": {"model.onnx": "sha256:0"}}, "files.model.onnx"),
        ({"files": {"model.onnx": "md5:" + 32 * "0"}}, "files.model.onnx"),
        ({"files": {"model.onnx": "sha256:" + 64 * "A"}}, "files.model.onnx"),
        ({"files": ["model.onnx"]}, "files"),
        ({"inputs": [{"name": "x", "data_type": "float32"}]}, "inputs.0.shape"),
        ({"inputs": [{"name": "x", "data_type": "float32", "shape": [None, "four"]}]}, "inputs.0.shape.1"),
        ({"outputs": {"logits": 3}}, "outputs.logits"),
        ({"lables": ["a"]}, "lables"),
        ({"outputs": {"logit": "y"}}, "outputs.logit"),
        ({"inputs": [{"name": "x", "data_type": "float32", "shape": [], "type": 1}]}, "inputs.0.type"),
    ],
)
def test_a_wrong_or_unknown_entry_is_named(tmp_path: Path, entries: dict[str, Any], field: str) -> None:
    assert refusal(bundle(tmp_path, **entries)).startswith(f"bundle.json: {field}: ")


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity"])
def test_a_temperature_that_is_no_finite_number_is_refused(tmp_path: Path, text: str) -> None:
    folder = bundle(tmp_path, temperature=1.0)
    manifest = folder / "bundle.json"
    manifest.write_text(manifest.read_text().replace("1.0", text))
    assert refusal(folder).startswith("bundle.json: ")


@pytest.mark.parametrize("entry", ["format", "files"])
def test_an_entry_that_every_manifest_needs_is_named(tmp_path: Path, entry: str) -> None:
    folder = bundle(tmp_path)
    manifest = json.loads((folder / "bundle.json").read_text())
    del manifest[entry]
    (folder / "bundle.json").write_text(json.dumps(manifest))
    assert refusal(folder) == f"bundle.json: {entry}: Field required"


def test_a_bare_file_is_version_one_and_told_apart_by_its_content(tmp_path: Path) -> None:
    path = tmp_path / "digits.onnx"
    path.write_bytes(CONTENT)
    read = read_file(path)
    assert read.identity == Identity("digits", 1, digest(CONTENT))
    assert read.model == CONTENT


@pytest.mark.parametrize(
    ("file_name", "model_name"),
    [
        ("digits.onnx", "digits"),
        ("digits.v2.onnx", "digits.v2"),
        ("a_b-C9.onnx", "a_b-C9"),
        ("my model (1).onnx", "my-model--1-"),
        ("_hidden.onnx", "hidden"),
        (".onnx", "onnx"),
        ("Ziffern_größe.onnx", "Ziffern_gr--e"),
        ("模型.onnx", "model"),
        ("x" * 200 + ".onnx", "x" * 128),
        ("noending", "noending"),
    ],
)
def test_a_bare_files_name_becomes_the_models(tmp_path: Path, file_name: str, model_name: str) -> None:
    path = tmp_path / file_name
    path.write_bytes(CONTENT)
    name = read_file(path).identity.name
    assert name == model_name
    assert is_model_name(name)


def test_a_bare_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ArtefactError) as caught:
        read_file(tmp_path / "none.onnx")
    assert str(caught.value) == f"{tmp_path / 'none.onnx'}: cannot be read: No such file or directory"


def test_a_folder_in_the_place_of_a_bare_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ArtefactError) as caught:
        read_file(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path}: is a folder where a file is due; a folder of bundles is served with --repository"
    )


@pytest.mark.parametrize("name", ["a", "9", "A.b_c-d", "x" * 128])
def test_a_plain_name_can_be_a_models(name: str) -> None:
    assert is_model_name(name)


@pytest.mark.parametrize("name", ["", ".git", "_x", "-x", "a b", "ä", "a/b", "a\n", "x" * 129])
def test_any_other_name_cannot_be_a_models(name: str) -> None:
    assert not is_model_name(name)
