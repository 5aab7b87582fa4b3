"""Folders of bundles: which versions are served, and what happens to those that cannot be."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import onnx_models
from assayd_server import logs, servable
from assayd_server.bundle import Bundle, read_file
from assayd_server.errors import ArtefactError, InvalidArgumentError, NotFoundError
from assayd_server.loading import load_one
from assayd_server.repository import Repository
from assayd_server.servable import Servable
from folders import load_folder

GOOD = onnx_models.identity()
BAD = b"no model"


@pytest.fixture
def put(tmp_path: Path) -> Callable[..., Path]:
    """Write a bundle: put(name, version, content)."""

    def write(name: str, version: int, content: bytes = GOOD) -> Path:
        return onnx_models.write_bundle(tmp_path, content, name=name, version=version)

    return write


def load(bundle: Bundle) -> Servable:
    return servable.load(bundle, threads=1)


def loaded(repository: Repository) -> list[tuple[str, int]]:
    return [(model.identity.name, model.identity.version) for model in repository.all()]


def refusal(root: Path) -> str:
    with pytest.raises(ArtefactError) as caught:
        load_folder(root, load)
    return str(caught.value)


@pytest.fixture
def logged(capsys: pytest.CaptureFixture[str]) -> Callable[[], list[dict[str, Any]]]:
    """The log's lines up to now."""
    logs.configure("warning")
    return lambda: [json.loads(line) for line in capsys.readouterr().err.splitlines()]


Put = Callable[..., Path]
Logged = Callable[[], list[dict[str, Any]]]


def test_every_version_of_every_model_is_loaded_in_order(tmp_path: Path, put: Put) -> None:
    for name, version in (("b", 1), ("a", 10), ("a", 9)):
        put(name, version)
    assert loaded(load_folder(tmp_path, load)) == [("a", 9), ("a", 10), ("b", 1)]


def test_the_largest_version_is_served_by_number_and_not_by_text(tmp_path: Path, put: Put) -> None:
    for version in (9, 10, 2):
        put("m", version)
    assert load_folder(tmp_path, load).find("m", 0).identity.version == 10


def test_a_version_can_be_pinned(tmp_path: Path, put: Put) -> None:
    for version in (1, 2):
        put("m", version)
    assert load_folder(tmp_path, load).find("m", 1).identity.version == 1


def test_of_one_model_the_name_may_be_left_out(tmp_path: Path, put: Put) -> None:
    for version in (1, 2):
        put("m", version)
    repository = load_folder(tmp_path, load)
    assert [repository.find("", version).identity.version for version in (0, 1)] == [2, 1]


def test_of_several_models_the_name_may_not_be_left_out(tmp_path: Path, put: Put) -> None:
    for name in ("b", "a"):
        put(name, 1)
    with pytest.raises(InvalidArgumentError) as caught:
        load_folder(tmp_path, load).find("", 0)
    assert (caught.value.field, caught.value.reason) == ("model.name", "MODEL_NOT_NAMED")
    assert str(caught.value) == "model.name: is empty, and the server has several models: a, b"


def test_an_unknown_model_is_refused_with_those_that_there_are(tmp_path: Path, put: Put) -> None:
    for name in ("b", "a"):
        put(name, 1)
    with pytest.raises(NotFoundError) as caught:
        load_folder(tmp_path, load).find("c", 0)
    assert (caught.value.field, caught.value.reason) == ("model.name", "UNKNOWN_MODEL")
    assert str(caught.value) == "model.name: 'c' is not loaded, loaded are a, b"


@pytest.mark.parametrize("name", ["m", ""])
def test_an_unknown_version_is_refused_with_those_that_there_are(tmp_path: Path, put: Put, name: str) -> None:
    for version in (10, 9):
        put("m", version)
    with pytest.raises(NotFoundError) as caught:
        load_folder(tmp_path, load).find(name, 3)
    assert (caught.value.field, caught.value.reason) == ("model.version", "UNKNOWN_VERSION")
    assert str(caught.value).endswith("has no version 3, loaded are 9, 10")


def test_a_bad_version_beside_a_good_one_is_listed_as_failed(tmp_path: Path, put: Put) -> None:
    put("m", 1)
    folder = put("m", 2, BAD)
    repository = load_folder(tmp_path, load)
    (failure,) = repository.failures
    assert (failure.name, failure.version) == ("m", 2)
    assert failure.reason.startswith(f"{folder}: ONNX Runtime cannot load it: ")


def test_a_version_that_nobody_thought_of_does_not_keep_others_from_being_served(
    tmp_path: Path, put: Put, logged: Logged
) -> None:
    put("m", 1)
    folder = put("m", 2)

    def surprised(bundle: Bundle) -> Servable:
        return load(bundle) if bundle.identity.version == 1 else {}[1]

    repository = load_folder(tmp_path, surprised)
    assert loaded(repository) == [("m", 1)]
    assert [failure.reason for failure in repository.failures] == [f"{folder}: cannot be read: KeyError: 1"]
    assert logged()[0]["path"] == str(folder)


def test_a_bad_version_is_not_served_however_large_it_is(tmp_path: Path, put: Put) -> None:
    put("m", 1)
    put("m", 2, BAD)
    repository = load_folder(tmp_path, load)
    assert repository.find("m", 0).identity.version == 1
    with pytest.raises(NotFoundError, match=r"has no version 2, loaded are 1$"):
        repository.find("m", 2)


