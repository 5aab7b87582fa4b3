"""Ids and rows of a pool: each leads to the other, and what is no id leads nowhere."""

import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from assayd_server.pool_ids import PoolIds

TEXTS = np.array(["b", "a", "Ähre", "a" * 20], object)


def numbers(*ids: int) -> NDArray[np.int64]:
    return np.array(ids, np.int64)


def texts(*ids: str) -> NDArray[Any]:
    array = np.empty(len(ids), object)
    array[:] = ids
    return array


def text_ids() -> PoolIds:
    encoded = np.array([text.encode() for text in TEXTS])
    return PoolIds(len(encoded), ids=encoded, order=np.argsort(encoded))


def test_rows_without_ids_are_called_by_their_numbers() -> None:
    ids = PoolIds(4)
    assert (len(ids), ids.is_text) == (4, False)
    assert ids.rows_of(numbers(3, 0, 4, -1, 2**62)).tolist() == [3, 0, -1, -1, -1]
    assert ids.of_rows(numbers(2, 2)).tolist() == [2, 2]


@pytest.mark.parametrize("seed", range(5))
def test_a_row_is_found_by_the_id_that_it_has(seed: int) -> None:
    rng = np.random.default_rng(seed)
    own = rng.choice(1000, 200, replace=False) - 500
    ids = PoolIds(200, ids=own, order=np.argsort(own))
    by_id = {int(value): row for row, value in enumerate(own)}
    asked = np.arange(-600, 600)
    assert ids.rows_of(asked).tolist() == [by_id.get(value, -1) for value in asked.tolist()]
    rows = rng.integers(0, 200, 50)
    assert ids.rows_of(ids.of_rows(rows)).tolist() == rows.tolist()


def test_ids_that_ascend_need_no_order() -> None:
    ids = PoolIds(3, ids=numbers(-7, 2, 2**63 - 1))
    assert ids.rows_of(numbers(2**63 - 1, 3, -(2**63))).tolist() == [2, -1, -1]


def test_text_is_found_as_it_is_written() -> None:
    ids = text_ids()
    assert ids.is_text
    assert ids.rows_of(TEXTS).tolist() == [0, 1, 2, 3]
    assert ids.of_rows(numbers(2, 0)).tolist() == ["Ähre", "b"]
    assert ids.of_rows(numbers(2, 0)).dtype == object


@pytest.mark.parametrize("text", ["", "A", "a\0", "\0", "a" * 21, "a" * 19, "Ähr", "\ud800", "\ud800😀", "Ahre"])
def test_what_is_nearly_an_id_is_none(text: str) -> None:
    assert text_ids().rows_of(texts("a", text)).tolist() == [1, -1]


def test_no_ids_are_no_rows() -> None:
    for ids in (text_ids(), PoolIds(4), PoolIds(1, ids=numbers(3))):
        assert ids.rows_of(texts() if ids.is_text else numbers()).shape == (0,)
        assert ids.of_rows(numbers()).shape == (0,)


@pytest.mark.parametrize("kind", ["<i8", "S12"])
def test_ids_in_a_file_are_not_copied_to_find_some(tmp_path: Path, kind: str) -> None:
    count = 200_000
    own = (np.random.default_rng(0).permutation(count) * 7).astype(kind)
    np.save(tmp_path / "ids.npy", own)
    np.save(tmp_path / "order.npy", np.argsort(own))
    mapped = (np.load(tmp_path / name, mmap_mode="r") for name in ("ids.npy", "order.npy"))
    ids = PoolIds(count, **dict(zip(("ids", "order"), mapped, strict=True)))
    asked = texts(*("7000", "1")) if kind.startswith("S") else numbers(7000, 1)
    tracemalloc.start()
    rows = ids.rows_of(asked)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert own[rows[0]] == np.array("7000" if kind.startswith("S") else 7000).astype(kind)
    assert rows[1] == -1
    assert peak_bytes < own.nbytes / 10


def test_many_short_texts_take_little_memory_beside_long_ids() -> None:
    ids = PoolIds(2, ids=np.array([b"a", b"b" * 1024]))
    texts = np.array(["a", "?"] * 50_000, object)
    tracemalloc.start()
    try:
        rows = ids.rows_of(texts)
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert rows.tolist() == [0, -1] * 50_000
    assert peak_bytes < 80_000_000  # all at once, of 1024 bytes each, are 100 MB, twice
