"""`assayctl score`: what it writes for Parquet, CSV and .npy, with each of its flags."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import csv, parquet

import onnx_models
from assayd.testing import Server
from client.cli.conftest import COLUMNS, Assayctl


def scores(path: str = "scores.parquet") -> pa.Table:
    return parquet.read_table(path)


@pytest.mark.parametrize("name", ["pool.parquet", "pool.csv", "pool.npy"])
def test_every_row_is_scored_in_order(assayctl: Assayctl, pool: pa.Table, x: np.ndarray, name: str) -> None:
    columns = ["--columns", ",".join(COLUMNS)] if name != "pool.npy" else []
    assayctl.done("score", "--input", name, "--output", "scores.parquet", "--batch-rows", 70, *columns)
    assert scores().column_names == ["prediction", "valid"]
    assert scores()["prediction"].to_pylist() == x.argmax(axis=1).tolist()
    assert all(scores()["valid"].to_pylist())


def test_the_columns_are_those_of_the_client(
    assayctl: Assayctl, server: Server, pool: pa.Table, x: np.ndarray
) -> None:
    flags = ["--uncertainty", "entropy", "--uncertainty", "margin", "--top-k", 2, "--temperature", 50]
    flags += ["--outputs", "probabilities", "--outputs", "embeddings"]
    assayctl.done("score", "--input", "pool.npy", "--output", "scores.parquet", *flags)
    expected = server.client().score(
        x, uncertainties=["entropy", "margin"], top_k=2, temperature=50, outputs=["probabilities", "embeddings"]
    )
    written = scores()
    assert written.schema == expected.to_arrow().schema
    for name, values in expected.columns().items():
        np.testing.assert_allclose(written[name].to_numpy(), values, rtol=1e-5, err_msg=name)


def test_the_id_column_comes_first_and_does_not_feed_the_model(assayctl: Assayctl, pool: pa.Table) -> None:
    assayctl.done("score", "--input", "pool.parquet", "--output", "scores.parquet", "--id-column", "id")
    assert scores().column_names == ["id", "prediction", "valid"]
    assert scores()["id"].to_pylist() == pool["id"].to_pylist()


def test_ids_of_csv_are_copied_as_they_are_written(assayctl: Assayctl, pool: pa.Table) -> None:
    assayctl.done("score", "--input", "pool.csv", "--output", "scores.csv", "--id-column", "id")
    lines = Path("scores.csv").read_text().splitlines()
    assert lines[0] == '"id","prediction","valid"'
    assert re.fullmatch(r'"0001",\d,true', lines[2])
    assert len(lines) == 1001


def test_a_text_in_csv_may_have_several_lines(assayctl: Assayctl) -> None:
    Path("pool.csv").write_text('id,a,b,c,d\n"one\ntwo",1,2,9,4\nthree,5,6,7,8\n')
    assayctl.done("score", "--input", "pool.csv", "--output", "scores.parquet", "--id-column", "id")
    assert scores()["id"].to_pylist() == ["one\ntwo", "three"]
    assert scores()["prediction"].to_pylist() == [2, 3]


def test_a_column_may_be_both_an_id_and_a_feature(assayctl: Assayctl, pool: pa.Table) -> None:
    flags = ["--id-column", "a", "--columns", "a,b,c,d"]
    assayctl.done("score", "--input", "pool.parquet", "--output", "scores.parquet", *flags)
    assert scores()["a"].to_pylist() == pool["a"].to_pylist()


def test_ids_in_a_dictionary_are_written_out(assayctl: Assayctl, x: np.ndarray) -> None:
    ids = pa.array([f"{row % 7}" for row in range(len(x))])
    table = pa.table({"id": ids.dictionary_encode(), **dict(zip(COLUMNS, x.T, strict=True))})
    parquet.write_table(table, "pool.parquet")
    flags = ["--id-column", "id", "--batch-rows", 100]
    assayctl.done("score", "--input", "pool.parquet", "--output", "scores.parquet", *flags)
    assert scores()["id"].type == pa.string()
    assert scores()["id"].to_pylist() == ids.to_pylist()


def test_columns_feed_the_model_in_the_order_in_which_they_are_named(
    assayctl: Assayctl, pool: pa.Table, x: np.ndarray
) -> None:
    for name in ("pool.parquet", "pool.csv"):
        flags = ["--columns", "d,c,b,a", "--overwrite"]
        assayctl.done("score", "--input", name, "--output", "scores.parquet", *flags)
        assert scores()["prediction"].to_pylist() == x[:, ::-1].argmax(axis=1).tolist()


def test_columns_feed_the_inputs_of_their_names(serve: Callable[..., Server]) -> None:
    app = serve(onnx_models.two_inputs())
    a, b = [[1.0, 0.0, 0.0], [1.0, 0.0, 0.0]], [[0, 5, 0], [0, 0, 5]]
    parquet.write_table(pa.table({"b": pa.array(b, pa.list_(pa.uint8())), "a": a}), "pool.parquet")
    Assayctl(app.address).done("score", "--input", "pool.parquet", "--output", "scores.parquet")
    assert scores()["prediction"].to_pylist() == [1, 2]


def test_text_feeds_a_model_of_text(serve: Callable[..., Server]) -> None:
    app = serve(onnx_models.texts())
    Path("pool.csv").write_text("what\nore\ngold\n")
    Assayctl(app.address).done("score", "--input", "pool.csv", "--output", "scores.parquet")
    assert scores()["prediction"].to_pylist() == [1, 0]


def test_other_columns_of_csv_may_hold_anything_where_the_model_names_its_own(
    serve: Callable[..., Server],
) -> None:
    app = serve(onnx_models.identity(1))
    Path("pool.csv").write_text("note,x,when\nhello,-1,2024-01-01\nore,2.5,\n")
    Assayctl(app.address).done("score", "--input", "pool.csv", "--output", "scores.parquet")
    assert scores()["prediction"].to_pylist() == [0, 1]


def test_half_precision_is_read_from_csv_too() -> None:
    from assayd import ModelInfo, TensorSpec
    from assayd.cli.columns import Columns, types

    spec = TensorSpec("x", "float16", (None, 1))
    model = ModelInfo("m", 1, "", (spec,), (), "", "", "", 2, 0, (), 1.0, "multiclass", "", 0)
    assert types(Columns(("a",), None), model.inputs) == {"a": pa.float32()}


def test_numbers_are_sent_in_the_type_that_is_asked_for(assayctl: Assayctl, pool: pa.Table, x: np.ndarray) -> None:
    flags = ["--id-column", "id", "--wire-type", "uint8"]
    assayctl.done("score", "--input", "pool.parquet", "--output", "scores.parquet", *flags)
    assert scores()["prediction"].to_pylist() == x.argmax(axis=1).tolist()


def test_the_names_of_classes_are_written(serve: Callable[..., Server], tmp_path: Path, pool: pa.Table) -> None:
    onnx_models.write_bundle(tmp_path / "models", onnx_models.identity(), labels=["ant", "bee", "cat", "dog"])
    app = serve(tmp_path / "models")
    flags = ["--id-column", "id", "--top-k", 1]
    Assayctl(app.address).done("score", "--input", "pool.csv", "--output", "scores.csv", *flags)
    written = csv.read_csv("scores.csv")
    assert set(written["label"].to_pylist()) == {"ant", "bee", "cat", "dog"}
    assert written["top_1"].to_pylist() == written["label"].to_pylist()


def test_a_regression_gives_its_values(serve: Callable[..., Server], pool: pa.Table, x: np.ndarray) -> None:
    app = serve(onnx_models.regression(2))
    Assayctl(app.address).done("score", "--input", "pool.npy", "--output", "scores.parquet")
    assert {"value_0", "value_1"} <= set(scores().column_names)


def test_rows_that_cannot_be_scored_are_counted(assayctl: Assayctl, x: np.ndarray) -> None:
    x[3:5, 0] = np.nan
    np.save("pool.npy", x)
    document = assayctl.document("score", "--input", "pool.npy", "--output", "scores.parquet")
    assert (document["rows"], document["invalid_rows"]) == (1000, 2)
    assert scores()["valid"].to_pylist().index(False) == 3
    text = assayctl.done("score", "--input", "pool.npy", "--output", "scores.parquet", "--overwrite")
    assert text.startswith("scores.parquet: 1,000 rows, 2 of them invalid, by m version 1, in ")


def test_the_summary_as_json(assayctl: Assayctl, server: Server, pool: pa.Table) -> None:
    result = assayctl("score", "--input", "pool.npy", "--output", "scores.parquet", "--json")
    document = json.loads(result.stdout)
    assert list(document) == ["rows", "invalid_rows", "seconds", "output", "model"]
    assert document["output"] == "scores.parquet"
    assert (document["model"]["name"], document["model"]["version"]) == ("m", 1)
    assert document["model"]["digest"].startswith("sha256:")


def test_quiet_is_quiet(assayctl: Assayctl, pool: pa.Table) -> None:
    result = assayctl("score", "--input", "pool.npy", "--output", "scores.parquet", "--quiet")
    assert (result.exit_code, result.output) == (0, "")


def test_nothing_but_the_output_is_left_behind(assayctl: Assayctl, folder: Path, pool: pa.Table) -> None:
    assayctl.done("score", "--input", "pool.npy", "--output", "scores.csv")
    assert {path.name for path in folder.iterdir()} == {"pool.parquet", "pool.csv", "pool.npy", "scores.csv"}


@pytest.mark.parametrize("name", ["pool.parquet", "pool.csv", "pool.npy"])
def test_no_rows_give_a_table_with_no_rows(assayctl: Assayctl, pool: pa.Table, x: np.ndarray, name: str) -> None:
    flags = ["--id-column", "id"] if name != "pool.npy" else []
    assayctl.done("score", "--input", name, "--output", "full.parquet", "--uncertainty", "margin", *flags)
    parquet.write_table(pool.slice(0, 0), "pool.parquet")
    csv.write_csv(pool.slice(0, 0), "pool.csv")
    np.save("pool.npy", x[:0])
    assayctl.done("score", "--input", name, "--output", "none.parquet", "--uncertainty", "margin", *flags)
    assert len(scores("none.parquet")) == 0
    assert scores("none.parquet").schema == scores("full.parquet").schema


def test_an_output_that_is_there_is_replaced_only_when_asked(assayctl: Assayctl, pool: pa.Table) -> None:
    Path("scores.csv").write_text("precious")
    words = ["score", "--input", "pool.npy", "--output", "scores.csv"]
    assert assayctl.refusal(*words, code=2) == (
        "--output: scores.csv is there already and complete, --overwrite replaces it"
    )
    assert Path("scores.csv").read_text() == "precious"
    assayctl.done(*words, "--overwrite")
    assert Path("scores.csv").read_text().startswith('"prediction"')


def test_a_batch_of_wide_rows_has_fewer(serve: Callable[..., Server], folder: Path) -> None:
    from assayd.cli.bulk import batch_rows
    from assayd.cli.columns import Columns
    from assayd.cli.sources import open_source

    np.save("narrow.npy", np.zeros((10, 4), np.uint8))
    np.save("wide.npy", np.zeros((10, 2**19), np.float32))
    lists = pa.array(np.random.default_rng(0).random((10, 2**17), np.float32).tolist(), pa.list_(pa.float32()))
    parquet.write_table(pa.table({"x": lists}), "wide.parquet", use_dictionary=False)
    nothing = Columns((), None)
    assert batch_rows(open_source(Path("narrow.npy")), nothing) == 8192
    assert batch_rows(open_source(Path("wide.npy")), nothing) == 2
    assert 4 <= batch_rows(open_source(Path("wide.parquet")), Columns(("x",), None)) <= 8


@pytest.mark.parametrize("name", ["x", "x.y"])
def test_a_batch_of_rows_that_are_wide_in_memory_alone_has_fewer(name: str) -> None:
    from assayd.cli.bulk import batch_rows
    from assayd.cli.columns import Columns
    from assayd.cli.sources import open_source

    zeros = pa.array(np.zeros((10, 2**17), np.float32).tolist(), pa.list_(pa.float32()))
    parquet.write_table(pa.table({name: zeros}), "zeros.parquet")
    assert Path("zeros.parquet").stat().st_size < 10_000
    assert batch_rows(open_source(Path("zeros.parquet")), Columns((name,), None)) == 8


def test_a_batch_of_rows_with_large_ids_has_fewer() -> None:
    from assayd.cli.bulk import batch_rows
    from assayd.cli.columns import Columns
    from assayd.cli.sources import open_source

    ids = [f"{place}".zfill(2**20) for place in range(10)]
    parquet.write_table(pa.table({"id": ids, "x": np.zeros(10)}), "ids.parquet")
    assert 1 <= batch_rows(open_source(Path("ids.parquet")), Columns(("x",), "id")) <= 4
