"""Columns of Arrow as arrays: every kind of type that it has, in one chunk, in many and in none."""

import datetime
import decimal

import numpy as np
import pyarrow as pa
import pytest

from client.fed import ANY, SCALAR, TEXT, assert_same, fed_one, refusal, takes

nan = np.nan


def column(values: object, kind: pa.DataType | None = None) -> pa.Table:
    given = isinstance(values, pa.Array | pa.ChunkedArray)
    return pa.table({"x": values if given else pa.array(values, kind)})


@pytest.mark.parametrize("name", ["uint8", "int8", "int16", "uint32", "uint64", "float32", "float64"])
def test_numbers_keep_their_type(name: str) -> None:
    assert_same(fed_one(column([0, 1], getattr(pa, name)()), SCALAR), [0, 1], name)


def test_half_precision_and_truth_values_keep_their_type() -> None:
    assert_same(fed_one(column(np.array([1, 2], np.float16)), SCALAR), [1, 2], "float16")
    assert_same(fed_one(column([True, False]), SCALAR), [True, False], bool)


@pytest.mark.parametrize(
    ("values", "kind", "expected"),
    [
        ([1, None], pa.int64(), "float64"),
        ([1, None], pa.uint8(), "float64"),
        ([1, None], pa.float32(), "float32"),
        ([True, None], pa.bool_(), "float64"),
        (pa.array([1, None]).dictionary_encode(), None, "float64"),
    ],
    ids=str,
)
def test_missing_numbers_are_nan(values: object, kind: pa.DataType | None, expected: str) -> None:
    assert_same(fed_one(column(values, kind), SCALAR), [1, nan], expected)


def test_a_column_of_nothing_is_nan() -> None:
    assert_same(fed_one(column(pa.nulls(2)), SCALAR), [nan, nan], "float32")


TEXTS = [pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int32(), pa.string())]


@pytest.mark.parametrize("kind", TEXTS, ids=str)
def test_text_is_text(kind: pa.DataType) -> None:
    assert_same(fed_one(column(["a", "é", "a"], kind), TEXT), [["a"], ["é"], ["a"]], object)


@pytest.mark.parametrize("kind", TEXTS, ids=str)
def test_missing_text_is_refused_by_column_and_row(kind: pa.DataType) -> None:
    words = "inputs: column 'x' has no text in row 1, only numbers may be missing"
    assert refusal(column(["a", None, None], kind), TEXT) == words


LISTS = [pa.list_(pa.float32()), pa.large_list(pa.float32()), pa.list_(pa.float32(), 2)]


@pytest.mark.parametrize("kind", LISTS, ids=str)
def test_lists_are_rows(kind: pa.DataType) -> None:
    assert_same(fed_one(column([[1, 2], [3, None]], kind)), [[1, 2], [3, nan]], "float32")


@pytest.mark.parametrize("kind", LISTS, ids=str)
def test_a_part_of_a_table_is_only_that_part(kind: pa.DataType) -> None:
    table = column([[1, 2], [3, 4], [5, 6]], kind)
    assert_same(fed_one(table.slice(1, 1)), [[3, 4]], "float32")


@pytest.mark.parametrize("kind", LISTS, ids=str)
def test_lists_in_several_chunks_are_whole(kind: pa.DataType) -> None:
    chunks = pa.chunked_array([pa.array([[1, 2]], kind), pa.array([[3, 4], [5, 6]], kind)])
    assert_same(fed_one(column(chunks)), [[1, 2], [3, 4], [5, 6]], "float32")


@pytest.mark.parametrize("kind", LISTS, ids=str)
def test_a_missing_list_is_refused_by_column_and_row(kind: pa.DataType) -> None:
    words = "inputs: column 'x' has no list in row 1, only numbers may be missing"
    assert refusal(column([[1, 2], None], kind)) == words


def test_lists_of_lists_and_of_text_are_rows() -> None:
    values = [[[1, 2], [3, 4]], [[5, 6], [7, 8]]]
    assert_same(fed_one(column(values), takes(2, 2)), values, "int64")
    assert_same(fed_one(column([["a", "b"]]), TEXT), [["a", "b"]], object)


def test_lists_of_different_lengths_are_refused_by_column_and_row() -> None:
    words = "inputs: column 'x' has lists of different lengths: "
    assert refusal(column([[1, 2], [3, 4], [5]])) == words + "2 in row 0, 1 in row 2"
    assert refusal(column([[[1, 2], [3, 4]], [[1, 2], [3]]])) == words + "2 in row 0, 1 in row 1"


@pytest.mark.parametrize("kind", [pa.float64(), pa.bool_(), pa.string(), *LISTS], ids=str)
def test_a_column_without_chunks_is_no_rows(kind: pa.DataType) -> None:
    spec = takes(2, data_type="string" if kind == pa.string() else "float32")
    array = fed_one(column(pa.chunked_array([], kind)), spec)
    assert_same(array, np.empty((0, 2)), object if kind == pa.string() else "float32")


@pytest.mark.parametrize(
    "values",
    [
        [datetime.date(2020, 1, 1)],
        [decimal.Decimal("1.5")],
        [{"a": 1}],
        [b"a"],
        [[datetime.date(2020, 1, 1)]],
        pa.array([[("a", 1)]], pa.map_(pa.string(), pa.int8())),
        pa.array([datetime.date(2020, 1, 1)]).dictionary_encode(),
    ],
    ids=str,
)
def test_a_type_that_no_tensor_has_is_refused_by_name(values: object) -> None:
    table = column(values)
    allowed = "allowed are numbers, truth values, text, and lists of these"
    assert refusal(table) == f"inputs: column 'x' holds {table.schema.types[0]}, {allowed}"


def test_a_record_batch_is_a_table() -> None:
    batch = pa.record_batch({"id": ["a", "b"], "q": [[1, 2], [3, 4]]})
    assert_same(fed_one(batch, ANY), [[1, 2], [3, 4]], "int64")


def test_columns_of_numbers_are_read_without_a_copy() -> None:
    values = np.arange(4, dtype=np.float32)
    assert np.shares_memory(fed_one(column(pa.array(values)), SCALAR), values)
