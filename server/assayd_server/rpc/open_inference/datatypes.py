"""Datatypes of the protocol, and the bytes of tensors."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assayd.arrays import TensorError, decode, encode
from assayd.v1 import tensor_pb2
from assayd_server.checks import wrong
from assayd_server.rpc.open_inference.open_inference_pb2 import InferTensorContents

NAMES = {
    "bool": "BOOL",
    **{f"uint{bits}": f"UINT{bits}" for bits in (8, 16, 32, 64)},
    **{f"int{bits}": f"INT{bits}" for bits in (8, 16, 32, 64)},
    **{f"float{bits}": f"FP{bits}" for bits in (16, 32, 64)},
    "string": "BYTES",
}
"""By the type of a tensor of a model."""
DTYPES = {
    datatype: np.dtype(object if name == "string" else name).newbyteorder("<") for name, datatype in NAMES.items()
}
"""Arrays of each datatype."""
CONTENTS = {
    "BOOL": "bool_contents",
    **dict.fromkeys(("INT8", "INT16", "INT32"), "int_contents"),
    **dict.fromkeys(("UINT8", "UINT16", "UINT32"), "uint_contents"),
    "INT64": "int64_contents",
    "UINT64": "uint64_contents",
    "FP32": "fp32_contents",
    "FP64": "fp64_contents",
    "BYTES": "bytes_contents",
}
"""The field of typed contents for each datatype that has one."""
_WIDE = {
    "bool_contents": np.bool_,
    "int_contents": np.int32,
    "uint_contents": np.uint32,
    "int64_contents": np.int64,
    "uint64_contents": np.uint64,
    "fp32_contents": np.float32,
    "fp64_contents": np.float64,
}
"""What these fields hold."""


def array_of(raw: bytes, datatype: str, shape: tuple[int, ...], *, field: str, name: str) -> NDArray[Any]:
    """The elements of a tensor that came as bytes; a view of them, where they are numbers.

    Raises:
        InvalidArgumentError: there are more or fewer bytes than the shape says, or they are not of this datatype.
    """
    if datatype == "BYTES":
        return _texts(raw, shape, field)
    dtype = DTYPES[datatype]
    due = math.prod(shape) * dtype.itemsize
    if len(raw) != due:
        message = f"input {name!r} has {len(raw)} bytes, {datatype} {list(shape)} takes {due}"
        raise wrong(field, message, "BAD_TENSOR")
    if datatype == "BOOL" and np.frombuffer(raw, np.uint8).max(initial=0) > 1:
        raise wrong(field, f"input {name!r} has a byte that is neither 0 nor 1", "BAD_TENSOR")
    return np.frombuffer(raw, dtype).reshape(shape)


def array_of_contents(
    contents: InferTensorContents, datatype: str, shape: tuple[int, ...], *, field: str, name: str
) -> NDArray[Any]:
    """The elements of a tensor that came one by one.

    Raises:
        InvalidArgumentError: they are in another field than that of their datatype, too many or too few, or one is
            none of this datatype.
    """
    place = CONTENTS.get(datatype)
    if place is None:
        raise wrong(field, f"input {name!r} is {datatype}, which goes into raw_input_contents", "BAD_TENSOR")
    others = [found.name for found, _ in contents.ListFields() if found.name != place]
    if others:
        raise wrong(field, f"input {name!r} is {datatype}, which goes into {place}, not {others[0]}", "BAD_TENSOR")
    elements = getattr(contents, place)
    if len(elements) != math.prod(shape):
        message = f"input {name!r} has {len(elements)} elements, {list(shape)} takes {math.prod(shape)}"
        raise wrong(field, message, "BAD_TENSOR")
    if datatype == "BYTES":
        raw = b"".join(part for text in elements for part in (len(text).to_bytes(4, "little"), text))
        return _texts(raw, shape, field)
    return _narrowed(np.array(elements, _WIDE[place]), datatype, field, name).reshape(shape)


def bytes_of(values: NDArray[Any]) -> bytes:
    """The bytes of an array, texts and numbers alike."""
    return encode(values.reshape(-1)).data if values.dtype.kind in "OUS" else values.tobytes()


def _narrowed(values: NDArray[Any], datatype: str, field: str, name: str) -> NDArray[Any]:
    """Whole numbers come in fields that hold larger ones too."""
    dtype = DTYPES[datatype]
    if dtype.kind in "iu" and len(values):
        limits: Any = np.iinfo(dtype)
        fits = limits.min <= values.min() and values.max() <= limits.max
    else:
        fits = True
    if not fits:
        raise wrong(field, f"input {name!r} has a value that is no {datatype}", "BAD_TENSOR")
    return values.astype(dtype)


def _texts(raw: bytes, shape: tuple[int, ...], field: str) -> NDArray[Any]:
    """UTF-8 each, which has the same layout as in assayd.v1."""
    try:
        return decode(tensor_pb2.Tensor(data_type=tensor_pb2.DATA_TYPE_STRING, shape=shape, data=raw))
    except TensorError as error:
        raise wrong(field, error.message, "BAD_TENSOR") from None
