"""A softmax, its entropy and its first class as nodes of the model's own graph: the pass says them itself.

For few rows that takes a third of what it takes NumPy, whose calls cost more than their arithmetic
(docs/decisions/0014).
"""

import math

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from assayd_server.weights import parsed

PREDICTIONS, PROBABILITIES, ENTROPY = OUTPUTS = ("assayd.predictions", "assayd.probabilities", "assayd.entropy")
"""(n,) int32, (n, c) float32, (n,) float32 in [0, 1]."""
COLUMNS_MAX = 1024
"""Calls that want no softmax pay for it too, which a wide one would make them feel."""
_OPSET_MIN = 13
"""Before it, some of the operations took their axes in another way."""
_AXES_AS_INPUT = 18
"""From this opset on ReduceMax takes its axes as an input."""


def with_softmax(
    content: bytes, *, logits: str, columns: int, temperature: float, columns_max: int = COLUMNS_MAX
) -> bytes | None:
    """The graph with these outputs besides its own.

    Args:
        content: an .onnx file that can be run.
        logits: its output of class scores, (n, c).
        columns: c, 2 or more.
        temperature: divides the logits.
        columns_max: wider logits are left as they are.

    Returns:
        The .onnx file; None where the graph is too old or too wide for it, where its logits are not single
        precision, or where it has a tensor of one of these names.
    """
    model = parsed(content)
    if model is None or columns > columns_max:
        return None
    output = next((one for one in model.graph.output if one.name == logits), None)
    opset = next((entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")), 0)
    if output is None or opset < _OPSET_MIN or not _is_fit(model, output):
        return None
    nodes, weights = _nodes(logits, columns, temperature, opset=opset)
    model.graph.node.extend(nodes)
    model.graph.initializer.extend(weights)
    rows = _rows_of(output)
    model.graph.output.extend(
        [
            helper.make_tensor_value_info(PREDICTIONS, TensorProto.INT32, [rows]),
            helper.make_tensor_value_info(PROBABILITIES, TensorProto.FLOAT, [rows, columns]),
            helper.make_tensor_value_info(ENTROPY, TensorProto.FLOAT, [rows]),
        ]
    )
    return model.SerializeToString()


def _is_fit(model: onnx.ModelProto, output: onnx.ValueInfoProto) -> bool:
    kind = output.type.tensor_type
    names = {name for node in model.graph.node for name in (*node.output, *node.input)}
    free = not any(name.startswith("assayd.") for name in names)
    return kind.elem_type == TensorProto.FLOAT and len(kind.shape.dim) == 2 and free


def _rows_of(output: onnx.ValueInfoProto) -> int | str | None:
    rows = output.type.tensor_type.shape.dim[0]
    return rows.dim_value or rows.dim_param or None


def _nodes(
    logits: str, columns: int, temperature: float, *, opset: int
) -> tuple[list[onnx.NodeProto], list[TensorProto]]:
    """H = -sum p ln p / ln c, with ln p from a softmax of its own: exact, and faster than a logarithm."""
    weights = {
        "assayd.scale": np.float32(-1 / math.log(columns)),
        "assayd.axis": np.array([1], np.int64),
        "assayd.zero": np.float32(0),
        "assayd.one": np.float32(1),
    }
    exponents, nodes = logits, []
    if temperature != 1.0:
        weights["assayd.coldness"] = np.float32(1 / temperature)
        exponents, nodes = "assayd.exponents", _tempered(logits, opset)
    nodes += [
        helper.make_node("Softmax", [exponents], [PROBABILITIES], axis=1),
        helper.make_node("LogSoftmax", [exponents], ["assayd.logarithms"], axis=1),
        helper.make_node("Mul", [PROBABILITIES, "assayd.logarithms"], ["assayd.terms"]),
        helper.make_node("ReduceSum", ["assayd.terms", "assayd.axis"], ["assayd.sum"], keepdims=0),
        helper.make_node("Mul", ["assayd.sum", "assayd.scale"], ["assayd.unbounded"]),
        helper.make_node("Clip", ["assayd.unbounded", "assayd.zero", "assayd.one"], [ENTROPY]),
        helper.make_node("ArgMax", [PROBABILITIES], ["assayd.first"], axis=1, keepdims=0),
        helper.make_node("Cast", ["assayd.first"], [PREDICTIONS], to=TensorProto.INT32),
    ]
    return nodes, [numpy_helper.from_array(np.asarray(value), name) for name, value in weights.items()]


def _tempered(logits: str, opset: int) -> list[onnx.NodeProto]:
    """(z - z1) / T. The largest is taken off first: multiplied, large logits would lose their differences."""
    if opset >= _AXES_AS_INPUT:
        largest = helper.make_node("ReduceMax", [logits, "assayd.axis"], ["assayd.largest"], keepdims=1)
    else:
        largest = helper.make_node("ReduceMax", [logits], ["assayd.largest"], axes=[1], keepdims=1)
    return [
        largest,
        helper.make_node("Sub", [logits, "assayd.largest"], ["assayd.behind"]),
        helper.make_node("Mul", ["assayd.behind", "assayd.coldness"], ["assayd.exponents"]),
    ]
