"""What `assayctl score` cannot do is told in one sentence, and leaves nothing behind."""

from collections.abc import Callable
from pathlib import Path

import grpc
import numpy as np
import pyarrow as pa
import pytest
from pyarrow import csv, parquet

from assayd.arrays import encode
from assayd.v1 import scoring_pb2
from client.cli.conftest import Assayctl

PARQUET = ["score", "--input", "pool.parquet", "--output", "scores.parquet"]


def told(assayctl: Assayctl, *words: object, code: int = 1) -> str:
    """The sentence of a command that leaves nothing behind but what there was."""
    before = set(Path().iterdir())
    sentence = assayctl.refusal(*words, code=code)
    assert set(Path().iterdir()) == before
    return sentence


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (["--columns", "a,z"], "--columns: pool.parquet has no column 'z', it has 'id', 'a', 'b', 'c', 'd'"),
        (["--id-column", "z"], "--id-column: pool.parquet has no column 'z', it has 'id', 'a', 'b', 'c', 'd'"),
        (["--columns", "a,b,a"], "--columns: 'a' is there more than once in what is read of pool.parquet"),
        (["--columns", ","], "--columns: no column of pool.parquet is left to feed the model"),
    ],
)
def test_wrong_columns_are_named(assayctl: Assayctl, pool: pa.Table, flags: list[str], sentence: str) -> None:
    assert told(assayctl, *PARQUET, *flags, code=2) == sentence


@pytest.mark.parametrize("path", ["pool.parquet", "pool.csv"])
@pytest.mark.parametrize("flags", [["--columns", "a,b,c,d"], ["--columns", "b,c,d", "--id-column", "a"]])
def test_a_name_that_two_columns_have_tells_neither(assayctl: Assayctl, path: str, flags: list[str]) -> None:
    table = pa.table([[float(place)] for place in range(5)], names=["a", "b", "c", "d", "a"])
    parquet.write_table(table, "pool.parquet")
    csv.write_csv(table, "pool.csv")
    sentence = told(assayctl, "score", "--input", path, "--output", "scores.parquet", *flags, code=2)
    assert sentence == f"--columns: 'a' is there more than once in what is read of {path}"


def test_only_the_first_of_many_columns_are_listed(assayctl: Assayctl) -> None:
    parquet.write_table(pa.table({f"c{place}": [0] for place in range(30)}), "pool.parquet")
    assert told(assayctl, *PARQUET, "--columns", "z", code=2).endswith("'c18', 'c19' and 10 more")


@pytest.mark.parametrize("flag", ["--columns", "--id-column"])
def test_an_array_has_no_columns(assayctl: Assayctl, pool: pa.Table, flag: str) -> None:
    words = ["score", "--input", "pool.npy", "--output", "scores.parquet", flag, "a"]
    assert told(assayctl, *words, code=2) == f"{flag}: the rows of pool.npy have no named columns"


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("none.parquet", "--input: none.parquet is not there"),
        ("folder.csv", "--input: folder.csv is a folder"),
        ("pool.txt", "--input: pool.txt must end in one of .parquet, .csv, .npy"),
    ],
)
def test_an_input_that_is_not_there_is_named(assayctl: Assayctl, path: str, sentence: str) -> None:
    Path("folder.csv").mkdir()
    assert told(assayctl, "score", "--input", path, "--output", "scores.parquet", code=2) == sentence


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("scores.npy", "--output: scores.npy must end in one of .parquet, .csv"),
        ("none/scores.csv", "--output: there is no folder none"),
        ("folder.csv", "--output: folder.csv is a folder"),
    ],
)
def test_an_output_that_cannot_be_is_named(assayctl: Assayctl, pool: pa.Table, path: str, sentence: str) -> None:
    Path("folder.csv").mkdir()
    assert told(assayctl, "score", "--input", "pool.npy", "--output", path, code=2) == sentence


