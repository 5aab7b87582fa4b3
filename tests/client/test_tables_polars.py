"""Columns of polars as arrays: every kind of data type that it has, without pyarrow."""

import datetime
import decimal
import subprocess
import sys

import numpy as np
import polars as pl
import pytest

from client.fed import ANY, SCALAR, TEXT, assert_same, fed_one, refusal, takes

nan = np.nan


def column(values: object, dtype: object = None) -> pl.DataFrame:
    return pl.DataFrame({"x": pl.Series(values, dtype=dtype)})


@pytest.mark.parametrize("dtype", ["UInt8", "Int8", "Int16", "UInt32", "UInt64", "Float32", "Float64"])
def test_numbers_keep_their_type(dtype: str) -> None:
    assert_same(fed_one(column([0, 1], getattr(pl, dtype)), SCALAR), [0, 1], dtype.lower())


def test_truth_values_keep_their_type() -> None:
    assert_same(fed_one(column([True, False]), SCALAR), [True, False], bool)


@pytest.mark.parametrize(
    ("values", "dtype", "expected"),
    [
        ([1, None], pl.Int64, "float64"),
        ([1, None], pl.UInt32, "float64"),
        ([1, None], pl.Float32, "float32"),
        ([True, None], pl.Boolean, "float64"),
    ],
)
def test_missing_numbers_are_nan(values: list[object], dtype: object, expected: str) -> None:
    assert_same(fed_one(column(values, dtype), SCALAR), [1, nan], expected)


def test_a_column_of_nothing_is_nan() -> None:
    assert_same(fed_one(column([None, None]), SCALAR), [nan, nan], "float32")


TEXTS = [pl.String, pl.Categorical, pl.Enum(["a", "é"])]


@pytest.mark.parametrize("dtype", TEXTS, ids=str)
def test_text_is_text(dtype: object) -> None:
    assert_same(fed_one(column(["a", "é", "a"], dtype), TEXT), [["a"], ["é"], ["a"]], object)


@pytest.mark.parametrize("dtype", TEXTS, ids=str)
def test_missing_text_is_refused_by_column_and_row(dtype: object) -> None:
    words = "inputs: column 'x' has no text in row 1, only numbers may be missing"
    assert refusal(column(["a", None, None], dtype), TEXT) == words


@pytest.mark.parametrize(
    ("values", "dtype", "expected", "expected_dtype"),
    [
        ([[1, 2], [3, 4]], pl.List(pl.Int64), [[1, 2], [3, 4]], "int64"),
        ([[1, 2], [3, 4]], pl.Array(pl.Float32, 2), [[1, 2], [3, 4]], "float32"),
        ([[1, None], [3, 4]], pl.List(pl.Int64), [[1, nan], [3, 4]], "float64"),
        ([["a"], ["b"]], pl.List(pl.String), [["a"], ["b"]], object),
        ([["a"], ["b"]], pl.List(pl.Categorical), [["a"], ["b"]], object),
        ([[], []], pl.List(pl.Int8), np.empty((2, 0)), "int8"),
    ],
    ids=str,
)
def test_lists_are_rows(values: object, dtype: object, expected: object, expected_dtype: object) -> None:
    spec = TEXT if expected_dtype is object else ANY
    assert_same(fed_one(column(values, dtype), spec), expected, expected_dtype)


@pytest.mark.parametrize("dtype", [pl.List(pl.List(pl.Int64)), pl.Array(pl.Int64, (2, 2))], ids=str)
def test_lists_of_lists_are_rows(dtype: object) -> None:
    values = [[[1, 2], [3, 4]], [[5, 6], [7, 8]]]
    assert_same(fed_one(column(values, dtype), takes(2, 2)), values, "int64")


@pytest.mark.parametrize(
    ("values", "lengths"),
    [
        ([[1, 2], [3, 4], [5]], "2 in row 0, 1 in row 2"),
        ([[[1, 2], [3, 4]], [[1, 2], [3]]], "2 in row 0, 1 in row 1"),
    ],
    ids=str,
)
def test_lists_of_different_lengths_are_refused_by_column_and_row(values: list[object], lengths: str) -> None:
    assert refusal(column(values)) == f"inputs: column 'x' has lists of different lengths: {lengths}"


@pytest.mark.parametrize("dtype", [pl.List(pl.Int64), pl.Array(pl.Int64, 1)], ids=str)
def test_a_missing_list_is_refused_by_column_and_row(dtype: object) -> None:
    words = "inputs: column 'x' has no list in row 2, only numbers may be missing"
    assert refusal(column([[1], [2], None], dtype)) == words


@pytest.mark.parametrize(
    ("values", "holds"),
    [
        ([datetime.date(2020, 1, 1)], "Date"),
        ([datetime.timedelta(1)], "Duration"),
        ([decimal.Decimal("1.5")], "Decimal"),
        ([{"a": 1}], "Struct"),
        ([b"a"], "Binary"),
        ([[datetime.date(2020, 1, 1)]], "List(Date)"),
    ],
    ids=str,
)
def test_a_type_that_no_tensor_has_is_refused_by_name(values: list[object], holds: str) -> None:
    words = refusal(column(values))
    assert words.startswith(f"inputs: column 'x' holds {holds}")
    assert words.endswith(", allowed are numbers, truth values, text, and lists of these")


def test_columns_in_several_chunks_are_whole() -> None:
    frame = pl.concat([column([1, 2]), column([3])], rechunk=False)
    assert fed_one(frame, SCALAR).tolist() == [1, 2, 3]


def test_pyarrow_is_not_needed() -> None:
    code = """
import sys
sys.modules["pyarrow"] = None
import polars
from assayd.tables.detection import table_of
frame = polars.DataFrame({"t": ["a"], "n": [None], "l": [[1, 2]], "b": [True], "c": [1.5]})
for column in table_of(frame).columns:
    print(column.values().tolist())
"""
    run = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True, timeout=60)
    assert (run.stderr, run.stdout.split()) == ("", ["['a']", "[nan]", "[[1,", "2]]", "[True]", "[1.5]"])
