"""The models of the soak, and the bundles that hold them."""

import json
from hashlib import sha256
from pathlib import Path

import numpy as np
from onnx import TensorProto, helper

from benchmarks.pool_serving import IR_VERSION, OPSET, perceptron

WIDTH = 784
CLASSES = 10


def network(hidden: int) -> bytes:
    """An .onnx file: 784 - hidden - hidden - 10."""
    rng = np.random.default_rng(0)
    shapes = ((WIDTH, hidden), (hidden, hidden), (hidden, CLASSES))
    return perceptron([(rng.normal(0, 0.05, shape), np.zeros(shape[1])) for shape in shapes])


def identity(classes: int = CLASSES) -> bytes:
    """An .onnx file whose logits are its rows, so that everybody knows what is right."""
    node = helper.make_node("Identity", ["x"], ["logits"])
    x, logits = (
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["rows", classes]) for name in ("x", "logits")
    )
    opsets = [helper.make_opsetid("", OPSET)]
    graph = helper.make_graph([node], "identity", [x], [logits])
    return helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION).SerializeToString()


def softmax(logits: np.ndarray) -> np.ndarray:
    """What the server is to give for the identity's rows."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def publish(root: Path, version: int, content: bytes, *, temperature: float, sound: bool = True) -> None:
    """A new version, whose manifest is written last; one that is not sound does not have the digest it says."""
    folder = root / "m" / str(version)
    folder.mkdir(parents=True)
    (folder / "model.onnx").write_bytes(content)
    digest = sha256(content if sound else b"another").hexdigest()
    manifest = {"format": 1, "files": {"model.onnx": f"sha256:{digest}"}, "temperature": temperature}
    (folder / "manifest").write_text(json.dumps(manifest))
    (folder / "manifest").rename(folder / "bundle.json")
