"""`assayd index build --input`: rows through a model, from any kind of file, alone or into a bundle."""

import builtins
import json
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from onnx import TensorProto, helper
from pyarrow import csv, parquet
from typer.testing import CliRunner, Result

import onnx_models
from assayd_server import servable
from assayd_server.bundle import digest_of, read_folder
from assayd_server.cli import app as cli
from assayd_server.pool_folder import PoolFolder, read_pool

ROWS, WIDTH = 2500, 8
X = np.random.default_rng(0).integers(0, 17, (ROWS, WIDTH), np.uint8)
IDS = np.random.default_rng(0).permutation(ROWS) * 3
NAMES = [f"row {number}" for number in IDS]
MODEL = onnx_models.network(width=WIDTH)


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """m.onnx, and the same rows in x.npy, x.npz, x.parquet and x.csv."""
    monkeypatch.chdir(tmp_path)
    Path("m.onnx").write_bytes(MODEL)
    np.save("x.npy", X)
    np.savez("x.npz", x=X)
    write_tables(id=IDS)
    return tmp_path


def write_tables(**ids: Any) -> None:
    table = table_of(**ids)
    parquet.write_table(table, "x.parquet", row_group_size=700)
    csv.write_csv(table, "x.csv")


def table_of(**ids: Any) -> pa.Table:
    return pa.table({**ids, **{f"p{place}": X[:, place] for place in range(WIDTH)}})


def invoke(*arguments: str | Path) -> Result:
    return CliRunner().invoke(cli, ["index", "build", *map(str, arguments)])


def built(*arguments: str | Path) -> PoolFolder:
    result = invoke("--model", "m.onnx", "--output", "pool", *arguments)
    assert (result.exit_code, result.stderr) == (0, "")
    return read_pool(Path("pool"))


def refusal(*arguments: str | Path) -> str:
    """The one line that says why nothing was built, and nothing is left of it."""
    before = sorted(Path().rglob("*"))
    result = invoke(*arguments)
    assert (result.exit_code, result.stdout) == (1, "")
    (line,) = result.stderr.splitlines()
    assert sorted(Path().rglob("*")) == before
    return line.removeprefix("assayd: ")


def refused(*arguments: str | Path) -> str:
    return refusal("--model", "m.onnx", "--output", "pool", *arguments)


def embeddings(content: bytes = MODEL, x: np.ndarray = X) -> np.ndarray:
    """What the model gives in one pass."""
    from onnxruntime import InferenceSession

    session = InferenceSession(content, providers=["CPUExecutionProvider"])
    return session.run(["embedding"], {"x": x.astype(np.float32)})[0]


@pytest.mark.parametrize("name", ["x.npy", "x.npz", "x.parquet", "x.csv"])
def test_rows_of_each_kind_of_file_are_embedded(name: str) -> None:
    ids = ("--id-column", "id") if name in ("x.parquet", "x.csv") else ()
    pool = built("--input", name, *ids)
    np.testing.assert_allclose(pool.stored.original(np.arange(ROWS)), embeddings(), rtol=1e-5, atol=1e-5)
    assert pool.ids.of_rows(np.arange(ROWS)).tolist() == (IDS if ids else np.arange(ROWS)).tolist()
    assert (pool.manifest.model_digest, pool.manifest.embedding) == (digest_of(MODEL), "embedding")


@pytest.mark.parametrize("name", ["x.parquet", "x.csv"])
def test_ids_may_be_text(name: str) -> None:
    write_tables(id=NAMES)
    ids = built("--input", name, "--id-column", "id").ids
    assert ids.of_rows(np.array([0, ROWS - 1])).tolist() == [NAMES[0], NAMES[-1]]


@pytest.mark.parametrize("odd", ["007", "1.0", "", "+1", "99999999999999999999", "٣"])
def test_numbers_in_csv_are_text_where_one_is_not_spelled_as_one(odd: str) -> None:
    csv.write_csv(table_of(id=[*map(str, IDS[1:]), odd]), "x.csv")
    if odd == "":
        assert refused("--input", "x.csv", "--id-column", "id") == "x.csv: column 'id': row 2499: the id is empty"
    else:
        assert built("--input", "x.csv", "--id-column", "id").ids.of_rows(np.array([ROWS - 1])).tolist() == [odd]


def test_categories_are_text_all_the_same() -> None:
    write_tables(id=pa.array(NAMES).dictionary_encode())
    assert built("--input", "x.parquet", "--id-column", "id").ids.of_rows(np.array([1])).tolist() == [NAMES[1]]


@pytest.mark.parametrize("name", ["x.npy", "x.csv"])
def test_ids_may_lie_in_a_file_of_their_own(name: str) -> None:
    write_tables()
    np.save("ids.npy", NAMES)
    ids = built("--input", name, "--ids", "ids.npy").ids
    assert ids.rows_of(np.array([NAMES[7]], object)).tolist() == [7]


