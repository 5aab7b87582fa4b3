"""`assayctl candidates` and `assayctl pool`: what the client finds, from and to files of every kind."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import csv, parquet

import onnx_models
import pools
from assayd import Client
from assayd.cli.pool import described
from assayd.testing import Server, serving
from client.cli.conftest import Assayctl

VECTORS = np.abs(np.random.default_rng(4).normal(size=(200, 32))).astype(np.float32)
NUMBERS = np.random.default_rng(5).permutation(200) * 3
NEW, OLD = NUMBERS[[4, 90]], NUMBERS[[5, 6, 7]]


@pytest.fixture(scope="module", params=["numbers", "texts"])
def server(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Server]:
    """Of a network that has a last layer, with a pool."""
    folder = tmp_path_factory.mktemp("model")
    (folder / "m.onnx").write_bytes(onnx_models.network())
    ids = NUMBERS if request.param == "numbers" else NUMBERS.astype(str)
    with serving(folder / "m.onnx", pool=pools.write_pool(folder / "pool", VECTORS, ids=ids)) as server:
        yield server


@pytest.fixture
def client(server: Server) -> Client:
    return server.client()


def as_of(client: Client, ids: np.ndarray) -> Any:
    return ids.tolist() if client.pool().id_type == "int64" else ids.astype(str).tolist()


@pytest.fixture(params=["parquet", "csv", "npy"])
def files(request: pytest.FixtureRequest, folder: Path, client: Client) -> list[str]:
    """--labeled and --new with their files."""
    for name, ids in (("labeled", np.concatenate([OLD, NEW])), ("new", NEW)):
        table = pa.table({"label": ["x"] * len(ids), "id": as_of(client, ids)})
        if request.param == "npy":
            np.save(folder / f"{name}.npy", np.array(as_of(client, ids)))
        elif request.param == "csv":
            csv.write_csv(table, folder / f"{name}.csv")
        else:
            parquet.write_table(table, folder / f"{name}.parquet")
    return ["--labeled", f"labeled.{request.param}", "--new", f"new.{request.param}"]


@pytest.fixture
def labeled(folder: Path, client: Client) -> str:
    """A file of ids in its only column, whatever its name."""
    parquet.write_table(pa.table({"which": as_of(client, NEW)}), folder / "labeled.parquet")
    return "labeled.parquet"


def read(path: str) -> pa.Table:
    return parquet.read_table(path) if path.endswith("parquet") else csv.read_csv(path)


@pytest.mark.parametrize("output", ["c.parquet", "c.csv"])
def test_the_candidates_of_new_rows_are_written(
    assayctl: Assayctl, client: Client, files: list[str], output: str
) -> None:
    said = assayctl.done("candidates", *files, "--output", output, "-k", 8)
    expected = client.expand_candidates(
        as_of(client, NEW), labeled_ids=as_of(client, np.concatenate([NEW, OLD])), k=8
    )
    found = read(output)
    assert found.column_names == ["id", "source", "similarity"]
    assert list(map(str, found["id"].to_pylist())) == list(map(str, expected.ids))
    assert list(map(str, found["source"].to_pylist())) == list(map(str, expected.sources))
    np.testing.assert_allclose(found["similarity"].to_numpy(), expected.similarities, rtol=1e-6)
    assert said == f"{output}: {len(expected)} candidates, neighbours of 5 labelled rows\n"


def test_all_labelled_rows_are_new_where_none_are_named(assayctl: Assayctl, client: Client, labeled: str) -> None:
    assayctl.done("candidates", "--labeled", labeled, "--output", "c.parquet")
    expected = client.expand_candidates(as_of(client, NEW), labeled_ids=[])
    assert read("c.parquet")["id"].to_pylist() == expected.ids.tolist()


@pytest.mark.parametrize("before", ["before.parquet", "before.csv"])
def test_candidates_of_before_are_kept_unless_they_are_labelled(
    assayctl: Assayctl, client: Client, folder: Path, before: str
) -> None:
    first, second = as_of(client, NUMBERS[[1]]), as_of(client, NUMBERS[[2]])
    assayctl.done("candidates", "--labeled", saved(folder, "a", first), "--output", before, "-k", 9)
    labeled = [*first, *second, client.expand_candidates(first, labeled_ids=[], k=9).ids.tolist()[3]]
    words = ["--labeled", saved(folder, "b", labeled), "--new", saved(folder, "c", second)]
    assayctl.done("candidates", *words, "--candidates", before, "--output", "now.parquet", "-k", 9)
    expected = {
        *client.expand_candidates(first, labeled_ids=[], k=9).ids.tolist(),
        *client.expand_candidates(second, labeled_ids=[], k=9).ids.tolist(),
    } - {*labeled}
    assert set(read("now.parquet")["id"].to_pylist()) == expected


def saved(folder: Path, name: str, ids: list[Any]) -> str:
    np.save(folder / f"{name}.npy", np.array(ids))
    return f"{name}.npy"


@pytest.mark.parametrize("measure", [None, "margin"])
def test_rows_are_chosen_by_the_models_own_scores(
    assayctl: Assayctl, client: Client, labeled: str, measure: str | None
) -> None:
    words = ["--labeled", labeled, "--output", "to_label.csv", "--count", 4, "-k", 12]
    flags = [] if measure is None else ["--measure", measure]
    said = assayctl.done("candidates", *words, *flags)
    new = as_of(client, NEW)
    wanted = {} if measure is None else {"measure": measure}
    expected = client.select_candidates(new, labeled_ids=new, count=4, k=12, **wanted)
    found = read("to_label.csv")
    assert found.column_names == ["id", "score", "source", "similarity", "random"]
    assert list(map(str, found["id"].to_pylist())) == list(map(str, expected.ids))
    assert said.startswith(
        f"to_label.csv: 4 rows of {expected.candidate_count} candidates, neighbours of 2 labelled"
    )


def test_rows_are_chosen_from_candidates_of_before_without_a_search(
    assayctl: Assayctl, client: Client, labeled: str
) -> None:
    assayctl.done("candidates", "--labeled", labeled, "--output", "c.parquet", "-k", 5)
    words = ["--labeled", labeled, "--candidates", "c.parquet", "--output", "to_label.csv", "--count", 3]
    document = assayctl.document(
        "candidates", *words, "--diversity", "k_center", "--random-share", 0.4, "--seed", 2
    )
    assert (document["rows"], document["new"], document["labeled"]) == (3, 0, 2)
    assert document["candidates"] == read("c.parquet").num_rows
    assert read("to_label.csv")["random"].to_pylist() == [False, False, True]
    assert document["effective_size"] > 1
    assert (document["warnings"], document["output"]) == ([], "to_label.csv")
    assert document["pool_digest"] == client.pool().digest
    assert document["model"]["name"] == "m"


def test_candidates_as_json_say_how_many(assayctl: Assayctl, labeled: str) -> None:
    document = assayctl.document("candidates", "--labeled", labeled, "--output", "c.parquet", "-k", 5)
    assert document["rows"] == read("c.parquet").num_rows
    assert "candidates" not in document


def test_a_warning_goes_to_stderr(folder: Path, tmp_path: Path) -> None:
    same = np.tile(VECTORS[:1], (40, 1))
    with serving(onnx_models.network(), pool=pools.write_pool(tmp_path / "same", same)) as server:
        result = Assayctl(server.address)(
            *("candidates", "--labeled", saved(folder, "a", [3]), "--output", "c.csv", "--count", 10, "--quiet")
        )
    assert result.exit_code == 0, result.output
    assert "assayctl: warning: the batch repeats itself" in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["--labeled", "none.csv"], 2, "--labeled: none.csv is not there"),
        (["--labeled", "ids.npy", "--new", "x.txt"], 2, "--new: x.txt must end in one of .parquet, .csv, .npy"),
        (["--labeled", "two.csv"], 2, "--id-column: two.csv has no column 'id', it has a, b"),
        (["--labeled", "two.csv", "--id-column", "c"], 2, "--id-column: two.csv has no column 'c', it has a, b"),
        (
            ["--labeled", "twice.parquet"],
            2,
            "--id-column: twice.parquet has more than one column 'id', it has id, id",
        ),
        (
            ["--labeled", "ids.npy", "--id-column", "c"],
            2,
            "--id-column: the rows of ids.npy have no named columns",
        ),
        (["--labeled", "floats.npy"], 1, "floats.npy: ids: is of type float64, allowed are text and whole"),
        (["--labeled", "empty.npy"], 1, "empty.npy: holds no ids"),
        (["--labeled", "ids.npy", "--new", "empty.npy"], 1, "empty.npy: holds no ids"),
        (
            ["--labeled", "ids.npy", "--candidates", "two.csv"],
            2,
            "--candidates: two.csv has no column 'id': it is not",
        ),
        (
            ["--labeled", "ids.npy", "--candidates", "texts.parquet"],
            1,
            "texts.parquet: the column 'similarity' holds",
        ),
        (
            ["--labeled", "ids.npy", "--output", "ids.npy"],
            2,
            "--output: ids.npy must end in one of .parquet, .csv",
        ),
        (["--labeled", "two.csv", "--output", "two.csv"], 2, "--output: two.csv is the input"),
        (["--labeled", "ids.npy", "--measure", "margin"], 2, "--measure: says how to choose, --count how many"),
        (
            ["--labeled", "ids.npy", "--random-share", "0.1"],
            2,
            "--random-share: says how to choose, --count how many",
        ),
        (["--labeled", "ids.npy", "-k", "300"], 1, "INVALID_ARGUMENT: k: is 300, allowed are 1 to 200"),
    ],
)
@pytest.mark.usefixtures("wrong_files")
def test_what_cannot_be_is_one_sentence(
    assayctl: Assayctl, folder: Path, words: list[str], code: int, sentence: str
) -> None:
    output = [] if "--output" in words else ["--output", "c.csv"]
    assert assayctl.refusal("candidates", *words, *output, code=code).startswith(sentence)
    assert not (folder / "c.csv").exists()


@pytest.fixture
def wrong_files(client: Client, folder: Path) -> None:
    """And one that is right, ids.npy."""
    csv.write_csv(pa.table({"a": [1], "b": [2]}), folder / "two.csv")
    twice = pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["id", "id"])
    parquet.write_table(twice, folder / "twice.parquet")
    saved(folder, "ids", as_of(client, NEW))
    saved(folder, "floats", [0.5])
    np.save(folder / "empty.npy", np.empty(0, np.int64))
    texts = {"id": as_of(client, NEW), "source": as_of(client, NEW), "similarity": ["a", "b"]}
    parquet.write_table(pa.table(texts), folder / "texts.parquet")


def test_numbers_are_read_from_csv_as_the_pool_has_them(assayctl: Assayctl, client: Client, folder: Path) -> None:
    (folder / "l.csv").write_text("id\nnot a number\n")
    sentence = assayctl.refusal("candidates", "--labeled", "l.csv", "--output", "c.csv")
    if client.pool().id_type == "int64":
        assert sentence.startswith("l.csv: cannot be read: ")
    else:
        assert sentence == "NOT_FOUND: new_ids[0]: 'not a number' is not an id of the pool, which has 200 rows"


def test_a_rate_that_was_not_measured_is_not_shown() -> None:
    with serving() as demo:
        text = Assayctl(demo.address).done("pool")
    assert "rows        450, with ids of type int64\n" in text
    assert "searches" not in text


def test_the_pool_is_described(assayctl: Assayctl, client: Client) -> None:
    info = client.pool()
    text = assayctl.done("pool")
    assert f"digest      {info.digest}\n" in text
    assert f"rows        200, with ids of type {info.id_type}\n" in text
    assert "vectors     32 wide, as they were given\n" in text
    assert "recall      1.0000 of the " in text
    assert "similarity  cosine\n" in text
    assert "index       flat\n" in text
    assert f"searches    {info.queries_per_second:,.0f} a second; exact" in text
    document = assayctl.document("pool")
    assert document["model"] == {"name": "m", "version": 1, "digest": info.model.digest}
    assert document["recall_k"] == info.recall_k


def test_an_index_and_where_vectors_are_from_are_described(client: Client) -> None:
    parameters = {"cells": "16", "probes": "4"}
    made = {"index_kind": "ivf", "index_parameters": parameters, "embedding": "h", "model_digest": "sha256:ab"}
    rates = {"queries_per_second": 12_345.6, "exact_queries_per_second": 99.9}
    lines = dict(described(replace(client.pool(), **made, **rates)))
    assert lines["searches"] == "12,346 a second; exact 100"
    assert lines["index"] == "ivf (cells 16, probes 4)"
    assert lines["vectors"] == "32 wide, h of sha256:ab"


def test_no_pool_is_one_sentence() -> None:
    with serving(onnx_models.network()) as server:
        assert "has no pool" in Assayctl(server.address).refusal("pool")
