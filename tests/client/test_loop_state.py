"""The file of a labelling loop: whole or not at all, and read only where it is what it says."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from assayd import Candidates, InvalidArgumentError
from assayd.loop_state import LoopState, load

STATE = LoopState(
    pool_digest="sha256:ab",
    round_count=3,
    labels={5: "ä", 3: 2},
    new_ids=[3],
    pending_ids=[9],
    candidates=Candidates(np.array([9, 8]), np.array([5, 5]), np.array([0.1, np.inf], np.float32), "sha256:ab"),
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "loop.json"


@pytest.fixture
def document(path: Path) -> dict[str, Any]:
    STATE.save(path)
    return json.loads(path.read_text())


def refusal(path: Path) -> str:
    with pytest.raises(InvalidArgumentError) as caught:
        load(path)
    assert caught.value.field == "path"
    assert caught.value.message.startswith(f"path: {path} ")
    return caught.value.message.removeprefix(f"path: {path} ")


def assert_same(left: LoopState, right: LoopState) -> None:
    names = ("pool_digest", "round_count", "new_ids", "pending_ids")
    assert [getattr(left, name) for name in names] == [getattr(right, name) for name in names]
    assert list(left.labels.items()) == list(right.labels.items())
    assert left.candidates.pool_digest == right.candidates.pool_digest
    for name, values in left.candidates.columns().items():
        np.testing.assert_array_equal(values, right.candidates.columns()[name], strict=True)


@pytest.mark.parametrize("state", [STATE, LoopState()], ids=["full", "empty"])
def test_what_was_written_is_read(path: Path, state: LoopState) -> None:
    state.save(path)
    assert_same(load(path), state)
    assert [each.name for each in path.parent.iterdir()] == ["loop.json"]


def test_a_write_that_fails_leaves_the_file_as_it_was(path: Path) -> None:
    STATE.save(path)
    with pytest.raises(UnicodeEncodeError):
        LoopState(labels={1: "\ud800"}).save(path)
    assert_same(load(path), STATE)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.99])
def test_a_file_that_ends_too_early_is_refused(path: Path, document: dict[str, Any], share: float) -> None:
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    assert refusal(path).startswith("is not JSON, or was not written to its end: ")


@pytest.mark.parametrize("content", [b"\xff\xfe", b"[" * 100_000, b"id,label\n1,2\n"])
def test_a_file_that_is_not_json_is_refused(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    assert refusal(path).startswith("is not JSON, or was not written to its end: ")


@pytest.mark.parametrize("content", ["[]", "5", "{}", '{"kind": "other"}'])
def test_a_file_of_something_else_is_refused(path: Path, content: str) -> None:
    path.write_text(content)
    assert refusal(path) == "is not the file of a labelling loop"


def test_a_file_of_another_format_is_refused(path: Path, document: dict[str, Any]) -> None:
    path.write_text(json.dumps({**document, "format": 2}))
    assert refusal(path) == "is of format 2, this version reads 1"


def test_a_file_that_is_too_large_is_not_read(
    path: Path, document: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("assayd.loop_state.FILE_BYTES_MAX", 10)
    assert refusal(path) == "is larger than 10 bytes"


@pytest.mark.parametrize(
    "entries",
    [
        {"pool_digest": 5},
        {"round_count": "3"},
        {"labels": None},
        {"labels": ["a"]},
        {"labels": ["a", []]},
        {"labeled_ids": "53"},
        {"labeled_ids": [5, 5]},
        {"labeled_ids": [5, 2**70]},
        {"labeled_ids": ["5", "3"]},
        {"new_ids": [3, 4]},
        {"new_ids": ["3"]},
        {"pending_ids": [5]},
        {"pending_ids": [1.5]},
        {"candidates": []},
        {"candidates": {"ids": [1], "sources": [5], "similarities": []}},
        {"candidates": {"ids": [1], "sources": [5], "similarities": ["x"]}},
        {"candidates": {"ids": [5], "sources": [3], "similarities": [0.5]}},
    ],
)
def test_a_file_with_wrong_values_is_refused(
    path: Path, document: dict[str, Any], entries: dict[str, Any]
) -> None:
    path.write_text(json.dumps({**document, **entries}))
    assert refusal(path).startswith("does not hold what it should: ")


@pytest.mark.parametrize(
    "name", ["pool_digest", "round_count", "labels", "labeled_ids", "pending_ids", "candidates"]
)
def test_a_file_that_lacks_something_is_refused(path: Path, document: dict[str, Any], name: str) -> None:
    del document[name]
    path.write_text(json.dumps(document))
    assert refusal(path) == f"does not hold what it should: KeyError({name!r})"
