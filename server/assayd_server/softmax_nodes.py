"""A softmax, its entropy and its first class as nodes of the model's own graph: the pass says them itself."""

import math
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper

from assayd_server.forward import SOFTMAX
from assayd_server.graph_extension import Extension, Ground

PREDICTIONS, PROBABILITIES, ENTROPY = OUTPUTS = ("assayd.predictions", "assayd.probabilities", "assayd.entropy")
"""(n,) int32, (n, c) float32, (n,) float32 in [0, 1]."""
COLUMNS_MAX = 1024
"""Wider logits are NumPy's: what takes it long is not its calls."""


def softmax(
    ground: Ground, *, logits: str, columns: int, temperature: float, columns_max: int = COLUMNS_MAX
) -> Extension | None:
    """The outputs of Softmax.

    Args:
        ground: the graph.
        logits: its output of class scores, (n, c).
        columns: c, 2 or more.
        temperature: divides the logits.
        columns_max: wider logits are left as they are.

    Returns:
        None where there are more columns, or the logits are not single precision.
    """
    if columns > columns_max or not ground.is_matrix(logits):
        return None
    weights: dict[str, NDArray[Any]] = {
        "assayd.scale": np.array(-1 / math.log(columns), np.float32),
        "assayd.axis": np.array([1], np.int64),
        "assayd.zero": np.array(0, np.float32),
        "assayd.one": np.array(1, np.float32),
    }
    exponents, nodes = logits, []
    if temperature != 1.0:
        weights["assayd.coldness"] = np.array(1 / temperature, np.float32)
        exponents, nodes = "assayd.exponents", _tempered(ground, logits)
    return Extension(
        SOFTMAX,
        [*nodes, *_nodes(exponents)],
        weights,
        {
            PREDICTIONS: (TensorProto.INT32, []),
            PROBABILITIES: (TensorProto.FLOAT, [columns]),
            ENTROPY: (TensorProto.FLOAT, []),
        },
    )


def _nodes(exponents: str) -> list[onnx.NodeProto]:
    """H = -sum p ln p / ln c, with ln p from a softmax of its own: exact, and faster than a logarithm."""
    return [
        helper.make_node("Softmax", [exponents], [PROBABILITIES], axis=1),
        helper.make_node("LogSoftmax", [exponents], ["assayd.logarithms"], axis=1),
        helper.make_node("Mul", [PROBABILITIES, "assayd.logarithms"], ["assayd.terms"]),
        helper.make_node("ReduceSum", ["assayd.terms", "assayd.axis"], ["assayd.sum"], keepdims=0),
        helper.make_node("Mul", ["assayd.sum", "assayd.scale"], ["assayd.unbounded"]),
        helper.make_node("Clip", ["assayd.unbounded", "assayd.zero", "assayd.one"], [ENTROPY]),
        helper.make_node("ArgMax", [PROBABILITIES], ["assayd.first"], axis=1, keepdims=0),
        helper.make_node("Cast", ["assayd.first"], [PREDICTIONS], to=TensorProto.INT32),
    ]


def _tempered(ground: Ground, logits: str) -> list[onnx.NodeProto]:
    """(z - z1) / T. The largest is taken off first: multiplied, large logits would lose their differences."""
    return [
        ground.reduced("ReduceMax", logits, "assayd.largest", axis="assayd.axis", keepdims=1),
        helper.make_node("Sub", [logits, "assayd.largest"], ["assayd.behind"]),
        helper.make_node("Mul", ["assayd.behind", "assayd.coldness"], ["assayd.exponents"]),
    ]
