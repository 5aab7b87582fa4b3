"""Columns of pandas as arrays: every kind of dtype that it has."""

import datetime
import decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from client.fed import ANY, SCALAR, TEXT, assert_same, fed_one, refusal, takes

nan = np.nan


def column(values: object, dtype: object = None) -> pd.DataFrame:
    return pd.DataFrame({"x": pd.Series(values, dtype=dtype)})


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int8", "int16", "uint32", "uint64", "float16", "float64"])
def test_numbers_keep_their_type(dtype: str) -> None:
    assert_same(fed_one(column([0, 1], dtype), SCALAR), [0, 1], dtype)


@pytest.mark.parametrize(
    ("values", "dtype", "expected", "expected_dtype"),
    [
        ([1, 2**62], "Int64", [1, 2**62], "int64"),
        ([1, None], "Int64", [1, nan], "float64"),
        ([1, None], "UInt8", [1, nan], "float64"),
        ([1.5, None], "Float32", [1.5, nan], "float32"),
        ([True, False], "boolean", [True, False], "bool"),
        ([True, None], "boolean", [1, nan], "float64"),
        ([1, None], "int64[pyarrow]", [1, nan], "float64"),
        ([1, 2], "int16[pyarrow]", [1, 2], "int16"),
        ([1.5, None], "float[pyarrow]", [1.5, nan], "float32"),
        ([True, None], "bool[pyarrow]", [1, nan], "float64"),
        ([1, None], "category", [1, nan], "float64"),
        (pd.arrays.SparseArray([0.0, 1.0]), None, [0, 1], "float64"),
    ],
    ids=str,
)
def test_numbers_that_may_be_missing_are_nan_where_they_are(
    values: object, dtype: str | None, expected: list[object], expected_dtype: str
) -> None:
    assert_same(fed_one(column(values, dtype), SCALAR), expected, expected_dtype)


@pytest.mark.parametrize(
    ("values", "expected", "dtype"),
    [
        ([1, 2], [1, 2], "int64"),
        ([1, None, 2.5], [1, nan, 2.5], "float64"),
        ([True, pd.NA], [1, nan], "float64"),
        ([np.float32(1), np.int8(2)], [1, 2], "float32"),
        ([2**64 - 1], [2**64 - 1], "uint64"),
        ([None, None], [nan, nan], "float32"),
        ([np.array(1.0), np.array(2.0)], [1, 2], "float64"),
    ],
    ids=str,
)
def test_python_numbers_are_numbers(values: list[object], expected: list[object], dtype: str) -> None:
    assert_same(fed_one(column(values, object), SCALAR), expected, dtype)


TEXTS = ["string", "str", "category", object, "string[pyarrow]", pd.ArrowDtype(pa.string())]
DICTIONARY = pd.ArrowDtype(pa.dictionary(pa.int8(), pa.string()))


@pytest.mark.parametrize("dtype", [*TEXTS, DICTIONARY], ids=str)
def test_text_is_text(dtype: object) -> None:
    assert_same(fed_one(column(["a", "é", "a"], dtype), TEXT), [["a"], ["é"], ["a"]], object)


@pytest.mark.parametrize("dtype", TEXTS, ids=str)
def test_missing_text_is_refused_by_column_and_row(dtype: object) -> None:
    words = "inputs: column 'x' has no text in row 1, only numbers may be missing"
    assert refusal(column(["a", None, None], dtype), TEXT) == words


@pytest.mark.parametrize(
    ("values", "expected", "dtype"),
    [
        ([[1, 2], [3, 4]], [[1, 2], [3, 4]], "int64"),
        ([(1, 2), (3, 4)], [[1, 2], [3, 4]], "int64"),
        ([[1, None], [nan, pd.NA]], [[1, nan], [nan, nan]], "float64"),
        ([np.float32([1, 2]), np.float32([3, 4])], [[1, 2], [3, 4]], "float32"),
        ([np.float32([1, 2]), [3, 4]], [[1, 2], [3, 4]], "float64"),
        ([["a", "b"], np.array(["c", "d"])], [["a", "b"], ["c", "d"]], object),
        ([[], []], np.empty((2, 0)), "float32"),
    ],
    ids=str,
)
def test_lists_are_rows(values: list[object], expected: object, dtype: object) -> None:
    spec = TEXT if dtype is object else ANY
    assert_same(fed_one(column(values, object), spec), expected, dtype)


def test_lists_of_arrow_in_pandas_are_rows() -> None:
    dtype = pd.ArrowDtype(pa.list_(pa.float32()))
    frame = pd.DataFrame({"id": ["a", "b"], "pixels": pd.Series([[1, 2], [3, 4]], dtype=dtype)})
    assert_same(fed_one(frame), [[1, 2], [3, 4]], "float32")


