"""The coordinates of an embedding that drift is counted by, as nodes of the model's own graph."""

import numpy as np
from onnx import TensorProto, helper

from assayd_server.core.drift.layout import component_columns
from assayd_server.core.drift.reduction import Reduction
from assayd_server.forward import COORDINATES
from assayd_server.graph_extension import Extension, Ground

OUTPUT = "assayd.coordinates"
"""(n, k) float64, not rounded yet; a row that is not finite is finite nowhere."""


def coordinates(ground: Ground, *, embedding: str, reduction: Reduction) -> Extension | None:
    """What Reduction.components projects, in double precision as there.

    Args:
        ground: the graph.
        embedding: its output, (n, d).
        reduction: of d dimensions.

    Returns:
        None where the embedding is not single precision, whose products could overflow, or has no coordinates.
    """
    count = component_columns(reduction)
    if not count or not ground.is_matrix(embedding):
        return None
    projection, offset = reduction.projection
    nodes = [
        helper.make_node("Cast", [embedding], ["assayd.drift.doubled"], to=TensorProto.DOUBLE),
        helper.make_node("MatMul", ["assayd.drift.doubled", "assayd.drift.projection"], ["assayd.drift.moved"]),
        helper.make_node("Sub", ["assayd.drift.moved", "assayd.drift.offset"], [OUTPUT]),
    ]
    weights = {
        "assayd.drift.projection": np.ascontiguousarray(projection[:, :count]),
        "assayd.drift.offset": offset[:count],
    }
    return Extension(COORDINATES, nodes, weights, {OUTPUT: (TensorProto.DOUBLE, [count])})
