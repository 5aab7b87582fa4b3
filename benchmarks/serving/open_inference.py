"""The messages of the Open Inference Protocol that peers are asked by, and assayd too.

Made from a description of the few fields in use, in a pool of their own: generated stubs of one package cannot be
loaded twice.
"""

from typing import Any

import numpy as np
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from benchmarks.serving import score_calls
from benchmarks.serving.exchanges import ENTROPY, PROBABILITIES, Answer, Exchange, Scored

METHOD = "/inference.GRPCInferenceService/ModelInfer"
MODEL = "network"
INPUT = "x"
_KINDS = descriptor_pb2.FieldDescriptorProto
_TEXT, _WHOLE, _BYTES, _MESSAGE = _KINDS.TYPE_STRING, _KINDS.TYPE_INT64, _KINDS.TYPE_BYTES, _KINDS.TYPE_MESSAGE
_MESSAGES: dict[str, list[tuple[str, int, Any, bool]]] = {
    "Tensor": [("name", 1, _TEXT, False), ("datatype", 2, _TEXT, False), ("shape", 3, _WHOLE, True)],
    "ModelInferRequest": [
        ("model_name", 1, _TEXT, False),
        ("id", 3, _TEXT, False),
        ("inputs", 5, _MESSAGE, True),
        ("outputs", 6, _MESSAGE, True),
        ("raw_input_contents", 7, _BYTES, True),
    ],
    "ModelInferResponse": [
        ("model_name", 1, _TEXT, False),
        ("outputs", 5, _MESSAGE, True),
        ("raw_output_contents", 6, _BYTES, True),
    ],
}


def _message_classes() -> dict[str, Any]:
    file = descriptor_pb2.FileDescriptorProto(name="open_inference.proto", package="inference", syntax="proto3")
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for field, number, kind, repeated in fields:
            label = _KINDS.LABEL_REPEATED if repeated else _KINDS.LABEL_OPTIONAL
            tensor = ".inference.Tensor" if kind == _MESSAGE else None
            message.field.add(name=field, number=number, type=kind, label=label, type_name=tensor)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    found = (pool.FindMessageTypeByName(f"inference.{name}") for name in _MESSAGES)
    return {each.name: message_factory.GetMessageClass(each) for each in found}


_CLASSES = _message_classes()


_ALIGNMENT = 4
"""Bytes, of float32."""
ASSAYD_PREFIX = "assayd."
"""What is said besides the model's own outputs goes by such names."""


def assayd_exchange(rows: np.ndarray, expected: Answer) -> Exchange:
    """Asks assayd, whatever its model is called, for the same alone: by default it gives all that it has.

    With an id of as many letters as let the numbers lie as those of Score do: what is not aligned is copied, by
    chance of what stands before it, and that is no difference between the protocols.
    """
    numbers, native = rows.tobytes(), score_calls.exchange(rows, expected).request
    for letters in range(1, 1 + _ALIGNMENT):
        request = _request(rows, model="", id="a" * letters)
        for name in (PROBABILITIES, ENTROPY):
            request.outputs.add(name=ASSAYD_PREFIX + name)
        content = request.SerializeToString()
        if (content.find(numbers) - native.find(numbers)) % _ALIGNMENT == 0:
            break
    return Exchange(METHOD, content, Scored(read, expected))


def exchange(rows: np.ndarray, expected: Answer) -> Exchange:
    """Asks for probabilities and entropies of float32 rows, (n, d)."""
    return Exchange(METHOD, _request(rows, model=MODEL).SerializeToString(), Scored(read, expected))


def _request(rows: np.ndarray, *, model: str, id: str = "") -> Any:  # noqa: A002
    request = _CLASSES["ModelInferRequest"](model_name=model, id=id, raw_input_contents=[rows.tobytes()])
    request.inputs.add(name=INPUT, datatype="FP32", shape=rows.shape)
    return request


def read(response: bytes) -> Answer:
    """What a response says."""
    message = _CLASSES["ModelInferResponse"].FromString(response)
    found = {
        tensor.name.removeprefix(ASSAYD_PREFIX): np.frombuffer(raw, np.float32).reshape(tensor.shape)
        for tensor, raw in zip(message.outputs, message.raw_output_contents, strict=True)
    }
    return {PROBABILITIES: found[PROBABILITIES], ENTROPY: found[ENTROPY].reshape(-1)}
