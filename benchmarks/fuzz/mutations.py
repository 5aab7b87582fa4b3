"""Changes to messages, by their descriptors: every field of every message can become anything it can hold."""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from assayd.v1 import tensor_pb2
from assayd_server.rpc.open_inference.open_inference_pb2 import ModelInferRequest
from benchmarks.fuzz import infer_mutations, values
from benchmarks.fuzz.tokens import tampered
from benchmarks.fuzz.wire import MIB

REPEATS = (2, 3, 29, 257, 3000)
_REPEATED_BYTES_MAX = 20 * MIB
"""More than a server takes, and less than what cannot be written any more."""
_MESSAGE = FieldDescriptor.CPPTYPE_MESSAGE


def mutate(rng: random.Random, message: Message, tokens: Sequence[bytes]) -> None:
    """Change one thing in a message, or somewhere in those that it holds.

    Args:
        rng: decides.
        message: is changed.
        tokens: states of streams, as a server gave them.
    """
    target = rng.choice(list(_messages(message)))
    special, fields = _SPECIAL.get(target.DESCRIPTOR.full_name), target.DESCRIPTOR.fields
    if special and rng.random() < 0.7:
        rng.choice(special)(rng, target)
        return
    if fields:
        _mutate_field(rng, target, rng.choice(fields), tokens)


def _messages(message: Message) -> Iterator[Message]:
    """A message and all that it holds."""
    yield message
    for field, value in message.ListFields():
        if field.cpp_type != _MESSAGE:
            continue
        for inner in value.values() if _is_map(field) else value if field.is_repeated else [value]:
            yield from _messages(inner)


def _is_map(field: FieldDescriptor) -> bool:
    """Of messages, by texts: there are no other ones."""
    return field.cpp_type == _MESSAGE and field.message_type.GetOptions().map_entry


def _mutate_field(rng: random.Random, message: Message, field: FieldDescriptor, tokens: Sequence[bytes]) -> None:
    if rng.random() < 0.15:
        message.ClearField(field.name)
    elif _is_map(field):
        _mutate_map(rng, getattr(message, field.name))
    elif field.is_repeated:
        _mutate_list(rng, getattr(message, field.name), field)
    elif field.cpp_type == _MESSAGE:
        inner = getattr(message, field.name)
        inner.SetInParent()  # an empty one, or the other member of a oneof
        _fill(rng, inner)
    elif field.name == "state":
        message.state = tampered(rng, rng.choice(tokens))  # type: ignore[attr-defined]
    else:
        setattr(message, field.name, values.odd_value(rng, field))


