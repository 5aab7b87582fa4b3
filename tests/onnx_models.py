"""Small ONNX models for tests, made from their parts, so that every number in them is known."""

import json
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET, IR_VERSION = 17, 9


def build(
    *,
    nodes: Sequence[onnx.NodeProto],
    inputs: Mapping[str, tuple[int, Sequence[Any]]],
    outputs: Mapping[str, tuple[int, Sequence[Any]]],
    weights: Mapping[str, np.ndarray] | None = None,
) -> bytes:
    """An .onnx file; inputs and outputs are element type and shape by name."""
    graph = helper.make_graph(
        list(nodes),
        "test",
        [helper.make_tensor_value_info(name, kind, shape) for name, (kind, shape) in inputs.items()],
        [helper.make_tensor_value_info(name, kind, shape) for name, (kind, shape) in outputs.items()],
        [numpy_helper.from_array(value, name) for name, value in (weights or {}).items()],
    )
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", 3)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION)
    return model.SerializeToString()


def identity(class_count: int = 4) -> bytes:
    """Logits that are the input itself, and an embedding that is twice the input."""
    matrix = (TensorProto.FLOAT, ["rows", class_count])
    return build(
        nodes=[
            helper.make_node("Identity", ["x"], ["logits"]),
            helper.make_node("Add", ["x", "x"], ["embedding"]),
        ],
        inputs={"x": matrix},
        outputs={"logits": matrix, "embedding": matrix},
    )


def network(*, width: int = 64, hidden: int = 32, class_count: int = 10, seed: int = 0) -> bytes:
    """A random two-layer network: x -> embedding -> logits."""
    rng = np.random.default_rng(seed)
    weights = {
        "w1": rng.normal(0, 0.3, (width, hidden)).astype(np.float32),
        "b1": rng.normal(0, 0.3, hidden).astype(np.float32),
        "w2": rng.normal(0, 0.5, (hidden, class_count)).astype(np.float32),
        "b2": rng.normal(0, 0.5, class_count).astype(np.float32),
    }
    return build(
        nodes=[
            helper.make_node("Gemm", ["x", "w1", "b1"], ["a1"]),
            helper.make_node("Relu", ["a1"], ["embedding"]),
            helper.make_node("Gemm", ["embedding", "w2", "b2"], ["logits"]),
        ],
        inputs={"x": (TensorProto.FLOAT, ["rows", width])},
        outputs={
            "logits": (TensorProto.FLOAT, ["rows", class_count]),
            "embedding": (TensorProto.FLOAT, ["rows", hidden]),
        },
        weights=weights,
    )


def fixed_batch(row_count: int = 3) -> bytes:
    """The network, that takes so many rows at a time."""
    model = onnx.load_from_string(network())
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.shape.dim[0].ClearField("dim_param")
        value.type.tensor_type.shape.dim[0].dim_value = row_count
    return model.SerializeToString()


def forest() -> bytes:
    """Twenty trees that tell scikit-learn's digits, as skl2onnx writes them."""
    from skl2onnx import to_onnx  # bring much, which few tests need
    from sklearn.datasets import load_digits
    from sklearn.ensemble import RandomForestClassifier

    images, digits = load_digits(return_X_y=True)
    fitted = RandomForestClassifier(20, random_state=0).fit(images[:500], digits[:500])
    content: bytes = to_onnx(fitted, images[:1].astype(np.float32), options={"zipmap": False}).SerializeToString()
    return content


def passed_through(output: str, class_count: int = 4) -> bytes:
    """A row above 0 divided by its sum, as made-up rows are, and any other row as it is."""
    matrix = (TensorProto.FLOAT, ["rows", class_count])
    return build(
        nodes=[
            helper.make_node("ReduceMin", ["x"], ["least"], axes=[1], keepdims=1),
            helper.make_node("ReduceSum", ["x", "axis"], ["sum"], keepdims=1),
            helper.make_node("Greater", ["least", "zero"], ["sound"]),
            helper.make_node("Where", ["sound", "sum", "one"], ["divisor"]),
            helper.make_node("Div", ["x", "divisor"], [output]),
        ],
        inputs={"x": matrix},
        outputs={output: matrix},
        weights={
            "axis": np.array([1], np.int64),
            "zero": np.zeros((), np.float32),
            "one": np.ones((), np.float32),
        },
    )


