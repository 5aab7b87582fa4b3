"""Models as skl2onnx writes them, through the wire, against the framework's own predict_proba."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from skl2onnx import to_onnx
from skl2onnx.common.data_types import StringTensorType
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import onnx_models
from assayd import Client
from assayd.testing import Server

Connect = Callable[..., Client]
Serve = Callable[..., Server]

X, Y = load_iris(return_X_y=True)
X = X.astype(np.float32)
NAMES = np.array(["setosa", "versicolor", "virginica"])
TOLERANCE = 1e-5

CLASSIFIERS = {
    "logistic regression": LogisticRegression(max_iter=1000),
    "a pipeline with a scaler": make_pipeline(StandardScaler(), LogisticRegression()),
    "a random forest": RandomForestClassifier(10, random_state=0),
    "a small network": MLPClassifier((8,), random_state=0, max_iter=50),
}


def exported(model: Any, *, zipmap: bool) -> bytes:
    return to_onnx(model, X[:1], target_opset=17, options={"zipmap": zipmap}).SerializeToString()


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("zipmap", [True, False], ids=["zipmap", "no zipmap"])
@pytest.mark.parametrize("kind", CLASSIFIERS)
def test_a_classifier_scores_as_in_scikit_learn(serve: Serve, connect: Connect, kind: str, zipmap: bool) -> None:
    model = CLASSIFIERS[kind].fit(X, NAMES[Y])
    client = connect(serve(exported(model, zipmap=zipmap)))
    scores = client.score(X)
    np.testing.assert_allclose(scores.probabilities, model.predict_proba(X), rtol=0, atol=TOLERANCE)
    if zipmap:
        assert scores.labels.tolist() == model.predict(X).tolist()


def test_two_classes_score_as_in_scikit_learn(serve: Serve, connect: Connect) -> None:
    model = LogisticRegression(max_iter=1000).fit(X, Y == 1)
    scores = connect(serve(exported(model, zipmap=False))).score(X)
    np.testing.assert_allclose(scores.probabilities, model.predict_proba(X), rtol=0, atol=TOLERANCE)


def test_features_of_text_score_as_in_scikit_learn(serve: Serve, connect: Connect) -> None:
    words = np.array([["red", "s"], ["red", "m"], ["blue", "m"], ["blue", "l"], ["red", "l"]] * 4, object)
    model = make_pipeline(OneHotEncoder(), LogisticRegression()).fit(words, [0, 0, 1, 1, 0] * 4)
    content = to_onnx(model, initial_types=[("words", StringTensorType([None, 2]))], target_opset=17)
    scores = connect(serve(content.SerializeToString())).score(words)
    np.testing.assert_allclose(scores.probabilities, model.predict_proba(words), rtol=0, atol=TOLERANCE)


def test_an_inner_tensor_is_the_embedding_without_a_new_export(serve: Serve, connect: Connect) -> None:
    client = connect(serve(onnx_models.network(), embedding_tensor="a1"))
    x = np.random.default_rng(0).normal(size=(5, 64)).astype(np.float32)
    scores = client.score(x, outputs=["embeddings", "logits"])
    assert scores.embeddings is not None
    assert (scores.embeddings < 0).any()  # the embedding output would have gone through a Relu
    assert client.model().embedding_output == "a1"


def test_a_fixed_number_of_rows_at_a_time_is_out_of_the_callers_sight(
    serve: Serve, connect: Connect, tmp_path: Path
) -> None:
    fixed = exported_with_rows(CLASSIFIERS["logistic regression"].fit(X, Y), rows=8)
    path = tmp_path / "fixed.onnx"
    path.write_bytes(fixed)
    client = connect(serve(path))
    assert client.model().inputs[0].shape == (None, 4)
    expected = CLASSIFIERS["logistic regression"].predict_proba(X)
    for count in (0, 1, 8, 150):
        scores = client.score(X[:count])
        np.testing.assert_allclose(scores.probabilities, expected[:count], rtol=0, atol=TOLERANCE)


def exported_with_rows(model: Any, *, rows: int) -> bytes:
    onnx_model = to_onnx(model, X[:1], target_opset=17, options={"zipmap": False})
    for value in (*onnx_model.graph.input, *onnx_model.graph.output):
        value.type.tensor_type.shape.dim[0].dim_value = rows
    return onnx_model.SerializeToString()
