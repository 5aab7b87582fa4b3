"""Ranking through the wire: the rows that plain NumPy would choose, whatever kind of rows they are."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy.special import softmax
from scipy.stats import entropy

import onnx_models
from assayd import Client
from assayd_server.app import App

Connect = Callable[..., Client]
Serve = Callable[..., App]

RNG = np.random.default_rng(0)
X = RNG.normal(0, 2, (200, 4)).astype(np.float32)
P = softmax(X.astype(np.float64), axis=1)


def oracle(name: str, probabilities: np.ndarray) -> np.ndarray:
    """By another road than the server's."""
    two = np.sort(probabilities, axis=1)[:, ::-1][:, :2]
    class_count = probabilities.shape[1]
    return {
        "least_confidence": (1 - two[:, 0]) * class_count / (class_count - 1),
        "margin": 1 - (two[:, 0] - two[:, 1]),
        "ratio": two[:, 1] / two[:, 0],
        "entropy": entropy(probabilities, axis=1) / np.log(class_count),
        "max_entropy": entropy(probabilities, axis=1),
    }[name]


MEASURES = ["least_confidence", "margin", "ratio", "entropy", "max_entropy"]


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("kind", ["x", "logits", "probabilities"])
def test_the_most_uncertain_rows_are_those_of_a_full_sort(
    identity_client: Client, kind: str, measure: str
) -> None:
    ranking = identity_client.rank(**{kind: P if kind == "probabilities" else X}, measure=measure, count=20)
    scores = oracle(measure, P)
    np.testing.assert_array_equal(ranking.positions, np.argsort(-scores, kind="stable")[:20])
    np.testing.assert_allclose(ranking.scores, scores[ranking.positions], rtol=1e-5)
    assert (len(ranking), ranking.row_count, ranking.invalid_count) == (20, 200, 0)


def test_the_least_uncertain_rows_come_first_where_it_is_asked(identity_client: Client) -> None:
    ranking = identity_client.rank(X, measure="entropy", count=5, order="ascending")
    np.testing.assert_array_equal(ranking.positions, np.argsort(oracle("entropy", P), kind="stable")[:5])


def test_ties_go_to_the_lower_position(identity_client: Client) -> None:
    ranking = identity_client.rank(logits=np.zeros((10, 3)), measure="margin", count=4)
    assert ranking.positions.tolist() == [0, 1, 2, 3]


def test_a_head_is_applied_to_embeddings(identity_client: Client) -> None:
    weights = RNG.normal(size=(3, 4)).astype(np.float32)
    ranking = identity_client.rank(embeddings=X, head=(weights, None), measure="margin", count=7)
    scores = oracle("margin", softmax((X @ weights.T).astype(np.float64), axis=1))
    np.testing.assert_array_equal(ranking.positions, np.argsort(-scores, kind="stable")[:7])


def test_the_temperature_is_the_requests_or_the_models_own(serve: Serve, connect: Connect, tmp_path: Any) -> None:
    onnx_models.write_bundle(tmp_path / "r", onnx_models.identity(), temperature=3.0)
    client = connect(serve(tmp_path / "r"))
    of_three, of_two = oracle("entropy", softmax(X / 3.0, axis=1)), oracle("entropy", softmax(X / 2.0, axis=1))
    np.testing.assert_allclose(client.rank(X, measure="entropy", count=1).scores, of_three.max(), rtol=1e-5)
    ranking = client.rank(X, measure="entropy", count=1, temperature=2.0)
    np.testing.assert_allclose(ranking.scores, of_two.max(), rtol=1e-5)


@pytest.mark.parametrize("ids", [np.arange(1000, 1200), np.array([f"row {n}" for n in range(200)])])
def test_ids_come_back_with_the_rows(identity_client: Client, ids: np.ndarray) -> None:
    ranking = identity_client.rank(X, measure="entropy", count=10, ids=ids)
    assert ranking.ids is not None
    assert ranking.ids.tolist() == ids[ranking.positions].tolist()


def test_invalid_rows_are_told_and_never_chosen(identity_client: Client) -> None:
    rows = X[:6].copy()
    rows[[1, 4]] = np.nan
    ranking = identity_client.rank(rows, measure="entropy", count=6)
    assert sorted(ranking.positions.tolist()) == [0, 2, 3, 5]
    assert (ranking.invalid_count, ranking.invalid_positions) == (2, (1, 4))
    assert ranking.warnings == ("4 rows were chosen of 6: no more could be scored",)


def test_it_is_said_which_model_ran(identity_client: Client) -> None:
    assert identity_client.rank(X, measure="entropy", count=1).model is not None
    assert identity_client.rank(logits=X, measure="entropy", count=1).model is None


def test_labels_are_ranked_by_their_own_measures(serve: Serve, connect: Connect) -> None:
    client = connect(serve(onnx_models.labels(4)))
    ranking = client.rank(X, measure="multilabel_mean", count=9)
    each = 1 - np.abs(2 / (1 + np.exp(-X.astype(np.float64))) - 1)
    np.testing.assert_array_equal(ranking.positions, np.argsort(-each.mean(axis=1), kind="stable")[:9])


