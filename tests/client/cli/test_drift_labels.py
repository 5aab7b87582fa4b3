"""`assayctl drift --labels`: what the client says of the same rows and labels, of files."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import csv, parquet

import onnx_models
import references
from assayd.testing import Server, serving
from client.cli.conftest import COLUMNS, Assayctl

DRIFTED = 4
RNG = np.random.default_rng(3)


def labelled(count: int, *, wrong: float = 0.1) -> tuple[np.ndarray, np.ndarray]:
    """Rows of four classes, whose logits they are, and labels of which a share is drawn by chance."""
    true = RNG.integers(0, 4, count)
    rows = (RNG.normal(size=(count, 4)) + 4 * np.eye(4)[true]).astype(np.float32)
    return rows, np.where(RNG.random(count) < wrong, RNG.integers(0, 4, count), true)


X, LABELS = labelled(900, wrong=0.5)
LABELS[[3, 500]] = -1
FILES = {
    "rows.npy": ["--labels", "labels.npy"],
    "rows.csv": ["--labels", "kind", "--id-column", "id"],
    "rows.parquet": ["--labels", "kind", "--id-column", "id"],
    "encoded.parquet": ["--labels", "kind", "--columns", ",".join(COLUMNS)],
    "beside.parquet": ["--labels", "labels.npy"],
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """With a reference that has labels."""
    folder = tmp_path_factory.mktemp("reference")
    rows, labels = labelled(3000)
    reference = references.write_reference(folder, onnx_models.identity(), rows, labels=labels)
    with serving(folder / "model.onnx", reference=reference) as server:
        yield server


@pytest.fixture(autouse=True)
def files(folder: Path) -> None:
    """The same rows and labels in each of FILES."""
    rows = pa.table(dict(zip(COLUMNS, X.T, strict=True)))
    kinds = pa.array(LABELS, mask=LABELS < 0)
    table = rows.append_column("id", pa.array(range(900))).append_column("kind", kinds)
    parquet.write_table(table, folder / "rows.parquet", row_group_size=250)
    csv.write_csv(table, folder / "rows.csv")
    encoded = rows.append_column("kind", kinds.cast(pa.string()).dictionary_encode())
    parquet.write_table(encoded, folder / "encoded.parquet", row_group_size=250)
    parquet.write_table(rows, folder / "beside.parquet")
    np.save(folder / "rows.npy", X)
    np.save(folder / "labels.npy", LABELS)


def document(assayctl: Assayctl, *words: object) -> Any:
    result = assayctl("drift", "--input", *words, "--json")
    assert (result.exit_code, result.stderr) == (DRIFTED, ""), result.output
    return json.loads(result.stdout)


@pytest.mark.parametrize("sampled", [{}, {"sample_rows": 120, "seed": 5}])
@pytest.mark.parametrize("name", FILES)
def test_labels_of_a_file_are_compared_as_by_the_client(
    assayctl: Assayctl, server: Server, name: str, sampled: dict[str, int]
) -> None:
    expected = server.client().test_drift(X, labels=LABELS, **sampled)
    words = [part for flag, value in sampled.items() for part in (f"--{flag.replace('_', '-')}", value)]
    found = document(assayctl, name, *FILES[name], *words)
    counts = {column["name"]: column["window_counts"] for column in found["columns"]}
    assert counts == {column.name: [*column.window_counts] for column in expected.columns}
    assert sum(counts["label"]) > 100
    assert found["class_shares_observed"]
    assert found["rows"] == expected.row_count


def test_labels_that_no_more_go_with_their_rows_are_what_drifts(assayctl: Assayctl) -> None:
    found = document(assayctl, "rows.csv", *FILES["rows.csv"])
    assert [column["name"] for column in found["columns"] if column["drifted"]] == ["error"]
    said = assayctl("drift", "--input", "rows.npy", "--labels", "labels.npy", "--compare", "error").stdout
    assert said.startswith("1 of 1 columns have drifted: 900 rows")


def test_scores_have_labels_too(assayctl: Assayctl) -> None:
    found = document(assayctl, "rows.npy", "--as", "logits", "--labels", "labels.npy", "--compare", "label,error")
    assert {column["name"] for column in found["columns"]} == {"label", "error"}


@pytest.mark.parametrize(
    ("given", "code", "sentence"),
    [
        (["rows.npy", "kind"], 2, "--labels: the rows of rows.npy have no named columns, give a .npy file"),
        (["rows.csv", "label"], 2, "--labels: rows.csv has no column 'label', and it is no .npy file"),
        (
            ["rows.csv", "id", "--id-column", "id"],
            2,
            "--labels: 'id' is among the columns that are something else",
        ),
        (["rows.npy", "none.npy"], 2, "--labels: none.npy is not there"),
        (["rows.npy", "two.npy"], 2, "--labels: two.npy has more than one label a row"),
        (
            ["rows.npy", "labels.npy", "--as", "embeddings"],
            2,
            "--labels: are compared with predictions, which embeddings alone do not have",
        ),
        (["rows.npy", "short.npy"], 1, "--labels: short.npy has not as many labels as the input has rows"),
        (["beside.parquet", "long.npy"], 1, "--labels: long.npy has not as many labels as the input has rows"),
        (["rows.npy", "none_at_all.npy"], 1, "--labels: none_at_all.npy has not as many labels"),
        (["rows.npy", "floats.npy"], 1, "floats.npy: 0.5 is neither a class, nor the position of one"),
        (["rows.npy", "seven.npy"], 1, "seven.npy: 7 is neither a class, nor the position of one"),
        (["rows.csv", "a"], 1, "rows.csv: a: '"),
        (
            ["rows.npy", "complex.npy"],
            1,
            "complex.npy: values of type complex128 are neither names of classes nor",
        ),
        (
            ["lists.parquet", "kind"],
            1,
            "lists.parquet: kind: values of type list<element: int64> are neither names",
        ),
    ],
)
def test_labels_that_cannot_be_are_one_sentence(
    assayctl: Assayctl, folder: Path, given: list[object], code: int, sentence: str
) -> None:
    arrays = {
        "two": np.zeros((900, 2), int),
        "short": LABELS[:800],
        "long": np.append(LABELS, 1),
        "none_at_all": LABELS[:0],
        "floats": np.full(900, 0.5),
        "seven": np.full(900, 7),
        "complex": LABELS.astype(complex),
    }
    lists = pa.table({**dict(zip(COLUMNS, X.T, strict=True)), "kind": [[one] for one in LABELS.tolist()]})
    parquet.write_table(lists, folder / "lists.parquet")
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array)
    words = ["--input", given[0], "--labels", *given[1:]]
    assert assayctl.refusal("drift", *words, code=code).startswith(sentence)


def test_a_reference_without_labels_is_told(folder: Path) -> None:
    reference = references.write_reference(folder / "other", onnx_models.identity(), labelled(400)[0])
    with serving(folder / "other" / "model.onnx", reference=reference) as server:
        words = ["drift", "--input", "rows.npy", "--labels", "labels.npy"]
        sentence = Assayctl(server.address).refusal(*words)
    assert "has no labels to compare with: make one with assayd reference build --labels" in sentence
