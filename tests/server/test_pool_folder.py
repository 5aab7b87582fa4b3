"""A pool in a folder: read as it was written, or refused in one sentence that names the file."""

import shutil
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import pools
from assayd_server.core.density import mean_direction
from assayd_server.core.similarity import Metric
from assayd_server.errors import ArtefactError
from assayd_server.pool_folder import read_pool
from assayd_server.pool_writing import Origin

DIGEST = f"sha256:{64 * 'a'}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Five rows of three, with texts that do not ascend as ids."""
    return pools.write_pool(tmp_path / "pool", pools.vectors(), ids=pools.IDS)


def refusal(folder: Path, **arguments: Any) -> str:
    """Why a pool cannot be read; it begins with a path in it."""
    with pytest.raises(ArtefactError) as caught:
        read_pool(folder, **arguments)
    (said,) = str(caught.value).splitlines()
    assert said.startswith(f"{folder}/")
    return said.removeprefix(f"{folder}/")


def npy(array: NDArray[Any]) -> bytes:
    file = BytesIO()
    np.save(file, array, allow_pickle=array.dtype == object)
    return file.getvalue()


@pytest.mark.parametrize("metric", Metric)
def test_vectors_are_read_as_they_were_given(tmp_path: Path, metric: Metric) -> None:
    given = pools.vectors(40, 7)
    pool = read_pool(pools.write_pool(tmp_path / "pool", given, metric=metric))
    assert (len(pool.stored), pool.stored.dimension, pool.stored.metric) == (40, 7, metric)
    np.testing.assert_allclose(pool.stored.original(np.arange(40)), given, rtol=3e-7)
    assert isinstance(pool.stored.searched.base, np.memmap)


def test_under_cosine_directions_and_lengths_lie_apart(tmp_path: Path) -> None:
    pool = read_pool(pools.write_pool(tmp_path / "pool", np.array([[3, 4], [0, 1e-30]], np.float32)))
    np.testing.assert_allclose(pool.stored.searched, [[0.6, 0.8], [0, 1]], rtol=1e-7)
    np.testing.assert_allclose(pool.stored.lengths, [5, 1e-30], rtol=1e-7)


def test_the_digest_is_that_of_the_manifest(folder: Path) -> None:
    due = f"sha256:{sha256((folder / 'pool.json').read_bytes()).hexdigest()}"
    assert read_pool(folder, digest=due).digest == due
    assert refusal(folder, digest=DIGEST) == f"pool.json: its digest is {due}, due is {DIGEST}"


def test_ids_lead_to_rows(folder: Path) -> None:
    pool = read_pool(folder)
    assert pool.ids.rows_of(pools.IDS.astype(object)).tolist() == [0, 1, 2, 3, 4]
    assert pool.ids.of_rows(np.array([2])).tolist() == ["Ähre"]


def test_the_mean_is_that_of_directions_of_rows_that_have_one(tmp_path: Path) -> None:
    given = np.array([[0, 0], [3, 0], [0, 9]], np.float32)
    pool = read_pool(pools.write_pool(tmp_path / "pool", given, metric=Metric.L2))
    np.testing.assert_allclose(pool.mean, [0.5, 0.5])
    np.testing.assert_allclose(pool.mean, mean_direction(given))
    assert pool.manifest.directed_count == 2


def test_ids_that_are_row_numbers_take_no_file(tmp_path: Path) -> None:
    folder = pools.write_pool(tmp_path / "pool", pools.vectors(), ids=np.arange(5))
    assert sorted(path.name for path in folder.iterdir()) == [
        "lengths.npy",
        "mean.npy",
        "pool.json",
        "vectors.npy",
    ]


def test_ids_that_ascend_take_no_order(tmp_path: Path) -> None:
    folder = pools.write_pool(tmp_path / "pool", pools.vectors(), ids=np.array([-4, 0, 9, 10, 2**63 - 1]))
    assert "ids_order.npy" not in {path.name for path in folder.iterdir()}
    assert read_pool(folder).ids.rows_of(np.array([10, 11])).tolist() == [3, -1]


def test_what_made_the_vectors_is_kept(tmp_path: Path) -> None:
    folder = pools.write_pool(tmp_path / "pool", pools.vectors(), origin=Origin(DIGEST, "features"))
    manifest = read_pool(folder).manifest
    assert (manifest.model_digest, manifest.embedding) == (DIGEST, "features")