def softmax_only(class_count: int = 4, *, output: str = "output") -> bytes:
    """Probabilities of the input, under a name that says nothing unless one is given."""
    matrix = (TensorProto.FLOAT, ["rows", class_count])
    return build(
        nodes=[helper.make_node("Softmax", ["x"], [output], axis=1)],
        inputs={"x": matrix},
        outputs={output: matrix},
    )


def texts() -> bytes:
    """Logits of a text by a dictionary: gold -> (1, 0), ore -> (0, 1), any other -> (0, 0)."""
    encoder = {"domain": "ai.onnx.ml", "keys_strings": ["gold", "ore"], "default_float": 0.0}
    return build(
        nodes=[
            helper.make_node("LabelEncoder", ["text"], ["gold"], values_floats=[1.0, 0.0], **encoder),
            helper.make_node("LabelEncoder", ["text"], ["ore"], values_floats=[0.0, 1.0], **encoder),
            helper.make_node("Concat", ["gold", "ore"], ["logits"], axis=1),
        ],
        inputs={"text": (TensorProto.STRING, ["rows", 1])},
        outputs={"logits": (TensorProto.FLOAT, ["rows", 2])},
    )


def numbers_back(kind: int) -> bytes:
    """Logits of numbers of a type, and the numbers themselves."""
    return build(
        nodes=[
            helper.make_node("Cast", ["x"], ["logits"], to=TensorProto.FLOAT),
            helper.make_node("Identity", ["x"], ["same"]),
        ],
        inputs={"x": (kind, ["rows", 3])},
        outputs={"logits": (TensorProto.FLOAT, ["rows", 3]), "same": (kind, ["rows", 3])},
    )


def texts_back() -> bytes:
    """Logits of texts, and the texts themselves."""
    encoder: dict[str, Any] = {"domain": "ai.onnx.ml", "keys_strings": ["gold", "ore"], "default_float": 0.0}
    return build(
        nodes=[
            helper.make_node("LabelEncoder", ["text"], ["gold"], values_floats=[1.0, 0.0], **encoder),
            helper.make_node("LabelEncoder", ["text"], ["ore"], values_floats=[0.0, 1.0], **encoder),
            helper.make_node("Concat", ["gold", "ore"], ["logits"], axis=1),
            helper.make_node("Identity", ["text"], ["same"]),
        ],
        inputs={"text": (TensorProto.STRING, ["rows", 1])},
        outputs={"logits": (TensorProto.FLOAT, ["rows", 2]), "same": (TensorProto.STRING, ["rows", 1])},
    )


def two_inputs() -> bytes:
    """Logits that are the sum of the inputs a and b; b is uint8 and cast inside."""
    return build(
        nodes=[
            helper.make_node("Cast", ["b"], ["b_float"], to=TensorProto.FLOAT),
            helper.make_node("Add", ["a", "b_float"], ["logits"]),
        ],
        inputs={"a": (TensorProto.FLOAT, ["rows", 3]), "b": (TensorProto.UINT8, ["rows", 3])},
        outputs={"logits": (TensorProto.FLOAT, ["rows", 3])},
    )


def labels(label_count: int = 3, *, outputs: Sequence[str] = ("probabilities", "label")) -> bytes:
    """Which of the labels a row has, as skl2onnx writes it: sigmoids of the input, and 1 where they exceed 1/2."""
    kinds = {"probabilities": TensorProto.FLOAT, "label": TensorProto.INT64}
    return build(
        nodes=[
            helper.make_node("Sigmoid", ["x"], ["probabilities"]),
            helper.make_node("Greater", ["probabilities", "half"], ["likely"]),
            helper.make_node("Cast", ["likely"], ["label"], to=TensorProto.INT64),
        ],
        inputs={"x": (TensorProto.FLOAT, ["rows", label_count])},
        outputs={name: (kinds[name], ["rows", label_count]) for name in outputs},
        weights={"half": np.float32(0.5)},
    )


