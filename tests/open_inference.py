"""Calls of the Open Inference Protocol with messages of our own, as bytes over the wire."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import grpc
import numpy as np

from assayd.arrays import encode
from assayd_server.rpc.open_inference import open_inference_pb2 as pb

SERVICE = "inference.GRPCInferenceService"
MODEL_INFER = f"/{SERVICE}/ModelInfer"
TIMEOUT_SECONDS = 20
DATATYPES = {
    "bool": "BOOL", "uint8": "UINT8", "uint16": "UINT16", "uint32": "UINT32", "uint64": "UINT64",
    "int8": "INT8", "int16": "INT16", "int32": "INT32", "int64": "INT64",
    "float16": "FP16", "float32": "FP32", "float64": "FP64", "object": "BYTES",
}  # fmt: skip
DTYPES = {datatype: dtype for dtype, datatype in DATATYPES.items()}


class Caller:
    """Calls RPCs by name."""

    def __init__(self, channel: grpc.Channel) -> None:
        self._channel = channel

    def __call__(self, name: str, request: Any = None, **arguments: Any) -> Any:
        """The response; the request is an empty one unless it is given, and may be bytes."""
        method: Any = self._channel.unary_unary(
            f"/{SERVICE}/{name}",
            request_serializer=lambda message: (
                message if isinstance(message, bytes) else message.SerializeToString()
            ),
            response_deserializer=getattr(pb, f"{name}Response").FromString,
        )
        given = getattr(pb, f"{name}Request")() if request is None else request
        return method(given, timeout=TIMEOUT_SECONDS, **arguments)

    def error(self, name: str, request: Any = None) -> tuple[grpc.StatusCode, str]:
        """How a call fails."""
        try:
            response = self(name, request)
        except grpc.RpcError as error:
            failed: Any = error
            return failed.code(), failed.details()
        raise AssertionError(f"it was answered: {response}")


def _bytes(message: Any) -> bytes:
    return message if isinstance(message, bytes) else message.SerializeToString()


@contextmanager
def calling(address: str) -> Iterator[Caller]:
    """Calls to a server."""
    with grpc.insecure_channel(address) as channel:
        yield Caller(channel)


def request(
    *arrays: tuple[str, np.ndarray],
    outputs: Sequence[str] = (),
    parameters: dict[str, Any] | None = None,
    **fields: Any,
) -> pb.ModelInferRequest:
    """A request with the bytes of these arrays, by the names of inputs; further fields as given."""
    message = pb.ModelInferRequest(**fields)
    for name, values in arrays:
        message.inputs.add(name=name, datatype=DATATYPES[values.dtype.name], shape=values.shape)
        message.raw_input_contents.append(raw(values))
    for name in outputs:
        message.outputs.add(name=name)
    for name, value in (parameters or {}).items():
        kind = {bool: "bool_param", int: "int64_param", str: "string_param", float: "double_param"}[type(value)]
        setattr(message.parameters[name], kind, value)
    return message


def raw(values: np.ndarray) -> bytes:
    """The bytes of an array."""
    return encode(values.ravel()).data if values.dtype == object else values.tobytes()


def arrays(response: pb.ModelInferResponse) -> dict[str, np.ndarray]:
    """The outputs of a response, by name."""
    pairs = zip(response.outputs, response.raw_output_contents, strict=True)
    return {tensor.name: _array(tensor, content) for tensor, content in pairs}


def _array(tensor: pb.ModelInferResponse.InferOutputTensor, content: bytes) -> np.ndarray:
    if tensor.datatype != "BYTES":
        return np.frombuffer(content, DTYPES[tensor.datatype]).reshape(tuple(tensor.shape))
    texts, position = [], 0
    while position < len(content):
        end = position + 4 + int.from_bytes(content[position : position + 4], "little")
        texts.append(content[position + 4 : end].decode())
        position = end
    return np.array(texts, object).reshape(tuple(tensor.shape))
