"""`assayctl rank`: the rows that one rank of the whole file would choose, from every kind of file."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import csv, parquet
from scipy.special import softmax
from scipy.stats import entropy

from client.cli.conftest import Assayctl

POOLS = ["pool.parquet", "pool.csv", "pool.npy"]


def best(x: np.ndarray, count: int) -> list[int]:
    scores = entropy(softmax(x.astype(np.float64), axis=1), axis=1)
    return np.argsort(-scores, kind="stable")[:count].tolist()


def read(path: str) -> pa.Table:
    return parquet.read_table(path) if path.endswith("parquet") else csv.read_csv(path)


@pytest.mark.parametrize("name", POOLS)
@pytest.mark.parametrize("output", ["chosen.parquet", "chosen.csv"])
def test_the_most_uncertain_rows_are_written_best_first(
    assayctl: Assayctl, pool: pa.Table, x: np.ndarray, name: str, output: str
) -> None:
    id_column = [] if name == "pool.npy" else ["--id-column", "id"]
    words = ["--input", name, "--output", output, "--measure", "max_entropy", "--count", 20, "--temperature", 20]
    said = assayctl.done("rank", *words, "--batch-rows", 300, *id_column)
    chosen = read(output)
    assert chosen.column("position").to_pylist() == best(x / 20, 20)
    assert chosen.column_names == ["position", *(["id"] if id_column else []), "score"]
    if id_column:
        expected = [pool.column("id")[row].as_py() for row in best(x / 20, 20)]
        assert list(map(str, chosen.column("id").to_pylist())) == [str(read_id(output, each)) for each in expected]
    assert said.startswith(f"{output}: 20 rows of 1,000, which amount to ")
    assert said.endswith("different, by m\n")


def read_id(output: str, name: str) -> Any:
    """CSV has no types: 0042 is read as 42."""
    return int(name) if output.endswith("csv") else name


def test_a_diverse_batch_comes_with_what_is_known_of_it_as_json(assayctl: Assayctl, pool: pa.Table) -> None:
    words = ["--input", "pool.parquet", "--output", "c.csv", "--measure", "margin", "--id-column", "id"]
    document = assayctl.document("rank", *words, "--count", 10, "--diversity", "k_center", "--seed", 3)
    assert (document["rows"], document["chosen"], document["invalid_rows"]) == (1000, 10, 0)
    assert document["output"] == "c.csv"
    assert 1 <= document["effective_size"] <= 10
    assert document["model"]["name"] == "m"


def test_repeated_rows_come_with_a_warning_on_stderr(assayctl: Assayctl, folder: Path) -> None:
    np.save(folder / "same.npy", np.tile(np.float32([[1, 2, 3, 4]]), (50, 1)))
    result = assayctl("rank", "--input", "same.npy", "--output", "c.csv", "--measure", "margin", "--count", 10)
    assert (
        "assayctl: warning: the batch repeats itself: 9 of its 10 rows hardly differ from another" in result.stderr
    )


def test_invalid_rows_are_told(assayctl: Assayctl, folder: Path) -> None:
    np.save(folder / "nan.npy", np.float32([[1, 2, 3, 4], [np.nan] * 4]))
    said = assayctl.done("rank", "--input", "nan.npy", "--output", "c.csv", "--measure", "margin", "--count", 1)
    assert said.startswith("c.csv: 1 rows of 2, 1 of them invalid")


def test_nothing_is_said_where_quiet_is_asked_for(assayctl: Assayctl, pool: pa.Table) -> None:
    words = ["--input", "pool.npy", "--output", "c.csv", "--measure", "margin", "--count", 1, "--quiet"]
    assert assayctl.done("rank", *words) == ""


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["--measure", "bald"], 2, "'bald' is unknown, allowed are least_confidence"),
        (["--measure", "margin", "--diversity", "most"], 2, "'most' is unknown, allowed are stochastic"),
        (["--measure", "margin", "--input", "none.parquet"], 2, "none.parquet"),
        (["--measure", "margin", "--columns", "a,z"], 2, "has no column 'z', it has 'id', 'a', 'b', 'c', 'd'"),
        (["--measure", "margin", "--columns", "a,b"], 1, "the table has 2 columns"),
        (
            ["--measure", "mean_kl", "--columns", "a,b,c,d"],
            1,
            "mean_kl is of a committee, there is one opinion a row",
        ),
        (
            ["--measure", "mean_kl", "--committee", "m", "--columns", "a,b,c,d"],
            1,
            "committee.models.models: has 1 models, allowed are 2 to 64",
        ),
        (["--measure", "margin", "--id-column", "score"], 2, "--id-column: pool.parquet has no column 'score'"),
        (["--measure", "margin", "--model", "none"], 1, "'none' is not loaded"),
    ],
)
def test_what_cannot_be_is_one_sentence(
    assayctl: Assayctl, pool: pa.Table, words: list[str], code: int, sentence: str
) -> None:
    common = ["--input", "pool.parquet", "--output", "c.csv", "--count", "5"]
    result = assayctl("rank", *common, *words)
    assert (result.exit_code, result.stdout) == (code, "")
    assert sentence in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert not Path("c.csv").exists()


def test_a_column_of_ids_may_not_take_a_name_of_the_output(assayctl: Assayctl, folder: Path) -> None:
    parquet.write_table(pa.table({"score": [1], "a": [0.1]}), folder / "p.parquet")
    words = ["--input", "p.parquet", "--output", "c.csv", "--measure", "margin", "--count", 1]
    assert assayctl.refusal("rank", *words, "--id-column", "score", code=2) == (
        "--id-column: the output has a column 'score' of its own"
    )
