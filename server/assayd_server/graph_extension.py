"""Nodes that are added to a model's graph, so that its own pass says what NumPy would else: NumPy's calls, for few
rows and with cold caches, cost more than their arithmetic (docs/decisions/0014)."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from assayd_server.weights import parsed

PREFIX = "assayd."
"""Of the names of all tensors that are added."""
OPSET_MIN = 13
"""Before it, some of the operations took their axes in another way."""
_AXES_AS_INPUT = 18
"""From this opset on ReduceMax and ReduceMin take their axes as an input."""


@dataclass(frozen=True)
class Extension:
    """What is added for one role."""

    role: str
    """Under which a pass is asked for it."""
    nodes: Sequence[onnx.NodeProto]
    weights: Mapping[str, NDArray[Any]]
    outputs: Mapping[str, tuple[int, Sequence[int]]]
    """Type and shape of a row, by name."""


@dataclass(frozen=True)
class Ground:
    """A graph that can be added to."""

    model: onnx.ModelProto
    opset: int

    def is_matrix(self, name: str | None) -> bool:
        """Whether an output is (n, m) float32, as it stands in the graph."""
        kinds = [output.type.tensor_type for output in self.model.graph.output if output.name == name]
        return any(kind.elem_type == TensorProto.FLOAT and len(kind.shape.dim) == 2 for kind in kinds)

    def reduced(self, operation: str, name: str, output: str, *, axis: str, keepdims: int) -> onnx.NodeProto:
        """ReduceMax or ReduceMin of a matrix along its columns.

        Args:
            operation: its name.
            name: of the matrix.
            output: what it gives.
            axis: a weight that holds the 1.
            keepdims: whether (n, 1) or (n,).
        """
        if self.opset >= _AXES_AS_INPUT:
            return helper.make_node(operation, [name, axis], [output], keepdims=keepdims)
        return helper.make_node(operation, [name], [output], axes=[1], keepdims=keepdims)


Make: TypeAlias = Callable[[Ground], Extension | None]
"""Makes an extension; None where the graph is not fit for it."""


@dataclass(frozen=True)
class Extended:
    """A graph that says more than it did."""

    content: bytes
    """The .onnx file."""
    said: Mapping[str, tuple[str, ...]]
    """What it says besides its own outputs: their names, by role."""


def extended(content: bytes, makers: Iterable[Make]) -> Extended | None:
    """A graph with what can be added to it.

    Args:
        content: an .onnx file that can be run.
        makers: of what is to be added.

    Returns:
        None where nothing can be, as where the graph is too old, or has a tensor whose name begins with "assayd.".
    """
    ground = _ground(content)
    extensions = [made for make in makers if ground and (made := make(ground))]
    if ground is None or not extensions:
        return None
    graph = ground.model.graph
    for extension in extensions:
        graph.node.extend(extension.nodes)
        graph.initializer.extend(
            numpy_helper.from_array(np.asarray(value), name) for name, value in extension.weights.items()
        )
        graph.output.extend(
            helper.make_tensor_value_info(name, kind, [None, *shape])
            for name, (kind, shape) in extension.outputs.items()
        )
    said = {extension.role: tuple(extension.outputs) for extension in extensions}
    return Extended(ground.model.SerializeToString(), said)


def _ground(content: bytes) -> Ground | None:
    model = parsed(content)
    if model is None:
        return None
    opset = next((entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")), 0)
    names = {name for node in model.graph.node for name in (*node.output, *node.input)}
    if opset < OPSET_MIN or any(name.startswith(PREFIX) for name in names):
        return None
    return Ground(model, opset)