@pytest.mark.parametrize("name", ["vectors.npy", "lengths.npy", "ids.npy", "ids_order.npy", "mean.npy"])
def test_a_file_that_was_changed_is_refused_with_both_digests(folder: Path, name: str) -> None:
    path = folder / name
    due = f"sha256:{sha256(path.read_bytes()).hexdigest()}"
    path.write_bytes(path.read_bytes()[:-1])
    now = f"sha256:{sha256(path.read_bytes()).hexdigest()}"
    assert refusal(folder) == f"{name}: its digest is {now}, pool.json says {due}"


@pytest.mark.parametrize("name", ["pool.json", "vectors.npy", "ids.npy"])
def test_a_file_that_is_missing_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    assert refusal(folder) == f"{name}: cannot be read: No such file or directory"


def test_a_folder_in_the_place_of_a_file_is_named(folder: Path) -> None:
    (folder / "vectors.npy").unlink()
    (folder / "vectors.npy").mkdir()
    assert refusal(folder) == "vectors.npy: cannot be read: Is a directory"


@pytest.mark.parametrize(
    ("entries", "why"),
    [
        ({"format": 2}, "format: Input should be less than or equal to 1"),
        ({"metric": "hamming"}, "metric: Input should be 'cosine', 'inner_product' or 'l2'"),
        ({"kind": "annoy"}, "kind: Input should be 'flat', 'lsh', 'hnsw', 'ivf' or 'ivfpq'"),
        ({"row_count": 0}, "row_count: Input should be greater than or equal to 1"),
        ({"row_count": "5"}, "row_count: Input should be a valid integer"),
        ({"dimension": 0}, "dimension: Input should be greater than or equal to 1"),
        ({"dimension": 10**6}, "dimension: Input should be less than or equal to 65536"),
        ({"recall": 1.5}, "recall: Input should be less than or equal to 1"),
        ({"model_digest": "abc"}, "model_digest: String should match pattern '^sha256:[0-9a-f]{64}$'"),
        ({"author": "me"}, "author: Extra inputs are not permitted"),
        ({"directed_count": 6}, "Value error, directed_count is 6, of 5 rows"),
        ({"kind": "ivf"}, "Value error, files has no entry for index.faiss"),
        ({"files": {}}, "Value error, files has no entry for ids.npy"),
    ],
)
def test_a_manifest_that_is_wrong_is_refused(folder: Path, entries: dict[str, Any], why: str) -> None:
    pools.change(folder, **entries)
    assert refusal(folder) == f"pool.json: {why}"


@pytest.mark.parametrize(
    "name", ["../vectors.npy", "/etc/passwd", "index.faiss", "cells.npy", "notes.txt", "a\nb"]
)
def test_a_file_that_no_such_pool_has_is_refused(folder: Path, name: str) -> None:
    files = read_pool(folder).manifest.files
    pools.change(folder, files=files | {name: DIGEST})
    assert refusal(folder) == f"pool.json: Value error, files names {name!r}, which such a pool does not have"


def test_text_that_is_no_manifest_is_refused(folder: Path) -> None:
    (folder / "pool.json").write_text("vectors")
    assert refusal(folder).startswith("pool.json: Invalid JSON")


@pytest.mark.parametrize(
    ("entries", "why"),
    [
        ({"row_count": 6}, "vectors.npy: is of shape [5, 3], pool.json says [6, 3], row by row"),
        ({"dimension": 4}, "vectors.npy: is of shape [5, 3], pool.json says [5, 4], row by row"),
        ({"id_type": "int64"}, "ids.npy: is of type |S5, due is int64"),
    ],
)
def test_arrays_that_are_not_what_the_manifest_says_are_refused(
    folder: Path, entries: dict[str, Any], why: str
) -> None:
    pools.change(folder, **entries)
    assert refusal(folder) == why


