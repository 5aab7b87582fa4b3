"""Arrays on the wire: the layout byte by byte, and round trips of every data type."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from assayd.arrays import AXES_MAX, DATA_TYPES, DTYPES, TensorError, decode, encode, name_of
from assayd.v1 import tensor_pb2

modest = settings(derandomize=True, deadline=None, max_examples=100)
numeric = {number: dtype for number, dtype in DTYPES.items() if dtype.kind != "O"}
small_shapes = npst.array_shapes(min_dims=0, max_dims=4, min_side=0)
every_number_type = pytest.mark.parametrize("data_type", numeric, ids=name_of)


def round_trip(array: np.ndarray) -> np.ndarray:
    """The array after both ends of a real message."""
    return decode(tensor_pb2.Tensor.FromString(encode(array).SerializeToString()))


@pytest.mark.parametrize(
    ("array", "data_type", "data"),
    [
        (np.array([True, False]), tensor_pb2.DATA_TYPE_BOOL, b"\x01\x00"),
        (np.array([1, 255], np.uint8), tensor_pb2.DATA_TYPE_UINT8, b"\x01\xff"),
        (np.array([1, -1], np.int8), tensor_pb2.DATA_TYPE_INT8, b"\x01\xff"),
        (np.array([1, -2], np.int32), tensor_pb2.DATA_TYPE_INT32, b"\x01\0\0\0\xfe\xff\xff\xff"),
        (np.array([258], np.int64), tensor_pb2.DATA_TYPE_INT64, b"\x02\x01\0\0\0\0\0\0"),
        (np.array([1.5], np.float16), tensor_pb2.DATA_TYPE_FLOAT16, b"\x00\x3e"),
        (np.array([1.5], np.float32), tensor_pb2.DATA_TYPE_FLOAT32, b"\0\0\xc0\x3f"),
        (np.array([1.5], np.float64), tensor_pb2.DATA_TYPE_FLOAT64, b"\0\0\0\0\0\0\xf8\x3f"),
        (np.array(["é", ""]), tensor_pb2.DATA_TYPE_STRING, b"\x02\0\0\0\xc3\xa9\0\0\0\0"),
    ],
)
def test_elements_are_little_endian_on_the_wire(array: np.ndarray, data_type: int, data: bytes) -> None:
    tensor = encode(array, "x")
    expected = tensor_pb2.Tensor(name="x", data_type=data_type, shape=array.shape, data=data)
    assert tensor == expected


def test_elements_are_row_major_on_the_wire() -> None:
    rows = np.arange(6, dtype=np.uint8).reshape(2, 3)
    assert encode(np.asfortranarray(rows)).data == encode(rows).data == bytes(range(6))


def test_an_array_has_no_name_unless_given_one() -> None:
    assert encode(np.zeros(1)).name == ""


def test_every_data_type_but_unspecified_has_a_dtype() -> None:
    assert set(DTYPES) == set(tensor_pb2.DataType.values()) - {tensor_pb2.DATA_TYPE_UNSPECIFIED}


def test_dtypes_and_data_types_are_each_others_inverse() -> None:
    assert {data_type: dtype for dtype, data_type in DATA_TYPES.items()} == DTYPES


def test_data_types_are_named_as_people_write_them() -> None:
    names = ["bool", "uint8", "int8", "int32", "int64", "float16", "float32", "float64", "string"]
    assert list(map(name_of, DTYPES)) == names


@every_number_type
@given(data=st.data())
@modest
def test_arrays_of_numbers_survive_the_wire_bit_by_bit(data: st.DataObject, data_type: int) -> None:
    shapes = npst.array_shapes(min_dims=0, max_dims=AXES_MAX, min_side=0, max_side=3)
    array = data.draw(npst.arrays(numeric[data_type], shapes))
    back = round_trip(array)
    assert back.dtype == array.dtype
    assert back.shape == array.shape
    assert back.tobytes() == array.tobytes()


@given(
    array=npst.arrays(object, npst.array_shapes(min_dims=0, max_dims=4, min_side=0), elements=st.text(max_size=5))
)
@modest
def test_arrays_of_text_survive_the_wire(array: np.ndarray) -> None:
    back = round_trip(array)
    assert back.dtype == object
    assert back.shape == array.shape
    assert back.tolist() == array.tolist()


@every_number_type
def test_big_endian_arrays_keep_their_values(data_type: int) -> None:
    array = np.array([0, 1, 1, 0], numeric[data_type].newbyteorder(">"))
    back = round_trip(array)
    assert back.dtype == numeric[data_type]
    assert back.tolist() == array.tolist()


def test_big_endian_text_keeps_its_values() -> None:
    assert round_trip(np.array(["ab", "é"], ">U2")).tolist() == ["ab", "é"]


TEXTS = {
    "unicode": np.array(["a", "日本語", ""]),
    "bytes": np.array([b"a", "日本語".encode(), b""]),
    "object": np.array(["a", "日本語".encode(), ""], object),
}
if hasattr(np.dtypes, "StringDType"):  # NumPy 2 has it
    TEXTS["variable-width"] = np.array(["a", "日本語", ""], np.dtypes.StringDType())


@pytest.mark.parametrize("array", TEXTS.values(), ids=TEXTS)
def test_every_kind_of_text_array_arrives_as_str(array: np.ndarray) -> None:
    back = round_trip(array)
    assert back.tolist() == ["a", "日本語", ""]
    assert {type(text) for text in back} == {str}


def test_a_text_may_hold_zero_characters_and_line_breaks() -> None:
    assert round_trip(np.array(["a\0b\n", "\0"], object)).tolist() == ["a\0b\n", "\0"]


@pytest.mark.parametrize("data_type", DTYPES, ids=name_of)
@pytest.mark.parametrize("shape", [(0,), (3, 0), (0, 3), (0, 0, 2)])
def test_an_empty_array_keeps_its_type_and_shape(data_type: int, shape: tuple[int, ...]) -> None:
    tensor = encode(np.empty(shape, DTYPES[data_type]))
    assert tensor.data == b""
    back = decode(tensor)
    assert (back.dtype, back.shape) == (DTYPES[data_type], shape)


@pytest.mark.parametrize("data_type", DTYPES, ids=name_of)
def test_a_single_value_keeps_its_type_and_has_no_axes(data_type: int) -> None:
    value = "1" if data_type == tensor_pb2.DATA_TYPE_STRING else 1
    back = round_trip(np.array(value, DTYPES[data_type]))
    assert (back.dtype, back.shape, back.item()) == (DTYPES[data_type], (), value)


def test_strided_views_arrive_as_they_read() -> None:
    base = np.arange(20, dtype=np.int32).reshape(4, 5)
    np.testing.assert_array_equal(round_trip(base[::-2, 1::2]), base[::-2, 1::2])


def test_decoded_numbers_are_a_read_only_view_of_the_message() -> None:
    tensor = encode(np.arange(3.0))
    array = decode(tensor)
    assert not array.flags.writeable
    assert not array.flags.owndata


def test_encoding_leaves_the_array_as_it_was() -> None:
    array = np.array([3, 1, 2], ">i4")
    before = array.copy()
    array.flags.writeable = False
    encode(array)
    np.testing.assert_array_equal(array, before)


def test_eight_axes_are_allowed() -> None:
    assert round_trip(np.zeros((1,) * 8)).shape == (1,) * 8


def test_nine_axes_cannot_be_sent() -> None:
    with pytest.raises(TensorError, match="shape: has 9 axes, allowed are at most 8"):
        encode(np.zeros((1,) * 9))


@pytest.mark.parametrize(
    "dtype", [np.uint16, np.uint32, np.uint64, np.int16, np.complex64, "M8[D]", "m8[s]", [("a", "i4")], "V3"]
)
def test_a_dtype_that_the_wire_lacks_is_refused_by_name(dtype: object) -> None:
    array = np.zeros(1, dtype)
    with pytest.raises(TensorError) as caught:
        encode(array)
    assert caught.value.field == "data_type"
    assert caught.value.message.startswith(f"dtype {array.dtype} is not one of bool, uint8, int8, int32, int64, ")


@pytest.mark.parametrize(("value", "kind"), [(None, "NoneType"), (1, "int"), (1.5, "float"), ([], "list")])
def test_an_element_that_is_no_text_is_refused_by_type(value: object, kind: str) -> None:
    array = np.array(["a", None], object)
    array[1] = value
    with pytest.raises(TensorError) as caught:
        encode(array)
    assert caught.value.field == "data"
    assert caught.value.message == f"has an element of type {kind}, allowed are str and bytes"


def test_a_data_type_of_a_newer_peer_has_a_name_too() -> None:
    assert name_of(77) == "unknown (77)"
