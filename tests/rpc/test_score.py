"""Score against ONNX Runtime and SciPy, computed apart."""

from collections.abc import Callable

import numpy as np
import onnxruntime
import pytest
import scipy.special
import scipy.stats

import onnx_models
from assayd import Client, Scores
from assayd.testing import Server

MEASURES = ["least_confidence", "margin", "ratio", "entropy"]
WIDTH, CLASSES = 64, 10
TOLERANCE = 1e-5

Connect = Callable[..., Client]
Serve = Callable[..., Server]


@pytest.fixture
def client(serve: Serve, connect: Connect) -> Client:
    return connect(serve(onnx_models.network(width=WIDTH, class_count=CLASSES)), deadline_seconds=60)


def rows(count: int, width: int = WIDTH) -> np.ndarray:
    return np.random.default_rng(count).normal(size=(count, width)).astype(np.float32)


def expected_logits(x: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(onnx_models.network(width=WIDTH, class_count=CLASSES))
    if not len(x):
        return np.empty((0, CLASSES))
    return session.run(["logits"], {"x": x})[0].astype(np.float64)


def expected_uncertainty(p: np.ndarray) -> dict[str, np.ndarray]:
    first, second = -np.sort(-p, axis=1)[:, :2].T
    return {
        "least_confidence": (1 - first) * p.shape[1] / (p.shape[1] - 1),
        "margin": 1 - (first - second),
        "ratio": second / first,
        "entropy": scipy.stats.entropy(p, axis=1) / np.log(p.shape[1]) if len(p) else np.empty(0),
    }


def assert_scores(scores: Scores, logits: np.ndarray) -> None:
    p = scipy.special.softmax(logits, axis=1)
    assert scores.probabilities is not None
    np.testing.assert_allclose(scores.probabilities, p, rtol=0, atol=TOLERANCE)
    for measure, values in expected_uncertainty(p).items():
        np.testing.assert_allclose(scores.uncertainty[measure], values, rtol=0, atol=TOLERANCE, err_msg=measure)
    assert (scores.predictions == p.argmax(axis=1)).all()


@pytest.mark.parametrize("count", [0, 1, 7, 100_000])
def test_probabilities_and_uncertainties_equal_onnx_runtime_and_scipy(client: Client, count: int) -> None:
    x = rows(count)
    scores = client.score(x, uncertainties=MEASURES)
    assert len(scores) == count
    assert_scores(scores, expected_logits(x))


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
def test_logits_are_scored_without_a_model(client: Client, kind: type) -> None:
    logits = np.random.default_rng(1).normal(size=(50, 7)).astype(kind)
    scores = client.score(logits=logits, uncertainties=MEASURES)
    assert_scores(scores, logits.astype(np.float64))
    assert scores.model is None


def test_probabilities_are_scored_as_they_are(client: Client) -> None:
    p = np.random.default_rng(2).dirichlet(np.ones(6), size=40)
    assert_scores(client.score(probabilities=p, uncertainties=MEASURES), np.log(p))


def test_embeddings_are_scored_with_the_head_that_comes_along(client: Client) -> None:
    rng = np.random.default_rng(3)
    embeddings, weights, bias = rng.normal(size=(20, 5)), rng.normal(size=(3, 5)), rng.normal(size=3)
    scores = client.score(embeddings=embeddings, head=(weights, bias), uncertainties=MEASURES)
    assert_scores(scores, embeddings @ weights.T + bias)


def test_a_head_can_replace_the_models_own_on_its_embedding(client: Client) -> None:
    x = rows(9)
    weights = np.random.default_rng(4).normal(size=(3, 32)).astype(np.float32)
    scores = client.score(x, head=(weights, None), uncertainties=MEASURES, outputs=["probabilities", "embeddings"])
    assert scores.embeddings is not None
    assert_scores(scores, scores.embeddings.astype(np.float64) @ weights.T)


def test_embeddings_equal_the_models_output(client: Client) -> None:
    x = rows(5)
    session = onnxruntime.InferenceSession(onnx_models.network(width=WIDTH, class_count=CLASSES))
    embedding = session.run(["embedding"], {"x": x})[0]
    np.testing.assert_allclose(client.score(x, outputs=["embeddings"]).embeddings, embedding, atol=TOLERANCE)


@pytest.mark.parametrize("scale", [1e4, 1e30, 3e38])
def test_huge_logits_do_not_overflow(identity_client: Client, scale: float) -> None:
    scores = identity_client.score(np.array([[1, -1, 0.5, 0]], np.float32) * scale, uncertainties=MEASURES)
    np.testing.assert_array_equal(scores.probabilities, [[1, 0, 0, 0]])
    assert all(values == [0] for values in scores.uncertainty.values())


def test_the_temperature_divides_the_logits(identity_client: Client) -> None:
    logits = np.array([[1.0, 2.0, 4.0, 0.0]])
    scores = identity_client.score(logits.astype(np.float32), temperature=2.5, uncertainties=MEASURES)
    assert_scores(scores, logits / 2.5)


def test_the_temperature_acts_on_probabilities_as_on_the_logits_behind_them(client: Client) -> None:
    logits = np.random.default_rng(5).normal(size=(8, 4))
    p = scipy.special.softmax(logits, axis=1)
    assert_scores(client.score(probabilities=p, temperature=0.5, uncertainties=MEASURES), logits / 0.5)


def test_top_k_is_sorted_and_ties_go_to_the_lower_class(identity_client: Client) -> None:
    scores = identity_client.score(np.array([[0, 2, 2, 1], [3, 3, 3, 3]], np.float32), top_k=3)
    assert scores.top is not None
    assert scores.top.classes.tolist() == [[1, 2, 3], [0, 1, 2]]
    assert scores.probabilities is not None
    expected = np.take_along_axis(scores.probabilities, scores.top.classes.astype(int), axis=1)
    np.testing.assert_array_equal(scores.top.probabilities, expected)


def test_a_row_with_nan_is_invalid_and_its_neighbours_are_served(identity_client: Client) -> None:
    x = np.array([[1, 2, 3, 4], [np.nan, 0, 0, 0], [np.inf, 0, 0, 0], [4, 3, 2, -np.inf]], np.float32)
    scores = identity_client.score(x, uncertainties=MEASURES, top_k=1, outputs=["probabilities", "logits"])
    assert scores.valid.tolist() == [True, False, False, True]
    assert scores.predictions.tolist() == [3, -1, -1, 0]
    assert scores.top is not None
    assert scores.top.classes.tolist() == [[3], [-1], [-1], [0]]
    for values in (scores.probabilities, scores.uncertainty["entropy"], scores.top.probabilities):
        assert values is not None
        assert np.isnan(values[1:3]).all()
        assert np.isfinite(values[[0, 3]]).all()


@pytest.mark.parametrize("kind", [np.uint8, np.int8, np.int32, np.int64, np.float16, np.float64, np.bool_])
def test_a_narrower_or_wider_type_on_the_wire_is_cast_to_the_models(identity_client: Client, kind: type) -> None:
    x = np.array([[0, 1, 1, 0], [1, 0, 0, 1]])
    scores = identity_client.score(x.astype(kind), outputs=["logits"])
    np.testing.assert_array_equal(scores.logits, x)


def test_outputs_come_only_where_they_are_asked_for(identity_client: Client) -> None:
    scores = identity_client.score(np.zeros((1, 4), np.float32), outputs=[])
    assert (scores.probabilities, scores.logits, scores.embeddings, scores.top) == (None, None, None, None)
    assert scores.uncertainty == {}
    assert scores.predictions.tolist() == [0]


def test_every_row_comes_back_in_its_place_when_the_batch_is_cut(serve: Serve, connect: Connect) -> None:
    client = connect(serve(onnx_models.identity(), rows_max=100))
    x = np.arange(4000, dtype=np.float32).reshape(1000, 4)
    np.testing.assert_array_equal(client.score(x, outputs=["logits"]).logits, x)


def test_an_answer_over_the_message_limit_is_cut_too(serve: Serve, connect: Connect) -> None:
    client = connect(serve(onnx_models.identity(), message_bytes_max=65_536))
    x = np.arange(12_000, dtype=np.float32).reshape(3000, 4) % 251
    scores = client.score(x.astype(np.uint8), outputs=["probabilities", "logits", "embeddings"])
    np.testing.assert_array_equal(scores.logits, x)
