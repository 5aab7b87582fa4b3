"""Tensors that are not what they say: each is refused with its field and a sentence."""

import struct
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assayd.arrays import TEXTS_MAX, TensorError, decode, encode
from assayd.v1 import tensor_pb2

BOOL, UINT8, FLOAT32, FLOAT64, STRING = (
    tensor_pb2.DATA_TYPE_BOOL,
    tensor_pb2.DATA_TYPE_UINT8,
    tensor_pb2.DATA_TYPE_FLOAT32,
    tensor_pb2.DATA_TYPE_FLOAT64,
    tensor_pb2.DATA_TYPE_STRING,
)


def refusal(data_type: int, shape: list[int], data: bytes = b"") -> tuple[str, str]:
    """The field and the message with which a tensor is refused."""
    with pytest.raises(TensorError) as caught:
        decode(tensor_pb2.Tensor(data_type=data_type, shape=shape, data=data))
    return caught.value.field, caught.value.message


def text(content: bytes) -> bytes:
    return struct.pack("<I", len(content)) + content


@pytest.mark.parametrize("data_type", [0, 10, -1])
def test_an_unknown_data_type_is_refused_with_those_allowed(data_type: int) -> None:
    allowed = "bool, uint8, int8, int32, int64, float16, float32, float64, string"
    assert refusal(data_type, [0]) == ("data_type", f"is {data_type}, allowed are {allowed}")


@pytest.mark.parametrize("data_type", [FLOAT32, STRING])
def test_nine_axes_are_refused(data_type: int) -> None:
    assert refusal(data_type, [1] * 9, bytes(4)) == ("shape", "has 9 axes, allowed are at most 8")


@pytest.mark.parametrize("data_type", [FLOAT32, STRING])
@pytest.mark.parametrize("shape", [[-1], [2, -3], [-2, -2], [0, -1]])
def test_a_negative_length_is_refused(data_type: int, shape: list[int]) -> None:
    assert refusal(data_type, shape) == ("shape", f"is {shape}, no length may be negative")


@pytest.mark.parametrize("length", [0, 7, 9, 16])
def test_numbers_of_another_length_than_the_shape_says_are_refused(length: int) -> None:
    expected = ("data", f"has {length} bytes, float32 of shape [2] needs 8")
    assert refusal(FLOAT32, [2], bytes(length)) == expected


@pytest.mark.parametrize("shape", [[2**32, 2**32], [2**62, 4], [2**63 - 1, 2**63 - 1], [2**61]])
def test_a_shape_whose_size_is_beyond_64_bits_is_refused_and_does_not_wrap(shape: list[int]) -> None:
    needed = int(np.prod(np.array(shape, object))) * 8
    assert refusal(FLOAT64, shape) == ("data", f"has 0 bytes, float64 of shape {shape} needs {needed}")


@pytest.mark.parametrize("shape", [[2**32, 2**32], [2**63 - 1, 2**63 - 1], [2**40], [TEXTS_MAX + 1]])
def test_more_texts_than_allowed_are_refused_before_any_is_allocated(shape: list[int]) -> None:
    assert refusal(STRING, shape) == ("shape", f"is {shape}, a string tensor may have 1048576 elements")


def test_more_texts_than_allowed_are_refused_though_their_bytes_are_there() -> None:
    assert refusal(STRING, [TEXTS_MAX + 1], bytes(4 * (TEXTS_MAX + 1)))[0] == "shape"


def test_as_many_texts_as_allowed_are_refused_only_where_their_bytes_are_missing() -> None:
    expected = ("data", f"has 0 bytes, string of shape [1024, 1024] needs {4 * TEXTS_MAX} or more")
    assert refusal(STRING, [1024, 1024]) == expected


@pytest.mark.parametrize("data_type", [UINT8, FLOAT32, STRING])
@pytest.mark.parametrize("shape", [[0, 2**62, 4], [2**62, 4, 0], [0, 2**63 - 1, 2**63 - 1]])
def test_a_shape_without_elements_that_no_array_can_have_is_refused(data_type: int, shape: list[int]) -> None:
    assert refusal(data_type, shape)[0] == "shape"


@pytest.mark.parametrize("byte", [2, 128, 255])
def test_a_bool_other_than_zero_and_one_is_refused(byte: int) -> None:
    expected = ("data", "has a byte other than 0 and 1, a bool allows no other")
    assert refusal(BOOL, [3], bytes([0, byte, 1])) == expected


def test_no_bools_at_all_are_fine() -> None:
    assert decode(tensor_pb2.Tensor(data_type=BOOL, shape=[0])).shape == (0,)


def test_too_few_bytes_for_the_lengths_of_the_texts_are_refused() -> None:
    assert refusal(STRING, [2], bytes(7)) == ("data", "has 7 bytes, string of shape [2] needs 8 or more")


def test_a_text_longer_than_the_data_is_refused() -> None:
    assert refusal(STRING, [1], struct.pack("<I", 3) + b"ab") == ("data", "ends inside a text")


def test_a_text_of_the_largest_length_there_is_is_refused() -> None:
    assert refusal(STRING, [1], b"\xff\xff\xff\xff") == ("data", "ends inside a text")


def test_data_that_ends_inside_a_length_is_refused() -> None:
    assert refusal(STRING, [2], text(b"abc") + b"\0\0") == ("data", "ends inside the length of a text")


def test_data_after_the_last_text_is_refused() -> None:
    assert refusal(STRING, [1], text(b"a") + b"xyz") == ("data", "has 3 bytes after the last text")


def test_data_for_no_texts_is_refused() -> None:
    assert refusal(STRING, [0], b"x") == ("data", "has 1 bytes after the last text")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"\xff", "invalid start byte"),
        (b"\xc3", "unexpected end of data"),
        (b"\xed\xa0\x80", "invalid continuation byte"),  # a lone surrogate
        (b"\xc0\x80", "invalid start byte"),  # an overlong zero
    ],
)
def test_a_text_that_is_not_utf8_is_refused(content: bytes, reason: str) -> None:
    assert refusal(STRING, [2], text(b"ok") + text(content)) == ("data", f"has a text that is not UTF-8: {reason}")


def test_a_text_that_utf8_cannot_hold_cannot_be_sent() -> None:
    with pytest.raises(TensorError) as caught:
        encode(np.array(["fine", "\ud800"], object))
    assert caught.value.field == "data"


def test_an_error_reads_as_field_and_message() -> None:
    error = TensorError("shape", "is wrong")
    assert (str(error), error.field, error.message) == ("shape: is wrong", "shape", "is wrong")


def test_a_tensor_error_is_a_value_error() -> None:
    assert issubclass(TensorError, ValueError)


@given(
    data_type=st.integers(-1, 11),
    shape=st.lists(st.one_of(st.integers(-2, 5), st.sampled_from([2**31, 2**62, 2**63 - 1])), max_size=10),
    data=st.binary(max_size=64),
)
@settings(derandomize=True, deadline=None, max_examples=300)
def test_whatever_comes_is_decoded_or_refused_as_a_tensor(data_type: int, shape: list[int], data: bytes) -> None:
    tensor = tensor_pb2.Tensor(data_type=data_type, shape=shape, data=data)
    with suppress(TensorError):
        assert list(decode(tensor).shape) == shape