def test_a_version_with_a_wrong_digest_is_listed_as_failed(tmp_path: Path, put: Put) -> None:
    put("m", 1)
    (put("m", 2) / "model.onnx").write_bytes(BAD)
    (failure,) = load_folder(tmp_path, load).failures
    assert "its digest is sha256:" in failure.reason


def test_failed_versions_are_listed_by_name_and_number(tmp_path: Path, put: Put) -> None:
    for name, version, content in (("b", 1, GOOD), ("b", 2, BAD), ("a", 10, BAD), ("a", 9, BAD), ("a", 1, GOOD)):
        put(name, version, content)
    failures = load_folder(tmp_path, load).failures
    assert [(failure.name, failure.version) for failure in failures] == [("a", 9), ("a", 10), ("b", 2)]


def test_a_model_with_only_bad_versions_stops_the_start(tmp_path: Path, put: Put) -> None:
    folder = put("m", 1, BAD)
    put("m", 2, BAD)
    assert refusal(tmp_path).startswith(f"{folder}: ONNX Runtime cannot load it: ")


def test_a_good_model_does_not_make_up_for_a_bad_one(tmp_path: Path, put: Put) -> None:
    put("good", 1)
    folder = put("bad", 1, BAD)
    assert refusal(tmp_path).startswith(f"{folder}: ")


@pytest.mark.parametrize(
    "junk",
    ["lost+found/1", ".git/1", "m/latest", "m/01", "m/0", "m/-1", "m/1.0", "m/2 (copy)", "m/" + 19 * "9", "_m/1"],
)
def test_folders_that_are_no_bundles_by_their_names_are_ignored(tmp_path: Path, put: Put, junk: str) -> None:
    put("m", 1)
    (tmp_path / junk).mkdir(parents=True)
    repository = load_folder(tmp_path, load)
    assert (loaded(repository), repository.failures) == ([("m", 1)], ())


@pytest.mark.parametrize(
    ("stray", "named"),
    [("my model/1", "my model"), ("_m/1", "_m"), ("m/v2", "m/v2"), ("m/02", "m/02"), ("m/latest", "m/latest")],
)
def test_a_folder_that_is_no_bundle_by_its_name_is_warned_about_by_its_path(
    tmp_path: Path, put: Put, logged: Logged, stray: str, named: str
) -> None:
    put("m", 1)
    (tmp_path / stray).mkdir(parents=True)
    load_folder(tmp_path, load)
    (line,) = logged()
    assert (line["level"], line["event"], line["path"]) == ("warning", "folder ignored", str(tmp_path / named))
    assert line["reason"] == "models lie at <name>/<version>, a positive integer"


@pytest.mark.parametrize("usual", [".git/1", "lost+found/1", "m/.git", "m/lost+found", "..data/1"])
def test_folders_that_are_hidden_or_the_file_systems_own_are_passed_over_in_silence(
    tmp_path: Path, put: Put, logged: Logged, usual: str
) -> None:
    put("m", 1)
    (tmp_path / usual).mkdir(parents=True)
    load_folder(tmp_path, load)
    assert logged() == []


def test_files_between_the_folders_are_ignored(tmp_path: Path, put: Put) -> None:
    put("m", 1)
    for name in ("README.md", "2", "m/README.md", "m/2"):
        (tmp_path / name).write_text("a file")
    assert loaded(load_folder(tmp_path, load)) == [("m", 1)]


def test_a_folder_may_be_a_link(tmp_path: Path, put: Put) -> None:
    (tmp_path / "served").mkdir()
    (tmp_path / "served" / "linked").symlink_to(put("m", 3).parent)
    assert loaded(load_folder(tmp_path / "served", load)) == [("linked", 3)]


def test_an_empty_folder_is_refused_with_what_is_expected(tmp_path: Path) -> None:
    assert refusal(tmp_path) == (
        f"{tmp_path}: has no model, expected are folders <name>/<version> with a bundle.json"
    )


def test_a_folder_of_models_without_versions_is_refused(tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    assert refusal(tmp_path).startswith(f"{tmp_path}: has no model")


def test_a_version_without_a_manifest_is_refused(tmp_path: Path) -> None:
    (tmp_path / "m" / "1").mkdir(parents=True)
    assert refusal(tmp_path) == f"{tmp_path}/m/1/bundle.json: cannot be read: it is not there"


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path / "none") == f"{tmp_path}/none: cannot be read: No such file or directory"


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "m.onnx"
    file.write_bytes(GOOD)
    assert refusal(file) == f"{file}: cannot be read: Not a directory"


def test_a_bare_file_is_the_only_model(tmp_path: Path) -> None:
    file = tmp_path / "digits.onnx"
    file.write_bytes(GOOD)
    repository = Repository([load_one(file, read_file, load)])
    assert (loaded(repository), repository.failures) == ([("digits", 1)], ())
    assert repository.find("", 0) is repository.find("digits", 1)


def test_a_bare_file_that_is_no_model_is_named(tmp_path: Path) -> None:
    file = tmp_path / "digits.onnx"
    file.write_bytes(BAD)
    with pytest.raises(ArtefactError) as caught:
        load_one(file, read_file, load)
    assert str(caught.value).startswith(f"{file}: ONNX Runtime cannot load it: ")
