"""ResNet-50: the graph that the onnx package is tested with, with weights of our own, for any number of images."""

from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper

GRAPH = Path(onnx.__file__).parent / "backend" / "test" / "data" / "light" / "light_resnet50.onnx"
IMAGE = (3, 224, 224)
_INPUT, _SHAPE = "gpu_0/data_0", "OC2_DUMMY_1"
_IR_VERSION = 4
"""The first in which weights need not be inputs too, so that they can be folded at load."""
_LAST_OF_BLOCK, _BLOCK_SCALE = "branch2c_bn_s", 0.2
"""What a block adds to what goes past it is scaled down: else the numbers would grow from block to block."""


def written(path: Path) -> Path:
    """The file. Its weights are drawn: those of the package are all alike, with which no answer could be wrong."""
    model, rng = onnx.load(GRAPH), np.random.default_rng(0)
    graph = model.graph
    stored = {each.name: numpy_helper.to_array(each) for each in graph.initializer}
    shapes = {name: values.shape for name, values in stored.items() if "_bn_" in name and "SHAPE" not in name}
    filled = [node for node in graph.node if node.op_type == "ConstantOfShape"]
    shapes |= {node.output[0]: tuple(stored[node.input[0]].tolist()) for node in filled}
    for node in filled:
        graph.node.remove(node)
    del graph.initializer[:]
    graph.initializer.append(numpy_helper.from_array(np.array([-1, stored[_SHAPE][1]]), _SHAPE))
    graph.initializer.extend(
        numpy_helper.from_array(_weights(name, shape, rng), name) for name, shape in shapes.items()
    )
    _take_any_number(graph)
    model.ir_version = _IR_VERSION
    onnx.save(model, path)
    return path


def _weights(name: str, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Such that the numbers neither grow nor vanish."""
    if "_bn_s_" in name or "_bn_riv_" in name:
        return np.full(shape, _BLOCK_SCALE if _LAST_OF_BLOCK in name else 1, np.float32)
    if len(shape) == 1:
        return np.zeros(shape, np.float32)
    return rng.normal(0, (2 / np.prod(shape[1:])) ** 0.5, shape).astype(np.float32)


def _take_any_number(graph: onnx.GraphProto) -> None:
    """Of images, where the file says one."""
    taken = next(each for each in graph.input if each.name == _INPUT)
    del graph.input[:]
    graph.input.append(taken)
    for value in (graph.input[0], graph.output[0]):
        value.type.tensor_type.shape.dim[0].dim_param = "rows"


def images(count: int) -> np.ndarray:
    """(n, 3, 224, 224) float32: patches of colour with noise, so that they differ."""
    rng = np.random.default_rng(count)
    patches = rng.normal(size=(count, 3, 7, 7)).repeat(32, axis=2).repeat(32, axis=3)
    return (patches + rng.normal(0, 0.5, (count, *IMAGE))).astype(np.float32)


def probabilities(path: Path, rows: np.ndarray) -> np.ndarray:
    """(n, 1000): of ONNX Runtime with nothing optimised, one image at a time."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return np.concatenate([session.run(None, {_INPUT: row[None]})[0] for row in rows])
