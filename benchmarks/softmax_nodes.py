"""What a softmax, its entropy and the first class cost in the model's own graph and in NumPy.

python -m benchmarks.softmax_nodes [--short], about a minute. A pass that gives logits is timed alone, with NumPy
after it, and with the nodes that assayd adds to the graph, in turn, on one thread. Printed is what nodes add to
the pass over what NumPy adds, and the pass with nodes that nobody wants over the pass without.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from functools import partial

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from assayd_server.core.scores import scores_of_logits
from assayd_server.core.uncertainty import Measure
from assayd_server.graph_extension import extended
from assayd_server.model import OnnxModel
from assayd_server.softmax_nodes import OUTPUTS, softmax

WIDTH = 128
CLASSES = (10, 100, 1000, 10_000)
ROWS = (1, 32, 256)


def head(classes: int) -> bytes:
    """One layer with so many classes, as the last of a network."""
    weights = np.random.default_rng(0).normal(size=(WIDTH, classes)).astype(np.float32) / 10
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "weights"], ["logits"])],
        "head",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", WIDTH])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", classes])],
        [numpy_helper.from_array(weights, "weights")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    return model.SerializeToString()


def seconds(work: Callable[[], object]) -> float:
    """Of one call."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def measured(classes: int, rows: int, rounds: int) -> tuple[float, float, float]:
    """Medians of the pass alone, of what NumPy adds, and of what the nodes add."""
    content = head(classes)
    making = partial(softmax, logits="logits", columns=classes, temperature=1.0, columns_max=classes)
    wide = extended(content, [making])
    assert wide is not None
    bare, told = OnnxModel(content, threads=1), OnnxModel(wide.content, threads=1)
    feeds = {"x": np.random.default_rng(1).normal(size=(rows, WIDTH)).astype(np.float32)}

    def alone() -> list[np.ndarray]:
        return bare.run(feeds, ["logits"])

    def in_numpy() -> object:
        return scores_of_logits(alone()[0], temperature=1.0, measures=(Measure.ENTROPY,))

    def in_graph() -> object:
        return told.run(feeds, ["logits", *OUTPUTS])

    taken: dict[Callable[[], object], list[float]] = {alone: [], in_numpy: [], in_graph: []}
    for _ in range(rounds):
        for work, found in taken.items():
            found.append(seconds(work))
    base, numpy_pass, graph_pass = (statistics.median(found) for found in taken.values())
    return base, numpy_pass - base, graph_pass - base


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--short", action="store_true", help="see that it runs")
    short = parser.parse_args().short
    print("| classes | rows | nodes / NumPy | pass with unwanted nodes / without |\n| --- | --- | --- | --- |")
    for classes in CLASSES[:2] if short else CLASSES:
        for rows in ROWS:
            rounds = 5 if short else max(15, min(1000, 4_000_000 // (rows * classes)))
            base, numpy_adds, graph_adds = measured(classes, rows, rounds)
            print(
                f"| {classes:,} | {rows} | {graph_adds / numpy_adds:.2f} | {1 + graph_adds / base:.2f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