def test_the_input_is_not_overwritten(assayctl: Assayctl, pool: pa.Table) -> None:
    words = ["score", "--input", "pool.csv", "--output", "../work/pool.csv", "--overwrite"]
    assert told(assayctl, *words, code=2) == "--output: ../work/pool.csv is the input"


def test_ids_that_csv_does_not_hold_are_refused_before_much_is_scored(assayctl: Assayctl, x: np.ndarray) -> None:
    table = pa.table({"id": [[1, 2]] * len(x), **dict(zip("abcd", x.T, strict=True))})
    parquet.write_table(table, "pool.parquet")
    words = ["score", "--input", "pool.parquet", "--id-column", "id", "--output", "scores.csv"]
    sentence = told(assayctl, *words, code=2)
    assert sentence.startswith("--output: .csv does not hold all columns: Unsupported Type:list<")


def test_a_folder_that_cannot_be_written_is_named(assayctl: Assayctl, pool: pa.Table) -> None:
    words = ["score", "--input", "pool.npy", "--output", "/proc/scores.csv"]
    assert told(assayctl, *words).startswith("/proc/scores.csv.parts: ")


def write_parquet_half(path: Path) -> None:
    content = Path("pool.parquet").read_bytes()
    path.write_bytes(content[: len(content) // 2])


def write_broken_page(path: Path) -> None:
    content = bytearray(Path("pool.parquet").read_bytes())
    content[1000:3000] = b"x" * 2000
    path.write_bytes(content)


def write_csv(path: Path) -> None:
    path.write_bytes(Path("pool.csv").read_bytes())


def write_parquet(path: Path) -> None:
    path.write_bytes(Path("pool.parquet").read_bytes())


def write_short_line(path: Path) -> None:
    path.write_text("a,b,c,d\n1,2,3,4\n1,2,3\n")


def write_text_for_a_number(path: Path) -> None:
    path.write_text("a,b,c,d\n1,2,3,4\n1,2,3,four\n")


def write_numbers_only(path: Path) -> None:
    path.write_text("1,2,3,4\n5,6,7,8\n")


def write_latin(path: Path) -> None:
    path.write_bytes("größe,b,c,d\n1,2,3,4\n".encode("latin-1"))


def write_nothing(path: Path) -> None:
    path.write_bytes(b"")


def write_objects(path: Path) -> None:
    np.save(path, np.array([{}], object), allow_pickle=True)


def write_half_an_array(path: Path) -> None:
    content = Path("pool.npy").read_bytes()
    path.write_bytes(content[: len(content) // 2])


def write_one_number(path: Path) -> None:
    np.save(path, np.float32(1))


BAD_FILES: list[tuple[str, Callable[[Path], None], str]] = [
    ("bad.parquet", write_parquet_half, "is not Parquet, or was not written to its end"),
    ("bad.parquet", write_csv, "is not Parquet, or was not written to its end"),
    ("bad.parquet", write_nothing, "is not Parquet, or was not written to its end"),
    ("bad.parquet", write_broken_page, "cannot be read: "),
    ("bad.csv", write_parquet, "is not CSV: it holds bytes that no text has"),
    ("bad.csv", write_short_line, "Row #3: Expected 4 columns, got 3: 1,2,3"),
    ("bad.csv", write_text_for_a_number, "Row #3: CSV conversion error to float: invalid value 'four'"),
    ("bad.csv", write_numbers_only, "the first line holds numbers only, it must name the columns"),
    ("bad.csv", write_latin, "cannot be read as CSV: "),
    ("bad.csv", write_nothing, "cannot be read as CSV: Empty CSV file"),
    ("bad.npy", write_csv, "is not a .npy file of numbers, or was not written to its end"),
    ("bad.npy", write_objects, "is not a .npy file of numbers, or was not written to its end"),
    ("bad.npy", write_half_an_array, "is not a .npy file of numbers, or was not written to its end"),
    ("bad.npy", write_one_number, "holds a single number, rows need an array of at least one axis"),
]


@pytest.mark.parametrize(
    ("name", "write", "words"), BAD_FILES, ids=[f"{name}-{write.__name__}" for name, write, _ in BAD_FILES]
)
def test_a_file_that_is_not_what_it_should_be(
    assayctl: Assayctl, pool: pa.Table, name: str, write: Callable[[Path], None], words: str
) -> None:
    write(Path(name))
    flags = ["--columns", "a,b,c,d"] if write is write_broken_page else []
    sentence = told(assayctl, "score", "--input", name, "--output", "scores.parquet", *flags)
    assert sentence.startswith(f"{name}: ")
    assert words in sentence


def test_a_very_long_line_is_quoted_in_part(assayctl: Assayctl) -> None:
    Path("bad.csv").write_text("a,b,c,d\n" + "9" * 10_000 + "\n")
    sentence = told(assayctl, "score", "--input", "bad.csv", "--output", "scores.parquet")
    assert len(sentence) < 300
    assert sentence.endswith("999 ...")


def test_columns_that_do_not_fit_the_model(assayctl: Assayctl, pool: pa.Table) -> None:
    sentence = told(assayctl, *PARQUET, "--columns", "a,b")
    assert sentence.startswith("pool.parquet: ")
    assert "2 columns" in sentence
    assert "'x' takes (" in sentence


def test_an_array_that_does_not_fit_the_model(assayctl: Assayctl) -> None:
    np.save("pool.npy", np.zeros((3, 7), np.float32))
    sentence = told(assayctl, "score", "--input", "pool.npy", "--output", "scores.parquet")
    assert sentence.startswith("INVALID_ARGUMENT: rows.inputs.tensors[0].shape: is [3, 7]")


def test_an_id_column_with_the_name_of_a_score(assayctl: Assayctl, pool: pa.Table) -> None:
    parquet.write_table(pool.rename_columns(["valid", "a", "b", "c", "d"]), "pool.parquet")
    assert told(assayctl, *PARQUET, "--id-column", "valid", code=2) == (
        "--id-column: the scores have a column 'valid' of their own"
    )


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--model", "zzz"], "NOT_FOUND: model.name: 'zzz' is not loaded"),
        (["--version", "9"], "NOT_FOUND: model.version: "),
        (["--top-k", "5"], "INVALID_ARGUMENT: top_k: is 5, allowed are 0 to 4"),
        (["--temperature", "0"], "INVALID_ARGUMENT: temperature: is 0"),
    ],
)
def test_what_the_server_refuses_is_told(assayctl: Assayctl, pool: pa.Table, flags: list[str], words: str) -> None:
    assert told(assayctl, *PARQUET, "--id-column", "id", *flags).startswith(words)


def test_a_server_that_is_not_there_is_named(refusing_address: str, pool: pa.Table) -> None:
    sentence = told(Assayctl(refusing_address), *PARQUET, code=3)
    assert sentence.startswith(f"UNAVAILABLE: no server answers at {refusing_address}: ")


def test_replicas_with_different_files_are_told_apart(bare_server: Callable[..., str], pool: pa.Table) -> None:
    model = scoring_pb2.Model(
        identity=scoring_pb2.ModelIdentity(name="m", version=1, digest="sha256:one"),
        inputs=[scoring_pb2.TensorSpec(name="x", data_type="DATA_TYPE_FLOAT32", shape=[-1, 4])],
    )
    contract = scoring_pb2.GetModelResponse(model=model).SerializeToString()
    scored = scoring_pb2.ScoreResponse(
        predictions=encode(np.zeros(1000, np.int32)),
        model=scoring_pb2.ModelIdentity(name="m", version=1, digest="sha256:two"),
    ).SerializeToString()

    def answer(request: bytes, _context: grpc.ServicerContext) -> bytes:
        return scored if len(request) > 100 else contract

    sentence = told(Assayctl(bare_server(answer)), "score", "--input", "pool.npy", "--output", "scores.parquet")
    assert sentence == "replicas serve different files as m version 1: sha256:one and sha256:two"
