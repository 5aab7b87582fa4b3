"""Write the fixtures of this folder: models as their exporters write them, and what the frameworks answer.

In an environment of its own: pip install -r requirements.txt, then python make.py.

NAME.onnx is the model. NAME.npz holds its inputs by name, and `expected`: of a classifier (n, c) probabilities,
also where the model gives those of the second of two classes alone; of a model with several labels a row (n, l)
probabilities; of a regressor (n, t) values.
"""

from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import lightgbm
import numpy as np
import onnx
import onnxmltools
import skl2onnx
import torch
import xgboost
from numpy.typing import NDArray
from onnxmltools.convert.common.data_types import FloatTensorType
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine, make_multilabel_classification
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.neural_network import MLPClassifier
from torch import Tensor, nn

FOLDER = Path(__file__).parent
SEED = 0
ROWS = 30
EXAMPLE_ROWS = 8
"""With which PyTorch exports: the number that a model takes at a time where that is fixed."""
FEATURES = 6
OPSET, TREES_OPSET = 17, 15
TREES = {"n_estimators": 5, "max_depth": 3, "n_jobs": 1, "random_state": SEED}
LEAVES = {"min_child_samples": 5, "verbose": -1}

SPREAD = 4
"""Random weights are so many times as large as PyTorch's, or all classes would be about as likely."""

Array = NDArray[Any]


class Fixture(NamedTuple):
    """A model, rows for it by input, and what its framework answers."""

    model: onnx.ModelProto
    inputs: dict[str, Array]
    expected: Array


def table(load: Callable[..., tuple[Array, Array]]) -> tuple[Array, Array]:
    """One of scikit-learn's datasets, cut to a few features and as float32, which is what the models take."""
    x, y = load(return_X_y=True)
    return x[:, :FEATURES].astype(np.float32), y


