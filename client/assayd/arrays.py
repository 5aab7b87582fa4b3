"""The byte layout of tensors on the wire. Client and server share this file.

An array is `{name, data_type, shape, data}`; data is row-major and little-endian. Text is, for each
element, a 4-byte little-endian length in bytes and the UTF-8 text.
"""

import math
import struct
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from assayd.v1 import tensor_pb2

Array: TypeAlias = NDArray[Any]

AXES_MAX = 8
TEXTS_MAX = 1_048_576

DTYPES: dict[tensor_pb2.DataType, np.dtype[Any]] = {
    tensor_pb2.DATA_TYPE_BOOL: np.dtype(np.bool_),
    tensor_pb2.DATA_TYPE_UINT8: np.dtype(np.uint8),
    tensor_pb2.DATA_TYPE_INT8: np.dtype(np.int8),
    tensor_pb2.DATA_TYPE_INT32: np.dtype("<i4"),
    tensor_pb2.DATA_TYPE_INT64: np.dtype("<i8"),
    tensor_pb2.DATA_TYPE_FLOAT16: np.dtype("<f2"),
    tensor_pb2.DATA_TYPE_FLOAT32: np.dtype("<f4"),
    tensor_pb2.DATA_TYPE_FLOAT64: np.dtype("<f8"),
    tensor_pb2.DATA_TYPE_STRING: np.dtype(object),
}
DATA_TYPES = {dtype: data_type for data_type, dtype in DTYPES.items()}

_EMPTY_PRODUCT_MAX = 2**31
"""Of the other lengths of an array without elements."""
_LENGTH = struct.Struct("<I")


class TensorError(ValueError):
    """A tensor or an array that cannot cross the wire.

    Attributes:
        field: the field of the tensor that is wrong: data_type, shape or data.
        message: what came and what is allowed.
    """

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.message = message


def name_of(data_type: tensor_pb2.DataType) -> str:
    """A data type as people write it: DATA_TYPE_FLOAT32 is float32."""
    if data_type not in tensor_pb2.DataType.values():
        return f"unknown ({data_type})"  # from a peer that is newer
    return tensor_pb2.DataType.Name(data_type).removeprefix("DATA_TYPE_").lower()


ALLOWED = ", ".join(name_of(data_type) for data_type in DTYPES)


def encode(array: Array, name: str = "") -> tensor_pb2.Tensor:
    """A tensor with the elements of an array.

    Args:
        array: any rank up to 8; bool, uint8, int8, int32, int64, float16, float32, float64 or text.
        name: the model input that it feeds; may be empty.

    Raises:
        TensorError: the dtype is none of these, or there are too many axes.
    """
    if array.ndim > AXES_MAX:
        raise TensorError("shape", f"has {array.ndim} axes, allowed are at most {AXES_MAX}")
    if array.dtype.kind in "OUST":
        return _tensor(tensor_pb2.DATA_TYPE_STRING, array.shape, _text_bytes(array), name)
    data_type = DATA_TYPES.get(array.dtype.newbyteorder("<"))
    if data_type is None:
        raise TensorError("data_type", f"dtype {array.dtype} is not one of {ALLOWED}")
    return _tensor(data_type, array.shape, array.astype(DTYPES[data_type], copy=False).tobytes(), name)


def as_floats(values: object) -> Array:
    """An array of floats; whole numbers, as people write them, become float64."""
    array = np.asarray(values)
    return array.astype(np.float64) if array.dtype.kind in "iub" else array


def decode(tensor: tensor_pb2.Tensor) -> Array:
    """The array of a tensor: a read-only view of its bytes, or an object array of str for text.

    Raises:
        TensorError: the type is unknown, the shape is impossible, or the bytes do not fit the shape.
    """
    dtype = DTYPES.get(tensor.data_type)
    if dtype is None:
        raise TensorError("data_type", f"is {tensor.data_type}, allowed are {ALLOWED}")
    shape = _checked_shape(tensor)
    if dtype.kind == "O":
        return _texts(tensor.data, shape)
    return _numbers(tensor.data, dtype=dtype, shape=shape)


def _tensor(data_type: tensor_pb2.DataType, shape: tuple[int, ...], data: bytes, name: str) -> tensor_pb2.Tensor:
    return tensor_pb2.Tensor(name=name, data_type=data_type, shape=shape, data=data)


def _checked_shape(tensor: tensor_pb2.Tensor) -> tuple[int, ...]:
    if len(tensor.shape) > AXES_MAX:
        raise TensorError("shape", f"has {len(tensor.shape)} axes, allowed are at most {AXES_MAX}")
    shape = tuple(tensor.shape)
    if any(length < 0 for length in shape):
        raise TensorError("shape", f"is {list(shape)}, no length may be negative")
    if 0 in shape and math.prod(filter(None, shape)) > _EMPTY_PRODUCT_MAX:  # NumPy could not make it
        raise TensorError("shape", f"is {list(shape)}, no array is as large")
    return shape


def _numbers(data: bytes, *, dtype: np.dtype[Any], shape: tuple[int, ...]) -> Array:
    expected = math.prod(shape) * dtype.itemsize  # Python integers: no shape overflows
    if len(data) != expected:
        raise TensorError("data", f"has {len(data)} bytes, {dtype.name} of shape {list(shape)} needs {expected}")
    array = np.frombuffer(data, dtype)
    if dtype.kind == "b" and array.view(np.uint8).max(initial=0) > 1:
        raise TensorError("data", "has a byte other than 0 and 1, a bool allows no other")
    return array.reshape(shape)


def _text_bytes(array: Array) -> bytes:
    parts: list[bytes] = []
    for element in array.ravel():
        if not isinstance(element, str | bytes):
            raise TensorError(
                "data", f"has an element of type {type(element).__name__}, allowed are str and bytes"
            )
        text = _utf8(element) if isinstance(element, str) else bytes(element)
        parts += (_LENGTH.pack(len(text)), text)
    return b"".join(parts)


def _utf8(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise TensorError("data", f"has a text that UTF-8 cannot hold: {error.reason}") from None


def _texts(data: bytes, shape: tuple[int, ...]) -> Array:
    count = math.prod(shape)
    if count > TEXTS_MAX:  # each costs a step of Python, and all other calls wait for it
        raise TensorError("shape", f"is {list(shape)}, a string tensor may have {TEXTS_MAX} elements")
    if count * _LENGTH.size > len(data):  # before anything is allocated
        needed = count * _LENGTH.size
        raise TensorError("data", f"has {len(data)} bytes, string of shape {list(shape)} needs {needed} or more")
    texts = np.empty(count, object)
    position = 0
    for index in range(count):
        texts[index], position = _text_at(data, position)
    if position != len(data):
        raise TensorError("data", f"has {len(data) - position} bytes after the last text")
    return texts.reshape(shape)


def _text_at(data: bytes, position: int) -> tuple[str, int]:
    start = position + _LENGTH.size
    if start > len(data):
        raise TensorError("data", "ends inside the length of a text")
    end = start + _LENGTH.unpack_from(data, position)[0]
    if end > len(data):
        raise TensorError("data", "ends inside a text")
    try:
        return data[start:end].decode(), end
    except UnicodeDecodeError as error:
        raise TensorError("data", f"has a text that is not UTF-8: {error.reason}") from None
