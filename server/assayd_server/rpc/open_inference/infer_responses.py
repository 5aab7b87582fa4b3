"""Responses of ModelInfer: messages, and bytes by the forms of those that came before."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from assayd_server.asks import Known
from assayd_server.bundle import Identity
from assayd_server.offered import Find, Offered
from assayd_server.rpc.open_inference.datatypes import DTYPES, NAMES, bytes_of
from assayd_server.rpc.open_inference.infer_ask import InferAsk
from assayd_server.rpc.open_inference.open_inference_pb2 import ModelInferResponse
from assayd_server.score_job import Part
from assayd_server.scoring import Scores

_BYTES_WIRE_TYPE = 2


class _Field(NamedTuple):
    find: Find
    dtype: np.dtype[Any]
    header: bytes
    """What stands before its bytes."""


class _Form(NamedTuple):
    """How responses are written to calls of one ask, one model and one number of rows."""

    start: bytes
    fields: Sequence[_Field]


def response(infer: InferAsk, request_id: str, scores: Scores, rows: slice = slice(None)) -> ModelInferResponse:
    """What was asked for, of some rows."""
    assert scores.plan.model is not None  # rows of inputs have one
    arrays = [_cast(each.find(scores)[rows], _dtype(each)) for each in infer.outputs]
    message = _without_numbers(scores.plan.model.identity, infer.outputs, [values.shape for values in arrays])
    message.id = request_id
    message.raw_output_contents.extend(map(bytes_of, arrays))
    return message


def response_bytes(infer: InferAsk, request_id: bytes, known: Known, part: Part) -> bytes:
    """The same for some rows of what was scored together, as bytes.

    A message of protobuf is the bytes of its fields, in any order: all but the id and the numbers is made once.

    Args:
        infer: what was asked for.
        request_id: UTF-8; may be empty.
        known: to which the scores belong.
        part: n rows of them.
    """
    scores, rows = part
    row_count = rows.stop - rows.start
    form: _Form | None = known.forms.get(row_count)
    if form is None:
        if not all(map(_has_fixed_size, infer.outputs)):
            return response(infer, request_id.decode(), scores, rows).SerializeToString()
        form = known.forms[row_count] = _form(infer, known, row_count)
        if len(known.forms) > known.forms_max:
            known.forms.pop(next(iter(known.forms)))
    pieces = [form.start]
    if request_id:
        pieces += (_header(ModelInferResponse.ID_FIELD_NUMBER, len(request_id)), request_id)
    for find, dtype, header in form.fields:
        pieces += (header, _cast(find(scores)[rows], dtype).tobytes())
    return b"".join(pieces)


def _form(infer: InferAsk, known: Known, row_count: int) -> _Form:
    assert known.plan.model is not None  # rows of inputs have one
    shapes = [(row_count, *(length or 0 for length in each.spec.shape[1:])) for each in infer.outputs]
    message = _without_numbers(known.plan.model.identity, infer.outputs, shapes)
    fields = [
        _Field(each.find, _dtype(each), _content_header(math.prod(shape) * _dtype(each).itemsize))
        for each, shape in zip(infer.outputs, shapes, strict=True)
    ]
    return _Form(message.SerializeToString(), fields)


def _has_fixed_size(offered: Offered) -> bool:
    return offered.spec.data_type != "string" and None not in offered.spec.shape[1:]


def _dtype(offered: Offered) -> np.dtype[Any]:
    return DTYPES[NAMES[offered.spec.data_type]]


def _cast(values: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    if values.dtype == dtype or dtype.kind == "O":
        return values
    with np.errstate(over="ignore"):  # beyond float32 lies an infinity
        return values.astype(dtype)


def _without_numbers(
    identity: Identity, outputs: Sequence[Offered], shapes: Sequence[tuple[int, ...]]
) -> ModelInferResponse:
    message = ModelInferResponse(model_name=identity.name, model_version=str(identity.version))
    for each, shape in zip(outputs, shapes, strict=True):
        message.outputs.add(name=each.spec.name, datatype=NAMES[each.spec.data_type], shape=shape)
    return message


def _content_header(size: int) -> bytes:
    return _header(ModelInferResponse.RAW_OUTPUT_CONTENTS_FIELD_NUMBER, size)


def _header(number: int, size: int) -> bytes:
    """What stands before the bytes of a field: its tag, and how many they are, as varints."""
    header = bytearray([number << 3 | _BYTES_WIRE_TYPE])
    while size > 0x7F:
        header.append(size & 0x7F | 0x80)
        size >>= 7
    header.append(size)
    return bytes(header)
