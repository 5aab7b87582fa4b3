"""`assayd index build --vectors` and `assayd index show`: a pool, or one sentence and nothing left behind."""

import json
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from typer.testing import CliRunner, Result

import pools
from assayd_server.cli import app as cli
from assayd_server.core.similarity import Metric
from assayd_server.index_building import build as build_index
from assayd_server.index_kind import Kind
from assayd_server.index_wanted import Wanted
from assayd_server.pool_folder import PoolFolder, read_pool

ROWS = 300
VECTORS = pools.vectors(ROWS, 6)


@pytest.fixture(autouse=True)
def vectors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """v.npy in the folder that the commands run in."""
    monkeypatch.chdir(tmp_path)
    np.save("v.npy", VECTORS)
    return tmp_path / "v.npy"


def invoke(*arguments: str | Path) -> Result:
    return CliRunner().invoke(cli, ["index", *map(str, arguments)])


def built(*arguments: str | Path, output: str = "pool") -> PoolFolder:
    """What is built of v.npy with these flags."""
    result = invoke("build", "--vectors", "v.npy", "--output", output, *arguments)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.splitlines()[-1] == f"written to {output}"
    assert not Path(f"{output}.partial").exists()
    return read_pool(Path(output))


def refusal(*arguments: str | Path) -> str:
    """The one line that says why nothing was built."""
    before = sorted(Path().rglob("*"))
    result = invoke("build", *arguments)
    assert (result.exit_code, result.stdout) == (1, "")
    (line,) = result.stderr.splitlines()
    assert sorted(Path().rglob("*")) == before
    return line.removeprefix("assayd: ")


def saved(values: NDArray[Any], name: str = "v.npy") -> str:
    np.save(name, values)
    return name


def spoilt(**rows: float) -> None:
    """Other values in some rows of v.npy: row3=nan."""
    values = VECTORS.copy()
    for name, value in rows.items():
        values[int(name.removeprefix("row"))] = value
    np.save("v.npy", values)


def test_a_pool_of_vectors_is_described_in_full() -> None:
    result = invoke("build", "--vectors", "v.npy", "--kind", "flat", "--output", "pool")
    digest, rows, metric, index, search, origin, written = result.stdout.splitlines()
    assert digest == f"pool {read_pool(Path('pool')).digest}"
    assert (rows, metric) == ("300 rows of 6, by int64 ids", "metric: cosine")
    assert index == "index: flat (as it was asked)"
    assert search.startswith("search: exact, ")
    assert (origin, written) == ("vectors: as they were given", "written to pool")


def test_show_says_what_build_said() -> None:
    said = invoke("build", "--vectors", "v.npy", "--output", "pool").stdout
    result = invoke("show", "pool")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == said.removesuffix("written to pool\n")


def test_show_refuses_what_is_no_pool() -> None:
    result = invoke("show", ".")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "assayd: pool.json: cannot be read: No such file or directory\n"


@pytest.mark.parametrize("metric", Metric)
def test_the_metric_is_that_of_the_flag(metric: Metric) -> None:
    pool = built("--metric", metric)
    assert pool.manifest.metric is metric
    np.testing.assert_allclose(pool.stored.original(np.arange(ROWS)), VECTORS, rtol=3e-7)


@pytest.mark.parametrize("dtype", ["<f2", "<f8", ">f4", "<i4", "u1"])
def test_numbers_of_other_types_become_float32(dtype: str) -> None:
    values = np.abs(VECTORS * 20).astype(dtype) + np.ones((), dtype)
    saved(values)
    stored = built("--metric", "l2").stored.searched
    assert stored.dtype == np.float32
    np.testing.assert_array_equal(stored, values.astype(np.float32))


def test_vectors_may_lie_column_by_column() -> None:
    saved(np.asfortranarray(VECTORS))
    np.testing.assert_array_equal(built("--metric", "l2").stored.searched, VECTORS)


