"""What is done to an ONNX graph before it is run. Only this file, graph_size.py, graph_extension.py, weights.py,
last_layer.py and the files of nodes import onnx."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import onnx

from assayd_server.errors import ArtefactError
from assayd_server.graph_size import check_size
from assayd_server.weights import parsed, weight_files


@dataclass(frozen=True, slots=True)
class Graph:
    """A graph that gives matrices."""

    content: bytes
    """The .onnx file, changed where that was needed."""
    labels: tuple[str, ...]
    """The class names that stood in the graph; or none."""
    made_by: Mapping[str, str]
    """The kind of operation that gives each output, such as Softmax or Sigmoid."""


def prepare(content: bytes, *, exposed: str | None) -> Graph:
    """Take ZipMaps off, and make an inner tensor an output.

    A ZipMap, which skl2onnx adds by default, turns the matrix of probabilities into a list of dicts: its input is
    the matrix, and it holds the class names.

    Args:
        content: the .onnx file; one that cannot be read as such is left for ONNX Runtime to refuse.
        exposed: the name of an output, or of a tensor inside of the graph that is to be one; None for no such.

    Raises:
        ArtefactError: there is no such tensor, or weights lie in other files.
    """
    model = parsed(content)
    if model is None:
        return Graph(content, (), {})
    _check_whole(model)
    check_size(model)
    labels = _without_zip_maps(model.graph)
    added = exposed is not None and _expose(model.graph, exposed)
    changed = labels is not None or added
    return Graph(model.SerializeToString() if changed else content, labels or (), _makers(model.graph))


def inner_matrices(content: bytes) -> list[str]:
    """Float matrices inside of the graph, in its order: what could serve as the embedding."""
    graph = onnx.shape_inference.infer_shapes(onnx.load_from_string(content)).graph
    inner = _computed(graph) - {output.name for output in graph.output}
    return [value.name for value in graph.value_info if value.name in inner and _is_matrix(value.type.tensor_type)]


def _makers(graph: onnx.GraphProto) -> dict[str, str]:
    """By output, the operation that gives it; one that leaves values as they are is looked through."""
    nodes = {output: node for node in graph.node for output in node.output}
    makers = {}
    for output in graph.output:
        name = output.name
        for _ in graph.node:  # at most: what goes round in a circle is for ONNX Runtime to refuse
            if name not in nodes or nodes[name].op_type not in ("Identity", "Cast") or not nodes[name].input:
                break
            name = nodes[name].input[0]
        if name in nodes:
            makers[output.name] = nodes[name].op_type
    return makers


def _computed(graph: onnx.GraphProto) -> set[str]:
    """The tensors that depend on an input; weights do not, and PyTorch lists them among the others."""
    found = {value.name for value in graph.input} - {weights.name for weights in graph.initializer}
    for node in graph.node:
        if not found.isdisjoint(node.input):
            found.update(node.output)
    return found


def _is_matrix(kind: onnx.TypeProto.Tensor) -> bool:
    floats = (onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16, onnx.TensorProto.DOUBLE)
    lengths = [dim.dim_value for dim in kind.shape.dim]
    flat = len(lengths) == 2 or (len(lengths) > 3 and set(lengths[2:]) == {1})
    return (
        kind.elem_type in floats and flat and lengths[1] != 1
    )  # a single column tells rows apart, not kinds of rows


def _check_whole(model: onnx.ModelProto) -> None:
    """No digest covers a file that the graph merely names, and it could be any file of this machine."""
    files = weight_files(model)
    if files:
        raise ArtefactError(
            f"it keeps weights in another file, {files[0]!r}, which was not read: make one file of both"
        )


def _without_zip_maps(graph: onnx.GraphProto) -> tuple[str, ...] | None:
    """The class names of the last ZipMap; None where there is none."""
    labels = None
    outputs = {output.name: output for output in graph.output}
    for node in [node for node in graph.node if node.op_type == "ZipMap" and _gives_an_output(node, outputs)]:
        labels = _class_names(node)
        graph.node.remove(node)
        outputs[node.output[0]].CopyFrom(_float_matrix(node.input[0], len(labels)))
    return labels


def _gives_an_output(node: onnx.NodeProto, outputs: Collection[str]) -> bool:
    return len(node.input) == 1 and len(node.output) == 1 and node.output[0] in outputs


def _class_names(node: onnx.NodeProto) -> tuple[str, ...]:
    attributes = {attribute.name: attribute for attribute in node.attribute}
    if "classlabels_strings" in attributes:
        return tuple(name.decode(errors="replace") for name in attributes["classlabels_strings"].strings)
    if "classlabels_int64s" in attributes:
        return tuple(map(str, attributes["classlabels_int64s"].ints))
    raise ArtefactError(f"ZipMap {node.name!r} has no class names")


def _float_matrix(name: str, columns: int) -> onnx.ValueInfoProto:
    return onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [None, columns])


def _expose(graph: onnx.GraphProto, name: str) -> bool:
    """Whether the graph had to be changed for it."""
    if name in {output.name for output in graph.output}:
        return False
    if name not in {output for node in graph.node for output in node.output}:
        raise ArtefactError(
            f"there is no tensor {name!r} in the graph; assayd inspect lists those that are matrices"
        )
    graph.output.append(onnx.helper.make_empty_tensor_value_info(name))
    return True
