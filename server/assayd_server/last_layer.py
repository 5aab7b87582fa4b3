"""The last layer of a network, where it is linear and can be applied once more to the embedding."""

from dataclasses import dataclass

import onnx
from onnx import numpy_helper

from assayd_server.core.arrays import Floats
from assayd_server.weights import parsed

_LEFT_AS_THEY_ARE = ("Identity", "Cast")
_SQUASHING = ("Softmax", "LogSoftmax", "Sigmoid")


@dataclass(frozen=True, slots=True)
class LastLayer:
    """logits = embedding . weights^T + bias."""

    weights: Floats
    """(c, d)"""
    bias: Floats | None
    """(c,)"""


def find_last_layer(content: bytes, *, scores: str, embedding: str | None) -> LastLayer | str:
    """The layer between the embedding and the scores of a model, or a sentence on why there is none.

    Args:
        content: the .onnx file, which was loaded before.
        scores: the output with logits or probabilities.
        embedding: the tensor that is the embedding; None where there is none.
    """
    model = parsed(content)
    assert model is not None  # it was loaded before
    return _Search(model.graph).between(embedding, scores)


class _Search:
    """A graph, by what makes each tensor."""

    def __init__(self, graph: onnx.GraphProto) -> None:
        self._makers = {output: node for node in graph.node for output in node.output}
        self._weights = {weights.name: weights for weights in graph.initializer}

    def between(self, embedding: str | None, scores: str) -> LastLayer | str:
        node = self._makers.get(self._source(scores, _LEFT_AS_THEY_ARE + _SQUASHING))
        bias = None
        if node is not None and node.op_type == "Add":
            bias = next((self._weights[name] for name in node.input if name in self._weights), None)
            rest = [name for name in node.input if name not in self._weights]
            node = self._makers.get(rest[0]) if bias is not None and rest else node
        if node is None or node.op_type not in ("Gemm", "MatMul") or node.input[1] not in self._weights:
            made_by = node.op_type if node is not None else "nothing"
            return f"{scores!r} comes of {made_by}, and not of a Gemm or a MatMul with weights"
        taken = self._source(node.input[0], _LEFT_AS_THEY_ARE)
        if embedding is None or self._source(embedding, _LEFT_AS_THEY_ARE) != taken:
            return (
                f"its last layer takes {taken!r}, and that is not the embedding: serve it with --embedding-tensor"
            )
        return self._layer(node, bias)

    def _source(self, name: str, through: tuple[str, ...]) -> str:
        """The tensor that a tensor is made of by operations of these kinds alone."""
        while name in self._makers and self._makers[name].op_type in through:
            name = self._makers[name].input[0]
        return name

    def _layer(self, node: onnx.NodeProto, bias: onnx.TensorProto | None) -> LastLayer | str:
        weights = numpy_helper.to_array(self._weights[node.input[1]])
        attributes = {attribute.name: onnx.helper.get_attribute_value(attribute) for attribute in node.attribute}
        if attributes.get("transA") or attributes.get("alpha", 1) != 1 or attributes.get("beta", 1) != 1:
            return "its last layer is a Gemm that scales or transposes what it takes"
        if not attributes.get("transB"):
            weights = weights.T
        if bias is None and len(node.input) > 2:
            bias = self._weights.get(node.input[2])
        added = None if bias is None else numpy_helper.to_array(bias).reshape(-1)
        if weights.ndim != 2 or (added is not None and added.shape != weights.shape[:1]):
            return "its last layer is not that of a matrix and a vector"
        return LastLayer(weights, added)