TRUNCATED = "is no .npy file of numbers or text, or was not written to its end"


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("vectors.npy", b"", TRUNCATED),
        ("vectors.npy", b"IxF2" + bytes(100), TRUNCATED),
        ("vectors.npy", npy(pools.vectors())[:-1], TRUNCATED),
        ("vectors.npy", npy(pools.vectors()) + b"x", "has 1 bytes after its array"),
        ("vectors.npy", npy(pools.vectors().astype(object)), TRUNCATED),
        ("vectors.npy", npy(pools.vectors()).replace(b"(5, 3)", b"((5,)"), TRUNCATED),
        ("vectors.npy", npy(pools.vectors()).replace(b"(5, 3), ", b"(5*9, 3)"), TRUNCATED),
        ("vectors.npy", npy(pools.vectors().astype(np.float64)), "is of type float64, due is float32"),
        ("vectors.npy", npy(pools.vectors().astype(">f4")), "is of type >f4, due is float32"),
        (
            "vectors.npy",
            npy(np.asfortranarray(pools.vectors())),
            "is of shape [5, 3], column by column, pool.json says [5, 3], row by row",
        ),
        ("lengths.npy", npy(np.ones((5, 1), np.float32)), "is of shape [5, 1], pool.json says [5], row by row"),
        ("lengths.npy", npy(np.array([1, 0, 1, 1, 1], np.float32)), "row 1: is no length above 0"),
        ("lengths.npy", npy(np.array([1, 1, np.nan, 1, 1], np.float32)), "row 2: is no length above 0"),
        ("mean.npy", npy(np.full(3, np.inf)), "holds NaN or an infinity"),
        ("ids.npy", npy(np.arange(5)), "is of type int64, due are bytes, 1 to 1024 of them an id"),
        ("ids.npy", npy(np.array([b"x" * 1025] * 5)), "is of type |S1025, due are bytes, 1 to 1024 of them an id"),
        ("ids.npy", npy(np.array([b"a", b"b", b"", b"d", b"e"])), "row 2: is empty"),
        ("ids.npy", npy(np.array([b"a", b"b\0b", b"c", b"d", b"e"])), "row 1: holds a NUL"),
        ("ids.npy", npy(np.array([b"a", b"b", b"c", b"d", b"\xff"])), "row 4: is not UTF-8"),
        ("ids.npy", npy(np.array([b"a", b"b", b"c", b"d"])), "is of shape [4], pool.json says [5], row by row"),
        ("ids_order.npy", npy(np.array([0, 1, 2, 3, 5])), "names a row that the pool does not have"),
        ("ids_order.npy", npy(np.array([0, 1, 2, 3, -1])), "names a row that the pool does not have"),
        ("ids_order.npy", npy(np.arange(5)), "the ids do not ascend, or one is there twice"),
        ("ids_order.npy", npy(np.array([3, 3, 1, 0, 4])), "the ids do not ascend, or one is there twice"),
    ],
)
def test_a_file_whose_digest_is_right_is_still_not_believed(
    folder: Path, name: str, content: bytes, why: str
) -> None:
    pools.resealed(folder, name, content)
    assert refusal(folder) == f"{name}: {why}"


def test_ids_that_are_there_twice_are_refused(tmp_path: Path) -> None:
    folder = pools.write_pool(tmp_path / "pool", pools.vectors(), ids=np.array([1, 2, 3, 4, 9]))
    pools.resealed(folder, "ids.npy", npy(np.array([1, 2, 2, 4, 9])))
    assert refusal(folder) == "ids.npy: the ids do not ascend, or one is there twice"


def test_what_is_half_a_character_in_two_ids_is_not_one(tmp_path: Path) -> None:
    folder = pools.write_pool(tmp_path / "pool", pools.vectors(2), ids=np.array(["a", "b"]))
    pools.resealed(folder, "ids.npy", npy(np.array([b"a\xc3", b"\xa4b"])))
    assert refusal(folder) == "ids.npy: row 0: is not UTF-8"


def test_nothing_is_unpickled(folder: Path, tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[Any, ...]:
            return Path.touch, (tmp_path / "sprung",)

    trap = np.empty((5, 3), object)
    trap[0, 0] = Trap()
    pools.resealed(folder, "vectors.npy", npy(trap))
    assert refusal(folder) == f"vectors.npy: {TRUNCATED}"
    assert not (tmp_path / "sprung").exists()


def test_a_pool_may_be_moved(folder: Path, tmp_path: Path) -> None:
    digest = read_pool(folder).digest
    shutil.move(folder, tmp_path / "elsewhere")
    assert read_pool(tmp_path / "elsewhere").digest == digest
