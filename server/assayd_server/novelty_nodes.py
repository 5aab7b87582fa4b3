"""The scores that novelty is combined of, as nodes of the model's own graph: what core/novelty computes, in the
same precision."""

from collections.abc import Sequence

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper

from assayd_server.core.arrays import Floats
from assayd_server.core.novelty import NoveltyMeasure, NoveltyReference
from assayd_server.core.novelty.gaussians import Gaussians
from assayd_server.core.novelty.logit_novelty import GEN_CLASSES_MAX, GEN_POWER
from assayd_server.forward import NOVELTY
from assayd_server.graph_extension import Extension, Ground
from assayd_server.softmax_nodes import PROBABILITIES

_AXIS = "assayd.novelty.axis"
MEASURES = (NoveltyMeasure.RELATIVE_MAHALANOBIS, NoveltyMeasure.GEN)
"""That are told where they are combined, in this order."""


def output_of(measure: NoveltyMeasure) -> str:
    """The name of the output that is its score, (n,) float32."""
    return f"assayd.novelty.{measure}"


def novelty(
    ground: Ground, *, logits: str, embedding: str, columns: int, reference: NoveltyReference
) -> Extension | None:
    """The scores of the measures that are combined.

    Args:
        ground: a graph that says the softmax of its logits at the reference's temperature.
        logits: its output of class scores.
        embedding: its output of embeddings, (n, d).
        columns: of the softmax.
        reference: made with the same outputs.

    Returns:
        None where other measures are combined, there are more than GEN_CLASSES_MAX classes, or the embedding is
        not single precision.
    """
    gaussians = reference.fitted.gaussians
    if reference.combined != MEASURES or gaussians is None or columns > GEN_CLASSES_MAX:
        return None
    offset = gaussians.offset
    if offset is None or not (ground.is_matrix(logits) and ground.is_matrix(embedding)):
        return None
    relative, relative_weights = _relative(ground, embedding, gaussians, offset)
    gen, gen_weights = _gen(PROBABILITIES, columns)
    return Extension(
        NOVELTY,
        [*relative, *gen],
        {_AXIS: np.array([1], np.int64), **relative_weights, **gen_weights},
        {output_of(measure): (TensorProto.FLOAT, []) for measure in MEASURES},
    )


_Nodes = tuple[Sequence[onnx.NodeProto], dict[str, NDArray[np.generic]]]


def _relative(ground: Ground, embedding: str, gaussians: Gaussians, offset: Floats) -> _Nodes:
    """(1 - precisions) . y^2 + min over classes of (|mean|^2 - 2 mean . y), which is nearest less inside: one
    product for each class, of squares and coordinates side by side."""
    name, width = "assayd.novelty.{}".format, len(gaussians.precisions)
    outer = (gaussians.weights[:, 0] - gaussians.weights[:, 1])[:, None]
    nodes = [
        helper.make_node("Gemm", [embedding, name("projection"), name("offset")], [name("single")]),
        helper.make_node("Cast", [name("single")], [name("y")], to=TensorProto.DOUBLE),
        helper.make_node("Mul", [name("y"), name("y")], [name("squares")]),
        helper.make_node("Concat", [name("squares"), name("y")], [name("both")], axis=1),
        helper.make_node("Gemm", [name("both"), name("slopes"), name("class_squares")], [name("classes")]),
        ground.reduced("ReduceMin", name("classes"), name("nearest"), axis=_AXIS, keepdims=0),
        helper.make_node(
            "Cast", [name("nearest")], [output_of(NoveltyMeasure.RELATIVE_MAHALANOBIS)], to=TensorProto.FLOAT
        ),
    ]
    weights = {
        name("projection"): np.ascontiguousarray(gaussians.projection[:, :width]),
        name("offset"): np.negative(offset[:width]),
        name("slopes"): np.concatenate(
            [np.broadcast_to(outer, gaussians.class_slopes.T.shape), gaussians.class_slopes.T]
        ),
        name("class_squares"): gaussians.class_squares[:, 0],
    }
    return nodes, weights


def _gen(probabilities: str, columns: int) -> _Nodes:
    """The sum of (p (1 - p))^0.1, where 1 - p is the sum of the others, or it would be lost to the rounding of a
    p near 1: one product with ones off the diagonal, which takes less than to look for those that need it."""
    name = "assayd.novelty.gen.{}".format
    nodes = [
        helper.make_node("MatMul", [probabilities, name("others")], [name("apart")]),
        helper.make_node("Mul", [probabilities, name("apart")], [name("products")]),
        helper.make_node("Log", [name("products")], [name("logarithms")]),
        helper.make_node("Mul", [name("logarithms"), name("power")], [name("scaled")]),
        helper.make_node("Exp", [name("scaled")], [name("powers")]),
        helper.make_node("ReduceSum", [name("powers"), _AXIS], [output_of(NoveltyMeasure.GEN)], keepdims=0),
    ]
    weights: dict[str, NDArray[np.generic]] = {
        name("others"): 1 - np.eye(columns, dtype=np.float32),
        name("power"): np.asarray(np.float32(GEN_POWER)),
    }
    return nodes, weights
