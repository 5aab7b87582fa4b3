"""Rows and samples of files: those that Sample.of would take of all rows, in bounded memory."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from assayd.cli import sources
from assayd.cli.exits import CommandError
from assayd.cli.progress import Silence
from assayd.cli.sources.reading import Reading
from assayd.cli.window import Window, default_sample_rows, read_window
from assayd.drift_options import Sample
from assayd.rows import Rows


def read(path: str, sample: Sample, batch_rows: int = 70, columns: tuple[str, ...] = ()) -> Window:
    types = dict.fromkeys(columns, pa.float32())
    reading = Reading(columns=columns, batch_rows=batch_rows, types=types)
    return read_window(sources.open_source(Path(path)), reading, sample, Silence())


def expected(x: np.ndarray, sample: Sample) -> np.ndarray:
    return sample.of(Rows("inputs", {"": x})).arrays[""]


@pytest.mark.parametrize("batch_rows", [1, 70, 5000])
@pytest.mark.parametrize("row_count", [1, 10, 999, 1000, 5000])
def test_a_sample_is_the_one_of_the_client_however_the_file_is_read(
    pool: pa.Table, x: np.ndarray, row_count: int, batch_rows: int
) -> None:
    sample = Sample(row_count, 7)
    window = read("pool.npy", sample, batch_rows)
    assert window.row_count == 1000
    np.testing.assert_array_equal(window.rows, expected(x, sample))


@pytest.mark.parametrize("name", ["pool.parquet", "pool.csv"])
def test_a_sample_of_a_table_has_its_columns(pool: pa.Table, x: np.ndarray, name: str) -> None:
    window = read(name, Sample(50, 7), columns=("b", "a"))
    assert isinstance(window.rows, pa.Table)
    assert window.rows.column_names == ["b", "a"]
    found = np.stack([window.rows["a"].to_numpy(), window.rows["b"].to_numpy()], axis=1)
    np.testing.assert_array_equal(found, expected(x, Sample(50, 7))[:, :2])


def test_no_more_rows_are_held_than_some_samples_and_a_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    np.save("long.npy", np.arange(100_000, dtype=np.float32)[:, None])
    held = []
    smallest = Sample.smallest

    def counted(sample: Sample, keys: np.ndarray) -> Any:
        held.append(len(keys))
        return smallest(sample, keys)

    monkeypatch.setattr(Sample, "smallest", counted)
    assert len(read("long.npy", Sample(100, 0), batch_rows=50).rows) == 100
    assert max(held) <= 4 * 100 + 50


def test_a_file_without_rows_is_named() -> None:
    np.save("none.npy", np.empty((0, 4), np.float32))
    with pytest.raises(CommandError, match=r"^none.npy: holds no rows$"):
        read("none.npy", Sample(5, 0))


@pytest.mark.parametrize(("reference_rows", "rows"), [(450, 1000), (20_020, 1001), (10**6, 10_000)])
def test_by_default_a_sample_is_a_twentieth_of_the_reference_within_bounds(reference_rows: int, rows: int) -> None:
    assert default_sample_rows(reference_rows, 8) == rows


@pytest.mark.parametrize(("row_bytes", "rows"), [(32 * 1024, 512), (2**40, 1)])
def test_by_default_a_sample_goes_in_a_message(row_bytes: int, rows: int) -> None:
    assert default_sample_rows(10**6, row_bytes) == rows
