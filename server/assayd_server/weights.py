"""Weights that lie in files beside a model, where PyTorch's exporter puts them."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import onnx

from assayd_server.errors import ArtefactError

_BYTES_MAX = 2**31 - 1
"""What one file of ONNX's format can hold."""


def weight_files(model: onnx.ModelProto) -> list[str]:
    """The names of the files that a model keeps weights in, as it spells them."""
    return sorted({_entries(tensor).get("location", "") for tensor in _outside(model)})


def taken_in(content: bytes, folder: Path, read: Callable[[Path], bytes]) -> tuple[bytes, list[bytes]]:
    """A model with the weights in it that lie in files beside it.

    Args:
        content: the .onnx file; one that cannot be read as such is left as it is, for ONNX Runtime to refuse.
        folder: where it lies; its weights must lie there too.
        read: gives the content of a file.

    Returns:
        The model as one file, and what the other files held, in the order of their names.

    Raises:
        ArtefactError: a file is elsewhere, cannot be read, is too short, or all are too large for one file.
    """
    model = parsed(content)
    names = weight_files(model) if model else []
    if not model or not names:
        return content, []
    contents = {name: read(folder / _checked(name)) for name in names}
    parts = [(tensor, _part(tensor, contents)) for tensor in _outside(model)]
    size = len(content) + sum(map(len, contents.values()))
    size = max(size, len(content) + sum(len(part) for _, part in parts))  # several may share the same bytes
    if size > _BYTES_MAX:
        raise ArtefactError(f"the model and its weights have {size} bytes, allowed are {_BYTES_MAX}")
    for tensor, part in parts:
        tensor.raw_data = bytes(part)
        tensor.ClearField("external_data")
        tensor.ClearField("data_location")
    return model.SerializeToString(), list(contents.values())


def parsed(content: bytes) -> onnx.ModelProto | None:
    """The model in an .onnx file; None where there is none."""
    try:
        return onnx.load_from_string(content)
    except Exception:  # protobuf's; ONNX Runtime has a sentence for that
        return None


def _part(tensor: onnx.TensorProto, contents: dict[str, bytes]) -> memoryview:
    entries = _entries(tensor)
    content = contents[entries.get("location", "")]
    try:
        start = int(entries.get("offset", 0))
        stop = start + int(entries["length"]) if "length" in entries else len(content)
    except ValueError:
        start, stop = 0, -1
    if not 0 <= start <= stop <= len(content):
        raise ArtefactError(
            f"weight {tensor.name!r} is not in {entries['location']!r}, which has {len(content)} bytes"
        )
    return memoryview(content)[start:stop]


def _checked(name: str) -> str:
    if Path(name).name != name or name in ("", "..") or not name.isprintable():
        raise ArtefactError(f"it keeps weights in {name!r}: allowed are files beside the model")
    return name


def _entries(tensor: onnx.TensorProto) -> dict[str, str]:
    return {entry.key: entry.value for entry in tensor.external_data}


def _outside(model: onnx.ModelProto) -> Iterator[onnx.TensorProto]:
    graphs: list[onnx.GraphProto | onnx.FunctionProto] = [model.graph, *model.functions]
    for tensor in (tensor for graph in graphs for tensor in _tensors(graph)):
        if tensor.data_location == onnx.TensorProto.EXTERNAL:
            yield tensor


def _tensors(graph: onnx.GraphProto | onnx.FunctionProto) -> Iterator[onnx.TensorProto]:
    """All tensors that a graph holds, also in its nodes and in the graphs in these."""
    attributes = [attribute for node in graph.node for attribute in node.attribute]
    if isinstance(graph, onnx.GraphProto):
        yield from graph.initializer
        yield from _dense(graph.sparse_initializer)
    else:
        attributes += graph.attribute_proto  # what its own attributes are where a call says nothing
    for attribute in attributes:
        yield from (attribute.t, *attribute.tensors)
        yield from _dense([attribute.sparse_tensor, *attribute.sparse_tensors])
        for inner in (attribute.g, *attribute.graphs):
            yield from _tensors(inner)


def _dense(tensors: Iterable[onnx.SparseTensorProto]) -> Iterator[onnx.TensorProto]:
    return (part for tensor in tensors for part in (tensor.values, tensor.indices))