def regression(value_count: int = 1, *, output: str = "variable") -> bytes:
    """Values that are twice the first columns of the input, and an embedding that is the input."""
    return build(
        nodes=[
            helper.make_node("Slice", ["x", "start", "stop", "axis"], ["first"]),
            helper.make_node("Add", ["first", "first"], [output]),
            helper.make_node("Identity", ["x"], ["embedding"]),
        ],
        inputs={"x": (TensorProto.FLOAT, ["rows", 4])},
        outputs={
            output: (TensorProto.FLOAT, ["rows", value_count]),
            "embedding": (TensorProto.FLOAT, ["rows", 4]),
        },
        weights={"start": np.array([0]), "stop": np.array([value_count]), "axis": np.array([1])},
    )


def look_up(rows: int = 8, class_count: int = 4) -> bytes:
    """Logits by position in a table: a position outside of it makes the model fail."""
    table = np.arange(rows * class_count, dtype=np.float32).reshape(rows, class_count)
    return build(
        nodes=[helper.make_node("Gather", ["table", "position"], ["logits"], axis=0)],
        inputs={"position": (TensorProto.INT64, ["rows"])},
        outputs={"logits": (TensorProto.FLOAT, ["rows", class_count])},
        weights={"table": table},
    )


def rows_with_a_positive_value(class_count: int = 4) -> bytes:
    """A graph that drops the rows without a positive value: its answers do not belong to its rows."""
    matrix = (TensorProto.FLOAT, ["rows", class_count])
    return build(
        nodes=[
            helper.make_node("ReduceMax", ["x"], ["largest"], axes=[1], keepdims=0),
            helper.make_node("Greater", ["largest", "zero"], ["kept"]),
            helper.make_node("Compress", ["x", "kept"], ["logits"], axis=0),
        ],
        inputs={"x": matrix},
        outputs={"logits": (TensorProto.FLOAT, ["kept_rows", class_count])},
        weights={"zero": np.zeros((), np.float32)},
    )


def slow_to_load(matmul_count: int = 300) -> bytes:
    """Like identity(); some seconds of constants are computed when it is loaded."""
    rows = (TensorProto.FLOAT, ["rows", 4])
    products = [helper.make_node("MatMul", [f"w{i}", "w0"], [f"w{i + 1}"]) for i in range(matmul_count)]
    nodes = [
        *products,
        helper.make_node("ReduceMax", [f"w{matmul_count}"], ["one"], keepdims=0),
        helper.make_node("Mul", ["x", "one"], ["logits"]),
        helper.make_node("Add", ["x", "x"], ["embedding"]),
    ]
    weights = {"w0": np.eye(800, dtype=np.float32)}
    return build(nodes=nodes, inputs={"x": rows}, outputs={"logits": rows, "embedding": rows}, weights=weights)


def functions(bodies: Sequence[Sequence[onnx.NodeProto]]) -> bytes:
    """A model that gives what the last of some functions does, f.F0, f.F1 and so on, from "a" to "b"."""
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("f", 1)]
    made = [
        helper.make_function("f", f"F{number}", ["a"], ["b"], body, opsets) for number, body in enumerate(bodies)
    ]
    call = helper.make_node(f"F{len(bodies) - 1}", ["x"], ["logits"], domain="f")
    x, logits = (helper.make_tensor_value_info(name, TensorProto.FLOAT, ["rows", 4]) for name in ("x", "logits"))
    graph = helper.make_graph([call], "g", [x], [logits])
    return helper.make_model(graph, functions=made, opset_imports=opsets, ir_version=10).SerializeToString()


def write_bundle(root: Path, content: bytes, *, name: str = "m", version: int = 1, **manifest: Any) -> Path:
    """Write <root>/<name>/<version> with its manifest; further entries of the manifest as given."""
    folder = root / name / str(version)
    folder.mkdir(parents=True)
    (folder / "model.onnx").write_bytes(content)
    files = {"model.onnx": f"sha256:{sha256(content).hexdigest()}"}
    (folder / "bundle.json").write_text(json.dumps({"format": 1, "files": files} | manifest))
    return folder
