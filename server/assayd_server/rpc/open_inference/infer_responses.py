"""Responses of ModelInfer: messages, and bytes by the forms of those that came before."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from numpy.typing import NDArray

from assayd_server.asks import Known
from assayd_server.bundle import Identity
from assayd_server.offered import Offered, values_of
from assayd_server.rpc.open_inference.datatypes import DTYPES, NAMES, bytes_of
from assayd_server.rpc.open_inference.infer_ask import InferAsk
from assayd_server.rpc.open_inference.open_inference_pb2 import ModelInferResponse
from assayd_server.score_job import Part
from assayd_server.scoring import Scores

_FORMS_MAX = 256
"""Of the responses to one ask, by their numbers of rows."""


def response(infer: InferAsk, scores: Scores, request_id: str) -> ModelInferResponse:
    """What was asked for."""
    arrays = values_of(infer.outputs, scores)
    assert scores.plan.model is not None  # rows of inputs have one
    message = _without_numbers(scores.plan.model.identity, infer.outputs, arrays)
    message.id = request_id
    message.raw_output_contents.extend(map(bytes_of, arrays))
    return message


def response_bytes(infer: InferAsk, request_id: str, known: Known, part: Part) -> bytes:
    """The same for some rows of what was scored together, as bytes.

    A message of protobuf is the bytes of its fields, in any order: all but the id and the numbers is made once.
    """
    scores, rows = part
    arrays = [values[rows] for values in values_of(infer.outputs, scores)]
    assert known.plan.model is not None  # as above
    identity = known.plan.model.identity
    key = (identity.version, identity.digest, *[values.shape for values in arrays])
    form: _Form | None = infer.forms.get(key)
    if form is None:
        form = _Form.of(_without_numbers(identity, infer.outputs, arrays))
        if len(infer.forms) < _FORMS_MAX:
            infer.forms[key] = form
    pieces = [form.start]
    if request_id:
        pieces.append(ModelInferResponse(id=request_id).SerializeToString())
    for values, header in zip(arrays, form.headers, strict=True):
        content = bytes_of(values)
        pieces += (header or _header(len(content)), content)
    return b"".join(pieces)


class _Form(NamedTuple):
    start: bytes
    headers: Sequence[bytes | None]
    """What stands before the bytes of each output; None where their number is not known before."""

    @classmethod
    def of(cls, message: ModelInferResponse) -> "_Form":
        headers = [
            None
            if tensor.datatype == "BYTES"
            else _header(math.prod(tensor.shape) * DTYPES[tensor.datatype].itemsize)
            for tensor in message.outputs
        ]
        return cls(message.SerializeToString(), headers)


def _without_numbers(
    identity: Identity, outputs: Sequence[Offered], arrays: Sequence[NDArray[Any]]
) -> ModelInferResponse:
    message = ModelInferResponse(model_name=identity.name, model_version=str(identity.version))
    for each, values in zip(outputs, arrays, strict=True):
        message.outputs.add(name=each.spec.name, datatype=NAMES[each.spec.data_type], shape=values.shape)
    return message


def _header(size: int) -> bytes:
    """The tag of raw_output_contents, and so many bytes as a varint."""
    header = bytearray([ModelInferResponse.RAW_OUTPUT_CONTENTS_FIELD_NUMBER << 3 | 2])
    while size > 0x7F:
        header.append(size & 0x7F | 0x80)
        size >>= 7
    header.append(size)
    return bytes(header)
