"""The image classifiers that the onnx package is tested with: their real graphs, with weights that are all alike.

So all classes are equally likely in each of them. What is tested is that they load and run as they are: old files,
weights among the inputs, one image at a time, class scores of shape (1, 1000, 1, 1).
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnxruntime import GraphOptimizationLevel, InferenceSession, SessionOptions
from scipy.special import softmax

from assayd import Client
from assayd.testing import Server

Connect = Callable[..., Client]
Serve = Callable[..., Server]

FOLDER = Path(onnx.__file__).parent / "backend" / "test" / "data" / "light"
MODELS = {path.stem.removeprefix("light_"): path for path in sorted(FOLDER.glob("*.onnx"))}
LOGITS = {"densenet121"}
IMAGES = np.random.default_rng(0).random((2, 3, 224, 224), np.float32)

pytestmark = [pytest.mark.long, pytest.mark.xdist_group("light models")]  # one of them takes a gigabyte


@pytest.mark.parametrize("name", MODELS)
def test_a_classifier_of_images_scores_as_in_onnx_runtime(serve: Serve, connect: Connect, name: str) -> None:
    app = serve(MODELS[name], inference_threads=2)
    probabilities = connect(app, deadline_seconds=60).score(IMAGES).probabilities
    expected = answers(MODELS[name])
    expected = softmax(expected, axis=1) if name in LOGITS else expected
    np.testing.assert_allclose(probabilities, expected, rtol=0, atol=1e-5)
    assert probabilities.shape == (2, 1000)


def answers(path: Path) -> Any:
    """Of ONNX Runtime alone, without the optimisations, which take most of the time to load: (2, 1000)."""
    options = SessionOptions()
    options.graph_optimization_level = GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    session = InferenceSession(path, options, providers=["CPUExecutionProvider"])
    (taken,) = session.get_inputs()
    return np.concatenate([session.run(None, {taken.name: image[None]})[0] for image in IMAGES]).reshape(2, -1)


def test_all_of_them_are_there() -> None:
    assert len(MODELS) >= 9


def test_the_features_before_the_classes_can_be_the_embedding(serve: Serve, connect: Connect) -> None:
    client = connect(serve(MODELS["squeezenet"], embedding_tensor="r65", inference_threads=2))
    scores = client.score(IMAGES, outputs=["embeddings"])
    assert scores.embeddings is not None
    assert scores.embeddings.shape == (2, 1000)
