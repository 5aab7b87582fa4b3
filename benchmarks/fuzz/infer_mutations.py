"""Changes to requests of ModelInfer: their tensors are in two places, which then say different things."""

import random
from collections.abc import Callable

import numpy as np

from assayd_server.rpc.open_inference.datatypes import CONTENTS, NAMES
from assayd_server.rpc.open_inference.open_inference_pb2 import ModelInferRequest
from benchmarks.fuzz import values

_DATATYPES = (*NAMES.values(), "BYTES", "BF16", "fp32", "")
_COUNTS = (0, 1, 63, 64, 65, 128, 30_000)
_OUTPUTS = ("probabilities", "embedding", "assayd.entropy", "assayd.novelty_p", "assayd.", "assayd.nothing")
PARAMETERS = ("priority", "timeout", "classification", "shared_memory_region", "binary_data", "sequence_id")
"""Names that mean something, here or in Triton."""
_Tensor = ModelInferRequest.InferInputTensor


def _reshape(rng: random.Random, tensor: _Tensor) -> None:
    tensor.shape[:] = rng.choice(values.SHAPES)


def _reshape_axis(rng: random.Random, tensor: _Tensor) -> None:
    if tensor.shape:
        tensor.shape[rng.randrange(len(tensor.shape))] = rng.choice(values.WHOLE)


def _retype(rng: random.Random, tensor: _Tensor) -> None:
    tensor.datatype = rng.choice(_DATATYPES)


def _rename(rng: random.Random, tensor: _Tensor) -> None:
    tensor.name = values.odd_text(rng)


def _fill_contents(rng: random.Random, tensor: _Tensor) -> None:
    """Elements of some type, which may be that of the tensor, and as many as it has by chance."""
    place = rng.choice((CONTENTS.get(tensor.datatype, "fp32_contents"), *CONTENTS.values()))
    field = tensor.contents.DESCRIPTOR.fields_by_name[place]
    getattr(tensor.contents, place).extend([values.odd_value(rng, field)] * rng.choice(_COUNTS))


def _give_twice(rng: random.Random, request: ModelInferRequest) -> None:
    """One tensor more of a name that is there."""
    if request.inputs:
        request.inputs.add().CopyFrom(rng.choice(request.inputs))


def _move_to_contents(_: random.Random, request: ModelInferRequest) -> None:
    """The same numbers, one by one."""
    for tensor, raw in zip(request.inputs, request.raw_input_contents, strict=False):
        tensor.contents.fp32_contents[:] = np.frombuffer(raw[: len(raw) // 4 * 4], "<f4").tolist()
    del request.raw_input_contents[:]


def _add_raw(rng: random.Random, request: ModelInferRequest) -> None:
    request.raw_input_contents.append(values.odd_bytes(rng))


def _change_raw(rng: random.Random, request: ModelInferRequest) -> None:
    """Cut, longer, of other numbers, of another length altogether, or not there."""
    raw = request.raw_input_contents
    if not raw:
        return
    content = raw[0]
    raw[0] = rng.choice(
        (
            content[: rng.randrange(len(content) + 1)],
            content + values.odd_bytes(rng),
            values.odd_numbers(rng, len(content)),
            values.odd_bytes(rng),
        )
    )
    if rng.random() < 0.1:
        del raw[:]


def _become_texts(rng: random.Random, request: ModelInferRequest) -> None:
    """Texts whose lengths may be what they say."""
    if not request.inputs:
        return
    tensor, count = request.inputs[0], rng.choice((1, 3, 12))
    text = values.odd_text(rng).encode()[: rng.choice((3, 40, 80_000))]
    length = rng.choice((len(text), len(text), 0, 2**31, 2**32 - 1))
    tensor.datatype, tensor.shape[:] = "BYTES", [count, 1]
    request.raw_input_contents[:] = [(length.to_bytes(4, "little") + text) * count]


def _ask_for(rng: random.Random, request: ModelInferRequest) -> None:
    request.outputs.add(name=rng.choice((*_OUTPUTS, values.odd_text(rng))))


def _set_parameter(rng: random.Random, request: ModelInferRequest) -> None:
    """A value of any type for a name that means something, of the request or of a tensor."""
    holder = rng.choice([request, *request.inputs[:3], *request.outputs[:3]])
    value = holder.parameters[rng.choice(PARAMETERS)]
    field = rng.choice(value.DESCRIPTOR.fields)
    setattr(value, field.name, values.odd_value(rng, field))


OF_TENSORS: tuple[Callable[[random.Random, _Tensor], None], ...] = (
    _reshape,
    _reshape_axis,
    _retype,
    _rename,
    _fill_contents,
)
OF_REQUESTS: tuple[Callable[[random.Random, ModelInferRequest], None], ...] = (
    _give_twice,
    _move_to_contents,
    _add_raw,
    _change_raw,
    _become_texts,
    _ask_for,
    _set_parameter,
)