@pytest.mark.parametrize(
    "ids",
    [
        np.random.default_rng(0).permutation(ROWS) * 5 - 7,
        np.arange(ROWS, dtype=np.uint8 if ROWS < 256 else np.uint16)[::-1],
        np.array([f"Zeile {row}ß" for row in range(ROWS)]),
        np.array([f"Zeile {row}ß".encode() for row in range(ROWS)]),
    ],
    ids=["int64", "uint16", "text", "bytes"],
)
def test_ids_come_from_a_file(ids: NDArray[Any]) -> None:
    saved(ids, "ids.npy")
    pool = built("--ids", "ids.npy")
    given = [value.decode() if isinstance(value, bytes) else value for value in ids.tolist()]
    assert pool.ids.of_rows(np.arange(ROWS)).tolist() == given
    assert pool.ids.rows_of(pool.ids.of_rows(np.array([7, 0]))).tolist() == [7, 0]


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind is not Kind.FLAT])
def test_an_index_of_each_kind_is_built_and_measured(kind: Kind) -> None:
    pool = built("--kind", kind)
    assert pool.manifest.kind is kind
    assert pool.index_path == Path("pool/index.faiss")
    assert 0 < pool.manifest.recall <= 1
    assert pool.manifest.queries_per_second > 0
    assert invoke("show", "pool").stdout.splitlines()[3] == f"index: {kind} (as it was asked)"


def test_a_small_pool_needs_no_index_and_it_says_why() -> None:
    manifest = built().manifest
    assert (manifest.kind, manifest.recall) == (Kind.FLAT, 1)
    assert manifest.why
    assert manifest.why != "as it was asked"


def test_cells_are_kept_of_a_kind_that_has_them() -> None:
    cells = built("--kind", "ivf").cells
    assert cells is not None
    assert cells.shape == (ROWS,)
    assert cells.dtype == np.int32


def test_a_cell_that_is_none_is_refused() -> None:
    built("--kind", "ivf")

    def spoil(path: Path) -> None:
        cells = np.load(path)
        cells[7] = -1
        np.save(path, cells)

    pools.resealed(Path("pool"), "cells.npy", spoil)
    assert invoke("show", "pool").stderr == "assayd: pool/cells.npy: row 7: is no cell\n"


def test_the_same_vectors_give_the_same_files() -> None:
    arguments = ("--kind", "ivf", "--ids", saved(np.arange(ROWS)[::-1], "ids.npy"))
    one, two = built(*arguments, output="one"), built(*arguments, output="two")
    assert one.manifest.files == two.manifest.files


def test_a_pool_may_have_one_row() -> None:
    saved(VECTORS[:1])
    assert built("--ids", saved(np.array(["only"]), "ids.npy")).ids.of_rows(np.array([0])).tolist() == ["only"]


def test_an_empty_folder_is_as_good_as_none() -> None:
    Path("pool").mkdir()
    assert len(built().stored) == ROWS


def test_folders_on_the_way_are_made() -> None:
    assert len(built(output="a/b/pool").stored) == ROWS


def test_a_folder_that_is_not_empty_is_left_alone() -> None:
    Path("pool").mkdir()
    Path("pool/notes.txt").write_text("mine")
    sentence = refusal("--vectors", "v.npy", "--output", "pool")
    assert sentence == "pool: is there already and is not an empty folder: remove it, or take another one"
    assert Path("pool/notes.txt").read_text() == "mine"


def test_a_file_in_the_place_of_the_pool_is_left_alone() -> None:
    assert refusal("--vectors", "v.npy", "--output", "v.npy") == "v.npy: cannot be read: Not a directory"


@pytest.mark.parametrize(
    ("flags", "why"),
    [
        (["--output", "p"], "give either --vectors or --input, not neither"),
        (["--vectors", "v.npy", "--input", "x.npy"], "give either --vectors or --input, not both"),
        (["--vectors", "v.npy"], "give either --output or --bundle, not neither"),
        (["--vectors", "v.npy", "--output", "p", "--bundle", "m/1"], "give either --output or --bundle, not both"),
        (["--input", "x.npy", "--model", "m.onnx", "--bundle", "m/1"], "--model: a bundle has its own model"),
        (["--input", "x.npy", "--output", "p"], "--input: needs a model that embeds the rows"),
        (["--vectors", "v.npy", "--model", "m.onnx", "--output", "p"], "--model: goes with --input"),
        (["--input", "x", "--bundle", "m/1", "--embedding-tensor", "e"], "flags for how a model is read go with"),
        (
            ["--input", "x", "--model", "m", "--output", "p", "--ids", "i.npy", "--id-column", "i"],
            "give either --ids or --id-column, not both",
        ),
        (["--vectors", "v.npy", "--output", "p", "--id-column", "i"], "--id-column: goes with --input"),
        (["--vectors", "v.npy", "--output", "p", "--columns", "i"], "--columns: goes with --input"),
        (["--vectors", "v.npy", "--output", "/"], "/: cannot be a pool's folder"),
    ],
)
def test_flags_that_do_not_go_together_are_refused(flags: list[str], why: str) -> None:
    assert why in refusal(*flags)


