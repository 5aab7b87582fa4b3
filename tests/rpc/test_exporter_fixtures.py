"""Models that other exporters wrote, through the wire, against what their frameworks answered.

tests/data/exporters/make.py writes them; what it takes is too much to install for every run of the tests.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from assayd import Client
from assayd.testing import Server
from assayd_server.errors import ArtefactError

Connect = Callable[..., Client]
Serve = Callable[..., Server]

FOLDER = Path(__file__).parents[1] / "data" / "exporters"
MODELS = {path.stem: path for path in sorted(FOLDER.glob("*.onnx"))}
CLASSIFIERS = [name for name in MODELS if not {"labels", "regressor"} & set(name.split("_"))]
LABELS = [name for name in MODELS if "labels" in name.split("_")]
REGRESSORS = [name for name in MODELS if "regressor" in name.split("_")]
FLAGS = {
    "torch_labels_logits": {"activation": "sigmoid"},
    "torch_regressor": {"values_output": "linear_1"},
    "torch_two_outputs": {"logits_output": "linear_1", "embedding_tensor": "relu"},
}
"""Where the exporter's names leave it open what an output is."""


def rows_and_answer(name: str) -> tuple[dict[str, NDArray[np.generic]], NDArray[np.float32]]:
    """The inputs by name, and what the framework made of them."""
    with np.load(FOLDER / f"{name}.npz") as arrays:
        inputs = dict(arrays)
    return inputs, inputs.pop("expected")


def tolerance(name: str) -> float:
    return 1e-3 if name.endswith("float16") else 1e-5


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_a_classifier_scores_as_in_its_framework(serve: Serve, connect: Connect, name: str) -> None:
    inputs, expected = rows_and_answer(name)
    scores = connect(serve(MODELS[name], **FLAGS.get(name, {}))).score(inputs)
    np.testing.assert_allclose(scores.probabilities, expected, rtol=0, atol=tolerance(name))


@pytest.mark.parametrize("name", LABELS)
def test_a_model_of_labels_scores_as_in_its_framework(serve: Serve, connect: Connect, name: str) -> None:
    inputs, expected = rows_and_answer(name)
    client = connect(serve(MODELS[name], **FLAGS.get(name, {})))
    scores = client.score(inputs, uncertainties=["multilabel_mean"])
    np.testing.assert_allclose(scores.probabilities, expected, rtol=0, atol=tolerance(name))
    each = 1 - np.abs(2 * expected - 1)
    np.testing.assert_allclose(scores.uncertainty["multilabel_mean"], each.mean(axis=1), rtol=0, atol=1e-5)
    assert client.model().task == "multilabel"


@pytest.mark.parametrize("name", REGRESSORS)
def test_a_regressor_gives_the_values_of_its_framework(serve: Serve, connect: Connect, name: str) -> None:
    inputs, expected = rows_and_answer(name)
    client = connect(serve(MODELS[name], **FLAGS.get(name, {})))
    np.testing.assert_allclose(client.score(inputs).values, expected, rtol=1e-5, atol=1e-5)
    assert client.model().task == "regression"


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_the_answers_can_be_told_apart(name: str) -> None:
    _, expected = rows_and_answer(name)
    assert len(np.unique(expected.argmax(axis=1))) > 1
    assert np.ptp(expected, axis=0).max() > 100 * tolerance(name)


def test_where_names_leave_it_open_the_refusal_names_the_flags(serve: Serve) -> None:
    with pytest.raises(ArtefactError, match="--logits-output"):
        serve(MODELS["torch_two_outputs"])


@pytest.mark.parametrize("name", ["lightgbm_binary", "lightgbm_classes"])
def test_class_names_in_a_zipmap_of_lightgbm_are_the_labels(serve: Serve, connect: Connect, name: str) -> None:
    inputs, expected = rows_and_answer(name)
    scores = connect(serve(MODELS[name])).score(inputs)
    assert scores.labels.tolist() == [str(best) for best in expected.argmax(axis=1)]


def test_rows_may_be_fewer_or_more_than_the_fixed_number(serve: Serve, connect: Connect) -> None:
    inputs, expected = rows_and_answer("torch_logits_fixed_rows")
    client = connect(serve(MODELS["torch_logits_fixed_rows"]))
    for count in (0, 1, 8, 17):
        scores = client.score(inputs["input"][:count])
        np.testing.assert_allclose(scores.probabilities, expected[:count], rtol=0, atol=1e-5)


def test_a_model_in_half_precision_takes_single_precision(serve: Serve, connect: Connect) -> None:
    inputs, expected = rows_and_answer("torch_logits_float16")
    scores = connect(serve(MODELS["torch_logits_float16"])).score(inputs["input"].astype(np.float32))
    np.testing.assert_allclose(scores.probabilities, expected, rtol=0, atol=1e-3)
