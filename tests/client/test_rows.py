"""What callers pass in, as rows: which kinds there are, and what is refused."""

import numpy as np
import pytest

from assayd import InvalidArgumentError
from assayd.arrays import decode, encode
from assayd.rows import Rows, collect
from assayd.v1 import rows_pb2

MATRIX = np.arange(6, dtype=np.float32).reshape(3, 2)


def refusal(**kinds: object) -> InvalidArgumentError:
    """The error with which rows are refused."""
    with pytest.raises(InvalidArgumentError) as caught:
        collect(**kinds).message()
    return caught.value


def test_an_array_is_the_only_input() -> None:
    assert collect(MATRIX).message() == rows_pb2.Rows(inputs=rows_pb2.Inputs(tensors=[encode(MATRIX)]))


def test_a_dict_is_inputs_by_name_in_its_order() -> None:
    rows = collect({"b": MATRIX, "a": MATRIX[:, 0]})
    expected = rows_pb2.Inputs(tensors=[encode(MATRIX, "b"), encode(MATRIX[:, 0], "a")])
    assert rows.message() == rows_pb2.Rows(inputs=expected)


@pytest.mark.parametrize("kind", ["logits", "probabilities", "embeddings"])
def test_other_kinds_are_one_tensor_without_a_name(kind: str) -> None:
    assert collect(**{kind: MATRIX}).message() == rows_pb2.Rows(**{kind: encode(MATRIX)})


def test_nested_lists_are_rows() -> None:
    message = collect([[1, 2], [3, 4], [5, 6]]).message()
    assert decode(message.inputs.tensors[0]).tolist() == [[1, 2], [3, 4], [5, 6]]


def test_a_list_of_texts_is_rows() -> None:
    assert decode(collect(["a", "bc"]).message().inputs.tensors[0]).tolist() == ["a", "bc"]


@pytest.mark.parametrize("rows", [MATRIX, {"a": MATRIX, "b": MATRIX}, MATRIX.tolist()])
def test_the_count_is_the_length_of_the_first_axis(rows: object) -> None:
    assert collect(rows).count == 3


@pytest.mark.parametrize("kind", ["logits", "probabilities", "embeddings"])
@pytest.mark.parametrize("dtype", [np.int64, np.uint8, np.uint16, np.bool_])
def test_whole_numbers_of_other_kinds_become_floats(kind: str, dtype: type) -> None:
    sent = decode(getattr(collect(**{kind: np.array([[0, 1], [1, 0]], dtype)}).message(), kind))
    assert sent.dtype == np.float64
    assert sent.tolist() == [[0, 1], [1, 0]]


@pytest.mark.parametrize("kind", ["logits", "probabilities", "embeddings"])
def test_floats_of_other_kinds_keep_their_dtype(kind: str) -> None:
    assert collect(**{kind: MATRIX}).arrays[""].dtype == np.float32


def test_whole_numbers_of_an_input_stay_what_they_are() -> None:
    assert collect(np.ones((2, 2), np.uint8)).arrays[""].dtype == np.uint8


def test_a_part_is_the_same_rows_of_each_array_without_a_copy() -> None:
    other = np.arange(3)
    part = collect({"a": MATRIX, "b": other}).part(1, 3)
    assert part.arrays["a"].tolist() == MATRIX[1:3].tolist()
    assert part.arrays["b"].tolist() == [1, 2]
    assert np.shares_memory(part.arrays["a"], MATRIX)


def test_a_part_keeps_the_kind() -> None:
    assert collect(logits=MATRIX).part(0, 1).kind == "logits"


def test_arrays_are_left_as_they_were() -> None:
    rows = MATRIX.copy()
    rows.flags.writeable = False
    collect(rows).message()
    np.testing.assert_array_equal(rows, MATRIX)


def test_no_rows_given_are_refused() -> None:
    message = "rows: give exactly one of x, logits, probabilities, embeddings, pool_ids, got none"
    assert refusal().message == message


def test_two_kinds_of_rows_are_refused_and_named() -> None:
    assert refusal(logits=MATRIX, embeddings=MATRIX).message.endswith("got logits, embeddings")


def test_an_empty_dict_is_refused() -> None:
    assert refusal(x={}).message == "inputs: the dict of arrays is empty"


def test_a_dict_is_no_logits() -> None:
    assert refusal(logits={"a": MATRIX}).message.startswith("logits: ")


@pytest.mark.parametrize("kind", ["x", "logits", "probabilities", "embeddings"])
def test_a_single_number_is_refused(kind: str) -> None:
    name = "inputs" if kind == "x" else kind
    expected = f"{name}: a single number is not rows, give an array of at least one axis"
    assert refusal(**{kind: 3.0}).message == expected


def test_inputs_of_different_lengths_are_refused_with_their_lengths() -> None:
    error = refusal(x={"a": MATRIX, "b": MATRIX[:1]})
    assert error.message == "inputs: every array must have the same number of rows, got {'a': 3, 'b': 1}"


@pytest.mark.parametrize(("kind", "field"), [("x", "inputs"), ("logits", "logits")])
def test_a_dtype_that_the_wire_lacks_is_refused_as_a_wrong_argument(kind: str, field: str) -> None:
    error = refusal(**{kind: MATRIX.astype(np.complex64)})
    assert error.field == field
    assert error.message.startswith(f"{field}: data_type: dtype complex64 is not one of ")


def test_rows_cannot_be_changed() -> None:
    rows = Rows("inputs", {"": MATRIX})
    with pytest.raises(AttributeError):
        rows.kind = "logits"
