"""The last layer that dropout samples: what is found gives the model's own logits, or a sentence says why not."""

import numpy as np
import pytest
from onnx import NodeProto, TensorProto, helper, numpy_helper

import onnx_models
from assayd_server.core.heads import linear_head
from assayd_server.last_layer import LastLayer, find_last_layer
from assayd_server.model import OnnxModel

RNG = np.random.default_rng(0)
WEIGHTS = {
    "w": RNG.normal(size=(3, 5)).astype(np.float32),
    "w_of_classes": RNG.normal(size=(5, 3)).astype(np.float32),
    "b": RNG.normal(size=5).astype(np.float32),
    "b_row": RNG.normal(size=(1, 5)).astype(np.float32),
    "one": np.ones(1, np.float32),
    "squared": RNG.normal(size=(5, 5)).astype(np.float32),
}
X = RNG.normal(size=(7, 3)).astype(np.float32)


def constant(name: str, values: np.ndarray) -> NodeProto:
    return helper.make_node("Constant", [], [name], value=numpy_helper.from_array(values))


def graph(*nodes: NodeProto) -> bytes:
    """x is the embedding, and the nodes give the logits."""
    return onnx_models.build(
        nodes=[helper.make_node("Identity", ["x"], ["embedding"]), *nodes],
        inputs={"x": (TensorProto.FLOAT, ["rows", 3])},
        outputs={"logits": (TensorProto.FLOAT, ["rows", 5]), "embedding": (TensorProto.FLOAT, ["rows", 3])},
        weights=WEIGHTS,
    )


def found(content: bytes) -> LastLayer | str:
    return find_last_layer(content, scores="logits", embedding="embedding")


node = helper.make_node
SAMPLED = {
    "a Gemm": [node("Gemm", ["x", "w", "b"], ["logits"])],
    "a Gemm without a bias": [node("Gemm", ["x", "w"], ["logits"])],
    "a Gemm with a bias left out by name": [node("Gemm", ["x", "w", ""], ["logits"])],
    "a Gemm of transposed weights": [node("Gemm", ["x", "w_of_classes", "b"], ["logits"], transB=1)],
    "a MatMul": [node("MatMul", ["x", "w"], ["logits"])],
    "a MatMul and an Add": [node("MatMul", ["x", "w"], ["a"]), node("Add", ["a", "b_row"], ["logits"])],
    "an Add the other way round": [node("MatMul", ["x", "w"], ["a"]), node("Add", ["b", "a"], ["logits"])],
    "a Gemm with a bias and an Add": [
        node("Gemm", ["x", "w", "b"], ["a"]),
        node("Add", ["a", "b_row"], ["logits"]),
    ],
    "a bias that is a constant": [
        constant("c", WEIGHTS["b"]),
        node("Gemm", ["x", "w", "c"], ["logits"]),
    ],
    "weights that are a constant": [
        constant("c", WEIGHTS["w"]),
        node("Gemm", ["x", "c", "b"], ["logits"]),
    ],
    "weights under another name": [
        node("Identity", ["w"], ["same"]),
        node("Identity", ["b"], ["same_b"]),
        node("Gemm", ["x", "same", "same_b"], ["logits"]),
    ],
}


@pytest.mark.parametrize("name", SAMPLED)
def test_the_layer_that_is_found_gives_the_logits_of_the_model(name: str) -> None:
    content = graph(*SAMPLED[name])
    layer = found(content)
    assert isinstance(layer, LastLayer), layer
    (logits,) = OnnxModel(content, threads=1).run({"x": X}, ["logits"])
    np.testing.assert_allclose(
        linear_head(X, weights=layer.weights, bias=layer.bias), logits, rtol=1e-5, atol=1e-6
    )


REFUSED = {
    "a bias that is computed": (
        [node("ReduceSum", ["squared"], ["c"], keepdims=0), node("Gemm", ["x", "w", "c"], ["logits"])],
        "its last layer has a bias 'c' that is computed",
    ),
    "one number for a bias": (
        [node("Gemm", ["x", "w", "one"], ["logits"])],
        "its last layer is not that of a matrix and a vector",
    ),
    "a Gemm that scales": (
        [node("Gemm", ["x", "w", "b"], ["logits"], alpha=2.0)],
        "its last layer is a Gemm that scales or transposes what it takes",
    ),
    "something else": ([node("MatMul", ["x", "w"], ["a"]), node("Relu", ["a"], ["logits"])], "comes of Relu"),
    "weights that are computed": (
        [node("Relu", ["w"], ["c"]), node("MatMul", ["x", "c"], ["logits"])],
        "comes of MatMul, and not of a Gemm or a MatMul with weights",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_such_layer_is_told_in_a_sentence(name: str) -> None:
    nodes, words = REFUSED[name]
    layer = found(graph(*nodes))
    assert isinstance(layer, str)
    assert words in layer


def test_the_tensor_that_would_do_for_an_embedding_is_named() -> None:
    content = graph(node("Relu", ["x"], ["hidden"]), node("MatMul", ["hidden", "w"], ["logits"]))
    assert "--embedding-tensor hidden" in str(found(content))
    layer = find_last_layer(content, scores="logits", embedding=None)
    assert "--embedding-tensor hidden" in str(layer)
