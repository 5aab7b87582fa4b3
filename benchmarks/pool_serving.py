"""Pools that `assayd index build` makes, and servers of them in processes of their own."""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from benchmarks.pool_processes import Server, serving_alone

OPSET, IR_VERSION = 17, 9


def random_layers(widths: Sequence[int], rng: np.random.Generator) -> list[tuple[np.ndarray, np.ndarray]]:
    """Weights and biases of a perceptron, such that the numbers neither grow nor vanish from layer to layer."""
    return [(rng.normal(0, (2 / shape[0]) ** 0.5, shape), np.zeros(shape[1])) for shape in pairwise(widths)]


def perceptron(layers: Sequence[tuple[np.ndarray, np.ndarray]]) -> bytes:
    """An .onnx file: x, (n, w) float32, through layers to logits; the last hidden one is the embedding."""
    nodes, weights, last = [], [], "x"
    for number, (matrix, bias) in enumerate(layers):
        weights += [
            numpy_helper.from_array(matrix.astype(np.float32), f"w{number}"),
            numpy_helper.from_array(bias.astype(np.float32), f"b{number}"),
        ]
        output = "logits" if number == len(layers) - 1 else f"a{number}"
        nodes.append(helper.make_node("Gemm", [last, f"w{number}", f"b{number}"], [output]))
        if output == "logits":
            break
        last = "embedding" if number == len(layers) - 2 else f"h{number}"
        nodes.append(helper.make_node("Relu", [output], [last]))

    def value(name: str, width: int) -> Any:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["rows", width])

    outputs = [value("logits", len(layers[-1][1])), value("embedding", len(layers[-1][0]))]
    graph = helper.make_graph(nodes, "perceptron", [value("x", len(layers[0][0]))], outputs, weights)
    opsets = [helper.make_opsetid("", OPSET)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION).SerializeToString()


def build_pool(output: Path, *, kind: str, **given: Path) -> Path:
    """A pool's folder, by the command.

    Args:
        output: the folder to write.
        kind: of the index.
        **given: flags that name files, such as vectors=Path("pool.npy").
    """
    flags = [part for name, path in given.items() for part in (f"--{name}", str(path))]
    command = [sys.executable, "-m", "assayd_server", "index", "build", "--kind", kind, "--output", str(output)]
    subprocess.run([*command, *flags], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return output


@contextmanager
def serving_pool(model: Path, pool: Path, *, threads: int, **settings: Any) -> Iterator[Server]:
    """A server of both in a process of its own."""
    with serving_alone(model=model, pool=pool, inference_threads=threads, **settings) as server:
        yield server