def _mutate_list(rng: random.Random, entries: Any, field: FieldDescriptor) -> None:
    count = rng.choice(REPEATS)
    if field.cpp_type == _MESSAGE:
        if not entries or rng.random() < 0.3:
            _fill(rng, entries.add())
        content = entries[0].SerializeToString()
        count = min(count, _REPEATED_BYTES_MAX // (len(content) + 1))
        entries.extend(type(entries[0]).FromString(content) for _ in range(count))
    elif rng.random() < 0.5:
        entries.append(values.odd_value(rng, field))
    else:
        entry = entries[0] if entries else values.odd_value(rng, field)
        size = len(entry) if isinstance(entry, str | bytes) else 1
        entries.extend([entry] * min(count, _REPEATED_BYTES_MAX // (4 * size + 1)))


def _mutate_map(rng: random.Random, entries: Any) -> None:
    """One entry of any name, or many."""
    names = [rng.choice((*infer_mutations.PARAMETERS, values.odd_text(rng)))]
    if rng.random() < 0.2:
        names += [f"name {number}" for number in range(rng.choice(REPEATS))]
    for name in names:
        _fill(rng, entries[name])


def _fill(rng: random.Random, message: Message) -> None:
    """Give some fields of a message values."""
    for field in message.DESCRIPTOR.fields:
        if rng.random() < 0.5 or field.is_repeated:
            continue
        if field.cpp_type == _MESSAGE:
            getattr(message, field.name).SetInParent()
        else:
            setattr(message, field.name, values.odd_value(rng, field))


def _reshape(rng: random.Random, tensor: tensor_pb2.Tensor) -> None:
    tensor.shape[:] = rng.choice(values.SHAPES)


def _reshape_axis(rng: random.Random, tensor: tensor_pb2.Tensor) -> None:
    if tensor.shape:
        tensor.shape[rng.randrange(len(tensor.shape))] = rng.choice(values.WHOLE)


def _retype(rng: random.Random, tensor: tensor_pb2.Tensor) -> None:
    tensor.data_type = rng.choice((*tensor_pb2.DataType.values(), 99, -1))


def _cut(rng: random.Random, tensor: tensor_pb2.Tensor) -> None:
    tensor.data = tensor.data[: rng.randrange(len(tensor.data) + 1)]


def _lengthen(rng: random.Random, tensor: tensor_pb2.Tensor) -> None:
    tensor.data += values.odd_bytes(rng)


def _refill(rng: random.Random, tensor: tensor_pb2.Tensor) -> None:
    tensor.data = values.odd_numbers(rng, len(tensor.data))


def _spoil_a_number(rng: random.Random, tensor: tensor_pb2.Tensor) -> None:
    """One of the numbers; the others stay what they were."""
    data = bytearray(tensor.data)
    start = rng.randrange(len(data) + 1) & ~7
    data[start : start + 8] = values.odd_numbers(rng, len(data[start : start + 8]))
    tensor.data = bytes(data)


def _narrow(_: random.Random, tensor: tensor_pb2.Tensor) -> None:
    """As many bytes, read as numbers of half the width: the tensor still fits itself."""
    narrower = {
        tensor_pb2.DATA_TYPE_FLOAT64: tensor_pb2.DATA_TYPE_FLOAT32,
        tensor_pb2.DATA_TYPE_FLOAT32: tensor_pb2.DATA_TYPE_FLOAT16,
        tensor_pb2.DATA_TYPE_INT64: tensor_pb2.DATA_TYPE_INT32,
    }
    if tensor.data_type in narrower and tensor.shape and 0 <= tensor.shape[0] < 2**40:
        tensor.data_type = narrower[tensor.data_type]
        tensor.shape[0] *= 2


def _become_text(rng: random.Random, tensor: tensor_pb2.Tensor) -> None:
    """Texts whose lengths may be what they say."""
    text = values.odd_text(rng).encode()[: rng.choice((3, 40, 80_000))]
    lengths = (len(text), len(text), 0, 2**31, 2**32 - 1)
    tensor.data_type = tensor_pb2.DATA_TYPE_STRING
    tensor.shape[:] = [rng.choice((1, 3, 12))]
    tensor.data = (rng.choice(lengths).to_bytes(4, "little") + text) * tensor.shape[0]


def _rename(rng: random.Random, tensor: tensor_pb2.Tensor) -> None:
    tensor.name = values.odd_text(rng)


_OF_TENSORS: tuple[Callable[[random.Random, tensor_pb2.Tensor], None], ...] = (
    _reshape,
    _reshape_axis,
    _retype,
    _cut,
    _lengthen,
    _refill,
    _spoil_a_number,
    _narrow,
    _become_text,
    _rename,
)
_SPECIAL: Mapping[str, Sequence[Callable[[random.Random, Any], None]]] = {
    tensor_pb2.Tensor.DESCRIPTOR.full_name: _OF_TENSORS,
    ModelInferRequest.DESCRIPTOR.full_name: infer_mutations.OF_REQUESTS,
    ModelInferRequest.InferInputTensor.DESCRIPTOR.full_name: infer_mutations.OF_TENSORS,
}
"""Changes to what has more to it than its fields, by the name of its type."""