@pytest.mark.parametrize(
    ("values", "why"),
    [
        (np.zeros((0, 3), np.float32), "v.npy: has no vectors, and a pool has one at least"),
        (np.zeros((3, 0), np.float32), "v.npy: its vectors are 0 wide, allowed are 1 to 65536"),
        (np.zeros((1, 65_537), np.uint8), "v.npy: its vectors are 65537 wide, allowed are 1 to 65536"),
        (np.zeros(3, np.float32), "v.npy: is float32 of shape [3], due are numbers of shape (n, d)"),
        (np.zeros((3, 2), np.complex64), "v.npy: is complex64 of shape [3, 2], due are numbers of shape (n, d)"),
        (np.zeros((3, 2), bool), "v.npy: is bool of shape [3, 2], due are numbers of shape (n, d)"),
    ],
)
def test_an_array_that_holds_no_vectors_is_refused(values: NDArray[Any], why: str) -> None:
    assert refusal("--vectors", saved(values), "--output", "pool") == why


def test_a_file_that_is_not_there_or_none_is_refused() -> None:
    assert refusal("--vectors", "w.npy", "--output", "p") == "w.npy: cannot be read: No such file or directory"
    Path("v.npy").write_bytes(Path("v.npy").read_bytes()[:-5])
    assert refusal("--vectors", "v.npy", "--output", "p").endswith("or was not written to its end")


@pytest.mark.parametrize("metric", Metric)
@pytest.mark.parametrize(
    ("value", "why"),
    [
        (np.nan, "holds NaN or an infinity, as float32"),
        (-np.inf, "holds NaN or an infinity, as float32"),
        (1e30, "is too long: its square overflows float32"),
    ],
)
def test_a_row_that_cannot_be_searched_for_is_refused_by_number(metric: Metric, value: float, why: str) -> None:
    spoilt(row5=value, row9=value)
    sentence = refusal("--vectors", "v.npy", "--metric", metric, "--output", "pool")
    assert sentence == (
        f"v.npy: row 5: {why}, and 1 more cannot be in a pool; --skip-invalid leaves such rows out"
    )


def test_a_number_beyond_float32_is_an_infinity() -> None:
    saved(VECTORS.astype(np.float64) * 1e300)
    assert "row 0: holds NaN or an infinity, as float32, and 299 more" in refusal(
        "--vectors", "v.npy", "--output", "p"
    )


def test_a_zero_vector_has_no_cosine() -> None:
    spoilt(row5=0)
    sentence = refusal("--vectors", "v.npy", "--output", "pool")
    assert sentence == "v.npy: row 5: is zero, which has no cosine; --skip-invalid leaves such rows out"


@pytest.mark.parametrize("metric", [Metric.L2, Metric.INNER_PRODUCT])
def test_a_zero_vector_is_one_like_any_other_elsewhere(metric: Metric) -> None:
    spoilt(row5=0)
    assert len(built("--metric", metric).stored) == ROWS


def test_rows_that_are_left_out_are_counted_and_the_others_keep_their_numbers() -> None:
    spoilt(row0=np.nan, row5=0, row299=np.inf)
    result = invoke("build", "--vectors", "v.npy", "--output", "pool", "--skip-invalid")
    assert "left out: 3 rows that cannot be in a pool" in result.stdout.splitlines()
    pool = read_pool(Path("pool"))
    assert pool.ids.of_rows(np.array([0, 4, 296])).tolist() == [1, 6, 298]
    assert pool.ids.rows_of(np.array([0, 5, 299, 298])).tolist() == [-1, -1, -1, 296]