def test_density_favours_what_lies_where_the_pool_does(identity_client: Client) -> None:
    """The embedding of the model is twice its input."""
    direction = np.array([1.0, 0, 0, 0])
    ranking = identity_client.rank(
        X, measure="information_density", count=10, direction=direction, density_beta=2.0, density_base="margin"
    )
    cosines = np.maximum(0, (X / np.linalg.norm(X, axis=1, keepdims=True)) @ direction)
    scores = oracle("margin", P) * cosines**2
    np.testing.assert_array_equal(ranking.positions, np.argsort(-scores, kind="stable")[:10])


def test_density_is_that_of_the_batch_unless_a_direction_is_given(identity_client: Client) -> None:
    ranking = identity_client.rank(X, measure="information_density", count=10)
    unit = X / np.linalg.norm(X, axis=1, keepdims=True)
    scores = oracle("entropy", P) * np.maximum(0, (unit @ unit.T).mean(axis=1))
    np.testing.assert_array_equal(ranking.positions, np.argsort(-scores, kind="stable")[:10])


@pytest.mark.parametrize("diversity", ["stochastic", "k_center", "badge", "cluster_margin"])
def test_a_diverse_batch_holds_different_rows_and_comes_again(identity_client: Client, diversity: str) -> None:
    first = identity_client.rank(X, measure="entropy", count=20, diversity=diversity, seed=7)
    again = identity_client.rank(X, measure="entropy", count=20, diversity=diversity, seed=7)
    assert len(set(first.positions.tolist())) == 20
    np.testing.assert_array_equal(first.positions, again.positions)
    np.testing.assert_allclose(first.scores, oracle("entropy", P)[first.positions], rtol=1e-5)


@pytest.mark.parametrize("diversity", ["k_center", "badge", "cluster_margin"])
def test_a_diverse_batch_is_chosen_from_the_candidates(identity_client: Client, diversity: str) -> None:
    ranking = identity_client.rank(X, measure="entropy", count=5, diversity=diversity, candidates=12)
    assert set(ranking.positions.tolist()) <= set(np.argsort(-oracle("entropy", P), kind="stable")[:12].tolist())


@pytest.mark.parametrize("diversity", ["stochastic", "k_center", "badge"])
def test_repeated_rows_are_chosen_once_where_the_batch_is_diverse(identity_client: Client, diversity: str) -> None:
    repeated = np.repeat(X[:40], 5, axis=0)
    plain = identity_client.rank(repeated, measure="entropy", count=20)
    diverse = identity_client.rank(repeated, measure="entropy", count=20, diversity=diversity, candidates=200)
    assert len(set((plain.positions // 5).tolist())) == 4
    assert len(set((diverse.positions // 5).tolist())) > 8
    assert plain.effective_size is not None
    assert diverse.effective_size is not None
    assert plain.effective_size < diverse.effective_size
    assert any("repeat" in warning for warning in plain.warnings)


def test_repetition_is_told_of_the_chosen_rows(identity_client: Client) -> None:
    ranking = identity_client.rank(X, measure="entropy", count=30)
    unit = X[ranking.positions] / np.linalg.norm(X[ranking.positions], axis=1, keepdims=True)
    gram = (unit @ unit.T).astype(np.float64)
    values = np.linalg.eigvalsh(gram / 30)
    np.testing.assert_allclose(ranking.mean_cosine, (gram.sum() - 30) / (30 * 29), rtol=1e-4)
    np.testing.assert_allclose(ranking.effective_size, np.exp(entropy(values.clip(0))), rtol=1e-4)


def test_without_embeddings_nothing_is_said_of_repetition(identity_client: Client) -> None:
    ranking = identity_client.rank(logits=X, measure="entropy", count=30)
    assert (ranking.mean_cosine, ranking.effective_size) == (None, None)


def test_embeddings_may_come_beside_scores(identity_client: Client) -> None:
    of_inputs = identity_client.rank(X, measure="entropy", count=10, diversity="k_center")
    beside = identity_client.rank(logits=X, embeddings=2 * X, measure="entropy", count=10, diversity="k_center")
    np.testing.assert_array_equal(of_inputs.positions, beside.positions)


def test_stochastic_draws_become_the_plain_order_as_beta_grows(identity_client: Client) -> None:
    plain = identity_client.rank(X, measure="entropy", count=20)
    drawn = identity_client.rank(X, measure="entropy", count=20, diversity="stochastic", beta=1e6)
    np.testing.assert_array_equal(plain.positions, drawn.positions)
    wanted: dict[str, Any] = {"measure": "entropy", "count": 20, "diversity": "stochastic"}
    assert len({tuple(identity_client.rank(X, seed=seed, **wanted).positions) for seed in range(5)}) == 5