def test_arrays_of_several_axes_are_rows() -> None:
    images = np.arange(16).reshape(2, 2, 2, 2)
    assert_same(fed_one(column(list(images)), takes(2, 2, 2)), images, images.dtype)


@pytest.mark.parametrize(
    ("values", "lengths"),
    [
        ([[1, 2], [3, 4], [5]], "2 in row 0, 1 in row 2"),
        ([[1], [], [5]], "1 in row 0, 0 in row 1"),
        ([np.ones(2), np.ones(3)], "2 in row 0, 3 in row 1"),
        ([[[1, 2], [3, 4]], [[1, 2], [3]]], "2 in row 0, 1 in row 1"),
    ],
    ids=str,
)
def test_lists_of_different_lengths_are_refused_by_column_and_row(values: list[object], lengths: str) -> None:
    assert refusal(column(values)) == f"inputs: column 'x' has lists of different lengths: {lengths}"


def test_a_missing_list_is_refused_by_column_and_row() -> None:
    words = "inputs: column 'x' has no list in row 2, only numbers may be missing"
    assert refusal(column([[1], [2], None])) == words


def test_missing_text_in_a_list_is_refused_by_its_row() -> None:
    words = "inputs: column 'x' has no text in row 1, only numbers may be missing"
    assert refusal(column([["a", "b"], ["c", None]]), TEXT) == words


@pytest.mark.parametrize(
    ("values", "holds"),
    [
        (pd.to_datetime(["2020"]).as_unit("ns"), "datetime64[ns]"),
        (pd.to_datetime(["2020"], utc=True).as_unit("ns"), "datetime64[ns, UTC] of Timestamp"),
        (pd.to_timedelta([1], unit="s").as_unit("ns"), "timedelta64[ns]"),
        (pd.Series(pd.to_datetime(["2020"]).as_unit("ns")).astype("category"), "category of datetime64[ns]"),
        (pd.period_range("2020", periods=1, freq="D"), "period[D] of Period"),
        ([1j], "complex128"),
        (pd.Series([1, "a"], dtype=object), "object of int and str"),
        (pd.Series([decimal.Decimal(1)], dtype=object), "object of Decimal"),
        (pd.Series([datetime.date(2020, 1, 1)], dtype=object), "object of date"),
        (pd.Series([b"a"], dtype=object), "object of bytes"),
        (pd.Series([2**64, 1], dtype=object), "object of whole numbers beyond 64 bits"),
        ([[1, "a"]], "object of int and str"),
        ([{"a": 1}], "object of dict"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_type_that_no_tensor_has_is_refused_by_name(values: object, holds: str) -> None:
    allowed = "allowed are numbers, truth values, text, and lists of these"
    assert refusal(column(values)) == f"inputs: column 'x' holds {holds}, {allowed}"


def test_columns_are_named_by_text_whatever_their_names_are() -> None:
    assert_same(fed_one(pd.DataFrame([[1, 2]]), takes(name="1")), [2], "int64")
    tuples = pd.MultiIndex.from_tuples([("a", "b"), ("a", "c")])
    assert_same(fed_one(pd.DataFrame([[1, 2]], columns=tuples), takes(name="('a', 'c')")), [2], "int64")


def test_columns_of_one_name_stand_side_by_side() -> None:
    assert_same(fed_one(pd.DataFrame([[1, 2]], columns=["q", "q"])), [[1, 2]], "int64")


def test_columns_of_the_name_of_an_input_are_refused() -> None:
    words = refusal(pd.DataFrame([[1, 2, 3]], columns=["x", "y", "x"]))
    assert words == "inputs: the table has 2 columns 'x', which the model takes; it has 'x', 'y', 'x'"


def test_a_frame_of_one_type_is_not_changed() -> None:
    frame = pd.DataFrame(np.arange(6, dtype=np.float64).reshape(3, 2))
    array = fed_one(frame, takes(2, data_type="float32"))
    array[:] = -1
    assert frame.to_numpy().tolist() == [[0, 1], [2, 3], [4, 5]]


def test_the_order_is_that_of_the_rows_and_not_of_the_index() -> None:
    frame = pd.DataFrame({"x": [1, 2, 3]}, index=[7, 7, 0])
    assert fed_one(frame, SCALAR).tolist() == [1, 2, 3]


def test_a_subclass_of_a_frame_is_one() -> None:
    class Frame(pd.DataFrame):
        pass

    assert fed_one(Frame({"x": [1]}), SCALAR).tolist() == [1]