def test_many_rows_in_a_row_may_be_left_out() -> None:
    values = np.ones((40, 65_536), np.uint8)  # in blocks of 16 rows
    values[:37] = 0
    saved(values)
    assert built("--skip-invalid").ids.of_rows(np.arange(3)).tolist() == [37, 38, 39]


def test_rows_that_are_left_out_take_their_ids_with_them() -> None:
    spoilt(row0=np.nan)
    ids = np.array([f"r{row}" for row in range(ROWS)], object)
    pool = built("--skip-invalid", "--ids", saved(ids.astype(str), "ids.npy"))
    assert pool.ids.rows_of(np.array(["r0", "r1"], object)).tolist() == [-1, 0]


def test_a_pool_of_no_sound_rows_is_refused_even_so() -> None:
    saved(np.full((3, 2), np.nan))
    sentence = refusal("--vectors", "v.npy", "--output", "pool", "--skip-invalid")
    assert sentence.startswith("v.npy: no vector is of use")


@pytest.mark.parametrize(
    ("ids", "why"),
    [
        (np.arange(299), "there are 299 ids, of 300 rows"),
        (np.zeros((300, 2), np.int64), "is int64 of shape [300, 2], due is a whole number or text a row"),
        (np.arange(300.0), "is float64 of shape [300], due is a whole number or text a row"),
        (np.array([], np.int64), "there are no ids"),
        (np.array([0, *range(299)]), "row 0 and row 1 have the same id, 0"),
        (np.array(["a", *map(str, range(298)), "a"]), "row 0 and row 299 have the same id, 'a'"),
        (
            np.array([2**63, *range(299)], np.uint64),
            f"row 0: the id {2**63} is beyond int64, the largest integer type",
        ),
        (np.array(["a", "", *map(str, range(298))]), "row 1: the id is empty"),
        (np.array([""] * 300), "row 0: the id is empty"),
        (np.array([*map(str, range(298)), "a\0b", "c"]), "row 298: the id holds a NUL"),
        (np.array([*map(str, range(298)), "\ud800", "c"]), "row 298: the id is not UTF-8"),
        (np.array([b"\xff", *(b"%d" % row for row in range(299))]), "row 0: the id is not UTF-8"),
        (np.array([*map(str, range(299)), 1025 * "x"]), "row 299: the id has 1025 bytes, allowed are 1024"),
    ],
)
def test_ids_that_cannot_be_told_apart_or_written_are_refused(ids: NDArray[Any], why: str) -> None:
    sentence = refusal("--vectors", "v.npy", "--ids", saved(ids, "ids.npy"), "--output", "pool")
    assert sentence == f"ids.npy: {why}"


def test_python_objects_are_not_read_as_ids() -> None:
    np.save("ids.npy", np.array([1, "a"] * 150, object), allow_pickle=True)
    sentence = refusal("--vectors", "v.npy", "--ids", "ids.npy", "--output", "pool")
    assert sentence == "ids.npy: is no .npy file of numbers or text, or was not written to its end"


def test_a_pool_takes_little_memory_to_build() -> None:
    values = pools.vectors(100_000, 128).astype(np.float64)
    saved(values)
    tracemalloc.start()
    build_index(Wanted(vectors=Path("v.npy"), output=Path("pool"), kind=Kind.FLAT))
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < values.nbytes / 2


def test_a_failed_build_can_be_tried_again() -> None:
    spoilt(row5=0)
    refusal("--vectors", "v.npy", "--output", "pool")
    assert len(built("--skip-invalid").stored) == ROWS - 1


def test_a_full_disk_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    assert refusal("--vectors", "v.npy", "--output", "pool").endswith("No space left on device")


def test_a_place_that_cannot_be_renamed_to_gets_the_files_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def another_device(self: Path, target: Path) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(Path, "rename", another_device)
    pool = built()
    assert sorted(path.name for path in Path("pool").iterdir()) == sorted([*pool.manifest.files, "pool.json"])


def test_the_manifest_says_what_a_person_is_told() -> None:
    built("--metric", "l2")
    manifest = json.loads(Path("pool/pool.json").read_text())
    assert manifest["format"] == 1
    assert (manifest["metric"], manifest["row_count"], manifest["dimension"]) == ("l2", ROWS, 6)
    assert manifest.keys().isdisjoint({"model_digest", "embedding"})
