"""The last layer of a network, where it is linear and can be applied once more to the embedding."""

from dataclasses import dataclass
from typing import Any

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
        """The layer, or why there is none."""
        node = self._makers.get(self._source(scores, _LEFT_AS_THEY_ARE + _SQUASHING))
        added: list[str] = []
        if node is not None and node.op_type == "Add":
            added = [name for name in node.input if self._values(name) is not None]
            rest = [name for name in node.input if name not in added]
            node = self._makers.get(self._source(rest[0], _LEFT_AS_THEY_ARE)) if added and rest else node
        if node is None or node.op_type not in ("Gemm", "MatMul") or self._values(node.input[1]) is None:
            made_by = node.op_type if node is not None else "nothing"
            return f"{scores!r} comes of {made_by}, and not of a Gemm or a MatMul with weights"
        taken = self._source(node.input[0], _LEFT_AS_THEY_ARE)
        if embedding is None or self._source(embedding, _LEFT_AS_THEY_ARE) != taken:
            return (
                f"its last layer takes {taken!r}, and that is not the embedding: serve it with "
                f"--embedding-tensor {taken}"
            )
        return self._layer(node, added)

    def _source(self, name: str, through: tuple[str, ...]) -> str:
        """The tensor that a tensor is made of by operations of these kinds alone."""
        while name in self._makers and self._makers[name].op_type in through:
            name = self._makers[name].input[0]
        return name

    def _values(self, name: str) -> Floats | None:
        """What a tensor always is; None where it is computed."""
        name = self._source(name, _LEFT_AS_THEY_ARE)
        if name in self._weights:
            return numpy_helper.to_array(self._weights[name])
        maker = self._makers.get(name)
        value = _attributes(maker).get("value") if maker is not None and maker.op_type == "Constant" else None
        return None if value is None else numpy_helper.to_array(value)

    def _layer(self, node: onnx.NodeProto, added: list[str]) -> LastLayer | str:
        """The layer of a node, to whose result some tensors are added."""
        attributes = _attributes(node)
        if attributes.get("transA") or attributes.get("alpha", 1) != 1 or attributes.get("beta", 1) != 1:
            return "its last layer is a Gemm that scales or transposes what it takes"
        weights = self._values(node.input[1])
        assert weights is not None  # it was looked up before
        if not attributes.get("transB"):
            weights = weights.T
        bias: Floats | None = None
        for name in [name for name in [*node.input[2:], *added] if name]:
            values = self._values(name)
            if values is None:
                return f"its last layer has a bias {name!r} that is computed"
            if weights.ndim != 2 or values.size != len(weights):
                return "its last layer is not that of a matrix and a vector"
            bias = values.reshape(-1) if bias is None else bias + values.reshape(-1)
        return LastLayer(weights, bias) if weights.ndim == 2 else "its last layer is not that of a matrix"


def _attributes(node: onnx.NodeProto) -> dict[str, Any]:
    return {attribute.name: onnx.helper.get_attribute_value(attribute) for attribute in node.attribute}
