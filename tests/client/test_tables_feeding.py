"""Which columns feed which input, in which shape and type; and what is no table."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from assayd import InvalidArgumentError
from assayd.rows import Rows, collect
from assayd.tables.detection import check_batches, table_of
from client.fed import SCALAR, TEXT, assert_same, fed, fed_one, refusal, takes

Make = Callable[[dict[str, list[Any]]], Any]
Lengths = tuple[int | None, ...]

AB = {"a": [1, 2], "b": [3.5, 4.5]}


@pytest.fixture(params=[pd.DataFrame, pl.DataFrame, pa.table, pa.record_batch], ids=lambda make: make.__module__)
def make(request: pytest.FixtureRequest) -> Make:
    """Makes a table of a dict of lists, with each library."""
    return request.param


def test_columns_feed_the_inputs_of_their_names(make: Make) -> None:
    found = fed(make({"b": [1.5], "id": ["p"], "a": [2]}), takes(name="a"), takes(1, name="b"))
    assert list(found) == ["a", "b"]
    assert_same(found["a"], [2], "int64")
    assert_same(found["b"], [[1.5]], "float64")


def test_a_column_that_is_missing_is_named_with_those_there_are(make: Make) -> None:
    words = refusal(make(AB), takes(name="a"), takes(name="c"))
    assert words == "inputs: the table has no column 'c', which the model takes; it has 'a', 'b'"


def test_no_more_than_twenty_names_are_listed(make: Make) -> None:
    words = refusal(make({f"c{number}": [1] for number in range(23)}), takes(name="a"), takes(name="b"))
    assert words.endswith("'c18', 'c19' and 3 more")


def test_the_column_of_its_name_feeds_the_only_input(make: Make) -> None:
    assert_same(fed_one(make(AB), takes(name="b")), [3.5, 4.5], "float64")


def test_without_one_all_columns_stand_side_by_side(make: Make) -> None:
    assert_same(fed_one(make(AB), takes(2)), [[1, 3.5], [2, 4.5]], "float64")


def test_columns_of_text_stand_side_by_side(make: Make) -> None:
    assert_same(fed_one(make({"a": ["p", "q"], "b": ["r", "s"]}), TEXT), [["p", "r"], ["q", "s"]], object)


def test_truth_values_and_whole_numbers_stand_side_by_side(make: Make) -> None:
    assert_same(fed_one(make({"a": [True, False], "b": [5, 6]})), [[1, 5], [0, 6]], "int64")


def test_numbers_and_text_side_by_side_are_refused_by_both_names(make: Make) -> None:
    words = refusal(make({"a": [1.5], "b": ["p"]}))
    assert words.startswith("inputs: column 'b' holds text and column 'a' ")
    assert words.endswith(", which cannot stand side by side: select the columns")


def test_another_number_of_columns_is_refused_with_both_numbers(make: Make) -> None:
    words = refusal(make(AB), takes(3))
    expected = "inputs: the table has 2 columns, the model's input 'x' takes (n, 3): select the columns"
    assert words == expected


def test_columns_side_by_side_are_reshaped_to_the_lengths_of_the_input(make: Make) -> None:
    assert_same(fed_one(make(AB), takes(1, 2, 1)), [[[[1], [3.5]]], [[[2], [4.5]]]], "float64")


def test_several_columns_for_one_value_a_row_are_refused(make: Make) -> None:
    assert refusal(make(AB), SCALAR).endswith(
        "the table has 2 columns, the model's input 'x' takes (n): select the columns"
    )


def test_the_one_column_of_lists_is_the_array(make: Make) -> None:
    assert_same(fed_one(make({"id": ["p"], "y": [1], "pixels": [[1, 2]]})), [[1, 2]], "int64")


def test_two_columns_of_lists_are_refused_by_name(make: Make) -> None:
    words = refusal(make({"id": ["p"], "a": [[1]], "b": [[1]]}))
    assert words == "inputs: the columns 'a', 'b' hold lists, of which only one can be the rows: select it"


@pytest.mark.parametrize(
    ("lengths", "shape"),
    [
        ((6,), (1, 6)),
        ((None,), (1, 6)),
        ((2, 3), (1, 2, 3)),
        ((None, 3), (1, 2, 3)),
        ((1, None, 2), (1, 1, 3, 2)),
    ],
)
def test_lists_are_reshaped_to_the_lengths_of_the_input(
    make: Make, lengths: Lengths, shape: tuple[int, ...]
) -> None:
    assert_same(fed_one(make({"x": [list(range(6))]}), takes(*lengths)), np.arange(6).reshape(shape), "int64")


@pytest.mark.parametrize(
    ("lengths", "words"),
    [
        ((5,), "(n, 5)"),
        ((4, 2), "(n, 4, 2)"),
        ((None, 4), "(n, any, 4)"),
        ((None, None), "(n, any, any)"),
        ((None, 0), "(n, any, 0)"),
    ],
)
def test_lists_of_another_length_are_refused_with_both(make: Make, lengths: Lengths, words: str) -> None:
    expected = f"inputs: column 'q' holds 6 values a row, the model's input 'x' takes {words}"
    assert refusal(make({"q": [list(range(6))]}), takes(*lengths)) == expected


def test_a_column_that_has_the_name_of_a_wider_input_by_accident_is_explained(make: Make) -> None:
    words = refusal(make({"x": [1], "y": [2]}), takes(2))
    assert words == (
        "inputs: column 'x' holds 1 value a row, the model's input 'x' takes (n, 2), and the column of an input's "
        "name feeds it alone"
    )


def test_lists_of_one_value_feed_one_value_a_row(make: Make) -> None:
    assert_same(fed_one(make({"x": [[1], [2]]}), SCALAR), [1, 2], "int64")


def test_text_for_an_input_of_numbers_is_refused_by_the_name_of_its_column(make: Make) -> None:
    words = refusal(make({"q": ["p"]}), takes(None, data_type="float32"))
    assert words.startswith("inputs: column 'q' holds ")
    assert words.endswith(", the model's input 'x' takes float32")


def test_numbers_for_an_input_of_text_are_refused_by_the_name_of_their_column(make: Make) -> None:
    words = refusal(make({"q": [1]}), TEXT)
    assert words.startswith("inputs: column 'q' holds ")
    assert words.endswith("64, the model's input 'x' takes text")


@pytest.mark.parametrize(
    ("have", "wanted", "sent"),
    [
        ("float64", "float32", "float32"),
        ("int64", "float32", "float32"),
        ("uint64", "float16", "float16"),
        ("uint8", "float32", "uint8"),
        ("float32", "float64", "float32"),
        ("int64", "int32", "int64"),
        ("float64", "int64", "float64"),
    ],
)
def test_numbers_are_made_the_models_own_floats_where_these_are_narrower(
    have: str, wanted: str, sent: str
) -> None:
    frame = pd.DataFrame({"a": np.arange(2, dtype=have), "b": np.arange(2, dtype=have)})
    assert_same(fed_one(frame, takes(2, data_type=wanted)), [[0, 0], [1, 1]], sent)
    assert_same(fed_one(frame[["a"]], takes(1, data_type=wanted)), [[0], [1]], sent)


def test_what_is_beyond_the_models_floats_is_infinite_as_on_the_server() -> None:
    frame = pd.DataFrame({"a": [1e300, 1], "b": [-1e300, 1]})
    assert_same(fed_one(frame, takes(2, data_type="float32")), [[np.inf, -np.inf], [1, 1]], "float32")
    assert_same(fed_one(frame[["a"]], takes(1, data_type="float32")), [[np.inf], [1]], "float32")


@pytest.mark.parametrize("data_type", ["float32", "string", "uint8", "bool"])
@pytest.mark.parametrize("lengths", [(), (4,), (2, 3), (None,)])
def test_no_rows_of_unknown_type_and_length_fit_any_input(lengths: Lengths, data_type: str) -> None:
    expected = np.empty((0, *(length or 1 for length in lengths)))
    dtype = object if data_type == "string" else data_type
    for empty in (pd.DataFrame({"x": []}, dtype=object), pl.DataFrame({"x": []}), pa.table({"x": pa.nulls(0)})):
        assert_same(fed_one(empty, takes(*lengths, data_type=data_type)), expected, dtype)


def test_no_rows_of_any_columns_fit_too_as_long_as_those_of_the_inputs_are_there(make: Make) -> None:
    empty = make({"id": [], "pixels": []})
    assert_same(fed_one(empty, takes(4, data_type="float32")), np.empty((0, 4)), "float32")
    assert "the table has no column 'a'" in refusal(empty, takes(name="a"), takes(name="b"))


def test_no_columns_are_refused() -> None:
    for empty in (pd.DataFrame(), pl.DataFrame(), pa.table({})):
        with pytest.raises(InvalidArgumentError, match=r"^INVALID_ARGUMENT: inputs: the table has no columns$"):
            collect(empty)


def test_a_lazy_frame_is_refused_with_what_to_do() -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        collect(pl.LazyFrame(AB))
    assert caught.value.message == "inputs: a polars.LazyFrame holds no rows yet: collect() it first"


def test_a_reader_is_refused_with_what_to_do() -> None:
    with pytest.raises(InvalidArgumentError, match="read_all"):
        collect(pa.table(AB).to_reader())


@pytest.mark.parametrize("value", [np.zeros(1), [1], {"a": [1]}, 1.5, None, pd.Series([1]), pl.Series([1])])
def test_other_values_are_no_tables(value: object) -> None:
    assert table_of(value) is None


def test_a_series_is_an_array_as_before() -> None:
    for series in (pd.Series([1, 2]), pl.Series([1, 2]), pa.array([1, 2]), pa.chunked_array([[1], [2]])):
        assert_same(collect(series).arrays[""], [1, 2], "int64")


@pytest.mark.parametrize("kind", ["logits", "probabilities", "embeddings"])
def test_other_kinds_of_rows_are_all_columns_side_by_side(make: Make, kind: str) -> None:
    rows = collect(**{kind: make({"a": [1, 2], "b": [3, 4]})})
    assert isinstance(rows, Rows)
    assert_same(rows.arrays[""], [[1, 3], [2, 4]], "float64")


@pytest.mark.parametrize("kind", ["logits", "probabilities", "embeddings"])
def test_a_table_that_is_no_matrix_is_refused_by_the_name_of_its_kind(make: Make, kind: str) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        collect(**{kind: make({"a": [1.5], "b": ["p"]})})
    assert caught.value.field == kind
    assert caught.value.message.startswith(f"{kind}: column 'b' holds text and column 'a' ")


def test_lists_beside_other_columns_are_the_rows_of_logits(make: Make) -> None:
    rows = collect(logits=make({"id": ["p"], "a": [[1.5, 2.0]]}))
    assert isinstance(rows, Rows)
    assert_same(rows.arrays[""], [[1.5, 2]], "float64")


def test_one_table_is_no_stream(make: Make) -> None:
    with pytest.raises(InvalidArgumentError, match=r"^INVALID_ARGUMENT: batches: a \w+\.\w+ is one batch, give"):
        check_batches(make(AB))
    assert check_batches([make(AB)])