def some(x: Array) -> Array:
    """Rows from all over a table, which is sorted by class."""
    return x[:: len(x) // ROWS][:ROWS]


# Boosted trees, through onnxmltools


def trees(
    model: Any, convert: Callable[..., onnx.ModelProto], load: Callable[..., Any], **options: Any
) -> Fixture:
    x, y = table(load)
    model.fit(x, y)
    types = [("input", FloatTensorType([None, FEATURES]))]
    answer = model.predict_proba if hasattr(model, "predict_proba") else model.predict
    name = "trees"  # or it would be random
    exported = convert(model, name, types, target_opset=TREES_OPSET, **options)
    return Fixture(exported, {"input": some(x)}, answer(some(x)).reshape(ROWS, -1))


def lightgbm_classifier(load: Callable[..., Any], **options: Any) -> Fixture:
    return trees(lightgbm.LGBMClassifier(**TREES, **LEAVES), onnxmltools.convert_lightgbm, load, **options)


def xgboost_classifier(load: Callable[..., Any]) -> Fixture:
    return trees(xgboost.XGBClassifier(**TREES), onnxmltools.convert_xgboost, load)


def lightgbm_regressor() -> Fixture:
    return trees(lightgbm.LGBMRegressor(**TREES, **LEAVES), onnxmltools.convert_lightgbm, load_diabetes)


def xgboost_regressor() -> Fixture:
    return trees(xgboost.XGBRegressor(**TREES), onnxmltools.convert_xgboost, load_diabetes)


# scikit-learn; ordinary classifiers are exported when the tests run


def sklearn_labels(model: Any) -> Fixture:
    """Several labels a row."""
    x, y = make_multilabel_classification(200, FEATURES, n_classes=4, random_state=SEED)
    x = (x / 10).astype(np.float32)
    model.fit(x, y)
    exported = skl2onnx.to_onnx(model, x[:1], target_opset=OPSET, options={"zipmap": False})
    return Fixture(exported, {"X": some(x)}, model.predict_proba(some(x)))


def sklearn_regressor(*, targets: int) -> Fixture:
    x, y = table(load_diabetes)
    both = np.stack([y, x[:, 0] - y], axis=1)
    model = LinearRegression().fit(x, y if targets == 1 else both)
    exported = skl2onnx.to_onnx(model, x[:1], target_opset=OPSET)
    return Fixture(exported, {"X": some(x)}, model.predict(some(x)).reshape(ROWS, targets))


# PyTorch: random weights, and outputs named by the exporter


class TwoInputs(nn.Module):
    """Numbers, and the number of a category."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(7, 3)
        self.outer = nn.Linear(FEATURES + 3, 4)

    def forward(self, numbers: Tensor, category: Tensor) -> Tensor:
        return self.outer(torch.cat([numbers, self.table(category)], dim=1))


class TwoOutputs(nn.Module):
    """Logits, and what they are made from; the exporter drops these names."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Linear(FEATURES, 8)
        self.outer = nn.Linear(8, 3)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        embedding = torch.relu(self.inner(x))
        return {"logits": self.outer(embedding), "embedding": embedding}


class Pixels(nn.Module):
    """A convolution over uint8 images, which are cast inside."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Conv2d(3, 4, 3)
        self.outer = nn.Linear(4, 3)

    def forward(self, image: Tensor) -> Tensor:
        return self.outer(torch.relu(self.inner(image.float() / 255)).mean(dim=(2, 3)))


def network(outputs: int, *last: nn.Module) -> nn.Module:
    return nn.Sequential(nn.Linear(FEATURES, 8), nn.ReLU(), nn.Linear(8, outputs), *last)


def low_rank(classes: int) -> nn.Module:
    """Many classes in a small file."""
    return nn.Sequential(nn.Linear(FEATURES, 2), nn.Linear(2, classes, bias=False))


def numbers(rows: int = ROWS) -> Tensor:
    return torch.randn(rows, FEATURES)


def categories() -> Tensor:
    return torch.randint(0, 7, (ROWS,))


def images() -> Tensor:
    brightness = torch.rand(ROWS, 3, 1, 1)
    return (torch.randint(0, 256, (ROWS, 3, 8, 8)) * brightness).to(torch.uint8)


def torch_net(
    make: Callable[[], nn.Module],
    *rows: Callable[[], Tensor],
    answer: Callable[[Tensor], Tensor],
    dtype: torch.dtype = torch.float32,
    **options: Any,
) -> Fixture:
    """A network as it is exported; options are those of torch.onnx.export."""
    torch.manual_seed(SEED)
    net = spread(make()).eval().to(dtype)
    given = tuple(make_rows() for make_rows in rows or (numbers,))
    given = tuple(values.to(dtype) if values.is_floating_point() else values for values in given)
    with torch.no_grad():
        output = net(*given)
        expected = answer((output["logits"] if isinstance(output, dict) else output).float())
    exported = export(net, tuple(values[:EXAMPLE_ROWS] for values in given), **options)
    names = [value.name for value in exported.graph.input]
    return Fixture(
        exported, {name: values.numpy() for name, values in zip(names, given, strict=True)}, expected.numpy()
    )


def spread(net: nn.Module) -> nn.Module:
    with torch.no_grad():
        for weights in net.parameters():
            weights.mul_(SPREAD if weights.ndim > 1 else 1)
    return net


def export(net: nn.Module, given: tuple[Tensor, ...], **options: Any) -> onnx.ModelProto:
    """By today's exporter; with dynamo=False by the one before."""
    if options.get("dynamo", True):
        axes = {"dynamic_shapes": tuple({0: "rows"} for _ in given)}
        return without_traces(torch.onnx.export(net, given, verbose=False, **axes | options).model_proto)
    content = BytesIO()
    axes = {"input_names": ["x"], "dynamic_axes": {"x": {0: "rows"}}}
    torch.onnx.export(net, given, content, opset_version=OPSET, **axes | options)
    return onnx.load_from_string(content.getvalue())


def without_traces(model: onnx.ModelProto) -> onnx.ModelProto:
    """Each node tells from which line of which file on this machine it comes: that makes half of a small model."""
    for node in model.graph.node:
        del node.metadata_props[:]
    return model


def softmax(logits: Tensor) -> Tensor:
    return torch.softmax(logits, dim=1)


def both_classes(probability: Tensor) -> Tensor:
    return torch.cat([1 - probability, probability], dim=1)


def as_it_is(output: Tensor) -> Tensor:
    return output


FIXTURES: dict[str, Callable[[], Fixture]] = {
    "lightgbm_classes": lambda: lightgbm_classifier(load_wine),
    "lightgbm_classes_no_zipmap": lambda: lightgbm_classifier(load_wine, zipmap=False),
    "lightgbm_binary": lambda: lightgbm_classifier(load_breast_cancer),
    "lightgbm_binary_no_zipmap": lambda: lightgbm_classifier(load_breast_cancer, zipmap=False),
    "lightgbm_regressor": lightgbm_regressor,
    "xgboost_classes": lambda: xgboost_classifier(load_wine),
    "xgboost_binary": lambda: xgboost_classifier(load_breast_cancer),
    "xgboost_regressor": xgboost_regressor,
    "sklearn_labels_network": lambda: sklearn_labels(MLPClassifier((8,), max_iter=1000, random_state=SEED)),
    "sklearn_labels_one_vs_rest": lambda: sklearn_labels(OneVsRestClassifier(LogisticRegression())),
    "sklearn_regressor": lambda: sklearn_regressor(targets=1),
    "sklearn_regressor_two_targets": lambda: sklearn_regressor(targets=2),
    "torch_logits": lambda: torch_net(lambda: network(3), answer=softmax),
    "torch_logits_fixed_rows": lambda: torch_net(lambda: network(3), answer=softmax, dynamic_shapes=None),
    "torch_logits_script": lambda: torch_net(lambda: network(3), answer=softmax, dynamo=False),
    "torch_logits_float16": lambda: torch_net(lambda: network(3), answer=softmax, dtype=torch.float16),
    "torch_softmax": lambda: torch_net(lambda: network(3, nn.Softmax(1)), answer=as_it_is),
    "torch_log_softmax": lambda: torch_net(lambda: network(3, nn.LogSoftmax(1)), answer=torch.exp),
    "torch_binary_sigmoid": lambda: torch_net(lambda: network(1, nn.Sigmoid()), answer=both_classes),
    "torch_many_classes": lambda: torch_net(lambda: low_rank(10_000), lambda: numbers(3), answer=softmax),
    "torch_two_inputs": lambda: torch_net(TwoInputs, numbers, categories, answer=softmax),
    "torch_two_outputs": lambda: torch_net(TwoOutputs, answer=softmax),
    "torch_images_uint8": lambda: torch_net(Pixels, images, answer=softmax),
    "torch_labels_logits": lambda: torch_net(lambda: network(5), answer=torch.sigmoid),
    "torch_labels_sigmoid": lambda: torch_net(lambda: network(5, nn.Sigmoid()), answer=as_it_is),
    "torch_regressor": lambda: torch_net(lambda: network(1), answer=as_it_is),
}


def main() -> None:
    for name, make in FIXTURES.items():
        model, inputs, expected = make()
        (FOLDER / f"{name}.onnx").write_bytes(model.SerializeToString())
        arrays = {**inputs, "expected": expected.astype(np.float32)}
        np.savez_compressed(FOLDER / f"{name}.npz", **arrays)


if __name__ == "__main__":
    main()