def test_as_many_ids_as_rows_are_due_also_where_nobody_knows_how_many_there_are() -> None:
    write_tables()
    np.save("ids.npy", NAMES[:-1])
    why = "ids.npy: there are 2499 ids, of 2500 rows"
    assert refused("--input", "x.parquet", "--ids", "ids.npy") == why
    assert refused_but_kept("--input", "x.csv", "--ids", "ids.npy").startswith(why)


def test_other_columns_stay_out_where_the_models_are_named() -> None:
    write_tables(id=IDS, note=NAMES)
    columns = ",".join(f"p{place}" for place in range(WIDTH))
    pool = built("--input", "x.parquet", "--id-column", "id", "--columns", columns)
    np.testing.assert_allclose(pool.stored.original(np.arange(ROWS)), embeddings(), rtol=1e-5, atol=1e-5)


def test_a_tensor_inside_of_the_graph_can_be_the_embedding() -> None:
    pool = built("--input", "x.npy", "--embedding-tensor", "a1", "--metric", "l2")
    assert pool.manifest.embedding == "a1"
    np.testing.assert_allclose(np.maximum(pool.stored.searched, 0), embeddings(), rtol=1e-5, atol=1e-5)


def test_rows_whose_embedding_is_of_no_use_are_left_out_on_demand() -> None:
    x = X.astype(np.float32)
    x[5] = np.nan
    np.save("x.npy", x)
    sentence = refused_but_kept("--input", "x.npy")
    assert sentence.startswith(
        "x.npy, embedded: row 5: holds NaN or an infinity, as float32; --skip-invalid leaves "
    )
    assert sentence.endswith("2,500 embedded rows are kept in " + kept_in())
    pool = built("--input", "x.npy", "--skip-invalid")
    assert pool.ids.rows_of(np.array([4, 5, 6])).tolist() == [4, -1, 5]
    assert not Path("pool.partial").exists()


def refused_but_kept(*arguments: str) -> str:
    result = invoke("--model", "m.onnx", "--output", "pool", *arguments)
    assert (result.exit_code, result.stdout) == (1, "")
    return result.stderr.removeprefix("assayd: ").strip()


def kept_in() -> str:
    return f"{Path('pool.partial').resolve()}, the same command goes on from there"


@pytest.mark.parametrize("name", ["x.npy", "x.parquet", "x.csv"])
def test_no_rows_make_no_pool(name: str) -> None:
    np.save("x.npy", X[:0])
    table = pa.table({f"p{place}": X[:0, place] for place in range(WIDTH)})
    parquet.write_table(table, "x.parquet")
    csv.write_csv(table, "x.csv")
    assert refused("--input", name) == f"{name}: has no rows, and a pool has one at least"


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--input", "x.txt"], "--input: x.txt must end in one of .npy, .npz, .parquet, .csv"),
        (["--input", "y.npy"], "y.npy: cannot be read: No such file or directory"),
        (["--input", "y.parquet"], "--input: y.parquet is not there"),
        (["--input", "x.npy", "--id-column", "id"], "--id-column: the rows of x.npy have no named columns"),
        (["--input", "x.npz", "--columns", "id"], "--columns: the rows of x.npz have no named columns"),
        (
            ["--input", "x.parquet", "--id-column", "key"],
            "--id-column: x.parquet has no column 'key', it has 'id', ",
        ),
        (
            ["--input", "x.parquet"],
            "the table has 9 columns, the model's input 'x' takes (n, 8): select the columns",
        ),
        (["--input", "x.npy", "--embedding-tensor", "e"], "there is no tensor 'e' in the graph"),
    ],
)
def test_rows_that_cannot_be_read_are_refused(arguments: list[str], why: str) -> None:
    assert why in refused(*arguments)


def test_rows_that_do_not_fit_the_model_are_refused() -> None:
    np.save("x.npy", X[:, :5])
    assert refused("--input", "x.npy").endswith("shape: is [1024, 5], the model takes x: float32 (any, 8)")


def test_a_table_that_is_damaged_further_on_is_refused_by_name() -> None:
    lines = Path("x.csv").read_text().splitlines()
    Path("x.csv").write_text("\n".join([*lines, "1,2"]))
    assert refused("--input", "x.csv", "--id-column", "id").startswith("x.csv: cannot be read")


def test_text_where_numbers_are_due_is_refused() -> None:
    table = pa.table({f"p{place}": pa.array(["a"] * 3) for place in range(WIDTH)})
    parquet.write_table(table, "x.parquet")
    why = "column 'p0' holds string, the model's input 'x' takes float32"
    assert refused("--input", "x.parquet") == f"x.parquet: the rows from 0 on: {why}"


@pytest.mark.parametrize(
    ("ids", "why"),
    [
        (pa.array([*NAMES[:-1], None]), "the rows from 0 on: column 'id' has no text in row 2499"),
        (pa.array([*IDS[:-1].tolist(), None]), "column 'id': the ids are of type float64"),
        (pa.array([float(value) for value in IDS]), "column 'id': the ids are of type float64"),
        (pa.array([[1, 2]] * ROWS), "column 'id': the ids are lists, due are whole numbers"),
        (pa.array([True] * ROWS), "column 'id': the ids are of type bool"),
        (pa.array([*NAMES[:-1], NAMES[0]]), f"column 'id': row 0 and row 2499 have the same id, '{NAMES[0]}'"),
        (pa.array([*NAMES[:-1], "a\0"]), "column 'id': row 2499: the id holds a NUL"),
    ],
)
def test_ids_of_a_column_are_looked_at_before_any_row_is_embedded(ids: pa.Array, why: str) -> None:
    parquet.write_table(table_of(id=ids), "x.parquet")
    assert refused("--input", "x.parquet", "--id-column", "id").startswith(f"x.parquet: {why}")


def test_a_model_without_an_embedding_says_how_to_name_one() -> None:
    Path("m.onnx").write_bytes(onnx_models.softmax_only())
    assert refused("--input", "x.npy") == (
        "m.onnx: has no embedding: name its tensor with --embedding-tensor, or in bundle.json; "
        "assayd inspect lists those that could be one"
    )


def test_an_embedding_that_is_wider_than_a_pool_may_be_is_refused_before_any_work() -> None:
    Path("m.onnx").write_bytes(onnx_models.identity(65_537))
    sentence = refused("--input", "x.npy")
    assert sentence == "m.onnx: its embedding is 65537 wide, allowed are 65536 in a pool"


def test_a_model_that_fails_on_a_row_is_named_with_the_cause() -> None:
    Path("m.onnx").write_bytes(look_up_twice())
    np.save("x.npy", np.array([0, 7, 8]))
    assert refused("--input", "x.npy").startswith("x.npy: rows 0 to 2: the model failed on these rows: ")


def look_up_twice() -> bytes:
    """As onnx_models.look_up, with an embedding."""
    nodes = [helper.make_node("Gather", ["table", "x"], [name], axis=0) for name in ("logits", "embedding")]
    matrix = (TensorProto.FLOAT, ["rows", 4])
    return onnx_models.build(
        nodes=nodes,
        inputs={"x": (TensorProto.INT64, ["rows"])},
        outputs={"logits": matrix, "embedding": matrix},
        weights={"table": np.ones((8, 4), np.float32)},
    )


def test_without_pyarrow_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def without(name: str, *arguments: Any, **further: Any) -> Any:
        if name.partition(".")[0] == "pyarrow":
            raise ModuleNotFoundError(f"No module named {name!r}", name="pyarrow")
        return original(name, *arguments, **further)

    original = builtins.__import__
    for module in [name for name in sys.modules if name.startswith(("assayd.cli", "assayd_server.table_input"))]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setattr(builtins, "__import__", without)
    assert refused("--input", "x.parquet") == (
        'x.parquet: pyarrow is missing, which reads .parquet files: pip install "assayd[server,cli]"'
    )


def bundle() -> Path:
    return onnx_models.write_bundle(Path("models"), MODEL, name="pets")


def test_a_pool_goes_into_a_bundle_and_its_manifest() -> None:
    folder = bundle()
    before = json.loads((folder / "bundle.json").read_text())
    result = invoke("--bundle", folder, "--input", "x.parquet", "--id-column", "id")
    assert (result.exit_code, result.stderr) == (0, "")
    pool = read_pool(folder / "pool")
    files = before["files"] | {"pool/pool.json": pool.digest}
    assert json.loads((folder / "bundle.json").read_text()) == before | {"files": files}
    assert sorted(path.name for path in folder.iterdir()) == ["bundle.json", "model.onnx", "pool"]
    loaded = servable.load(read_folder(folder.resolve()), threads=1)
    assert loaded.pool is not None
    assert loaded.pool.digest == pool.digest


def test_vectors_of_the_bundles_width_need_not_be_its_models() -> None:
    folder = bundle()
    np.save("v.npy", embeddings())
    assert invoke("--bundle", folder, "--vectors", "v.npy").exit_code == 0
    assert read_pool(folder / "pool").manifest.model_digest is None
    np.save("v.npy", X)
    assert refusal(
        "--bundle", onnx_models.write_bundle(Path("models"), MODEL, version=2), "--vectors", "v.npy"
    ) == ("v.npy: its vectors are 8 wide, the embedding of m is 32 wide")


def test_a_bundle_keeps_the_pool_that_it_has() -> None:
    folder = bundle()
    invoke("--bundle", folder, "--input", "x.npy")
    assert refusal("--bundle", folder, "--input", "x.npy") == (
        "models/pets/1: has a pool already, write a new version of the bundle for another one"
    )


def test_a_bundle_that_is_not_whole_gets_no_pool() -> None:
    folder = bundle()
    shutil.copy("x.npy", folder / "model.onnx")
    assert "model.onnx: its digest is " in refusal("--bundle", folder, "--input", "x.npy")
