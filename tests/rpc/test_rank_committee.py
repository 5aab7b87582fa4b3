"""Committees: members that came with the request, several models, an axis of samples, and dropout."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from onnx import TensorProto, helper
from scipy.special import softmax
from scipy.stats import entropy

import onnx_models
from assayd import Client, FailedPreconditionError, InvalidArgumentError
from assayd_server.app import App
from assayd_server.errors import ArtefactError

Connect = Callable[..., Client]
Serve = Callable[..., App]

RNG = np.random.default_rng(1)
Z = RNG.normal(0, 2, (6, 80, 4)).astype(np.float32)
P = softmax(Z.astype(np.float64), axis=2)
X = RNG.normal(0, 2, (60, 4)).astype(np.float32)


def direct(name: str, p: np.ndarray) -> np.ndarray:
    """As the formulas say it, member by member and row by row."""
    m, n, c = p.shape
    mean = p.mean(axis=0)
    votes = np.stack([np.bincount(p[:, row].argmax(axis=1), minlength=c) for row in range(n)]) / m
    divergences = np.stack([entropy(p[member], mean, axis=1) for member in range(m)])
    return {
        "vote_entropy": entropy(votes, axis=1) / np.log(min(m, c)),
        "consensus_entropy": entropy(mean, axis=1) / np.log(c),
        "variation_ratio": 1 - votes.max(axis=1),
        "mean_kl": divergences.mean(axis=0) / np.log(min(m, c)),
        "expected_entropy": entropy(p, axis=2).mean(axis=0) / np.log(c),
        "max_kl": divergences.max(axis=0) / np.log(m),
    }[name]


NAMES = ["vote_entropy", "consensus_entropy", "variation_ratio", "mean_kl", "expected_entropy", "max_kl"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", ["member_logits", "member_probabilities"])
def test_members_that_came_along_are_ranked_by_their_disagreement(
    identity_client: Client, kind: str, name: str
) -> None:
    ranking = identity_client.rank(**{kind: Z if kind == "member_logits" else P}, measure=name, count=80)
    expected = direct(name, P)
    np.testing.assert_allclose(ranking.scores, np.sort(expected)[::-1], rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(expected[ranking.positions], ranking.scores, rtol=1e-4, atol=1e-6)


def test_regression_members_are_ranked_by_their_variance(identity_client: Client) -> None:
    values = RNG.normal(size=(5, 30, 2))
    ranking = identity_client.rank(member_values=values, measure="variance", count=10)
    expected = values.var(axis=0).mean(axis=1)
    np.testing.assert_array_equal(ranking.positions, np.argsort(-expected, kind="stable")[:10])


def test_a_measure_of_one_model_goes_by_the_mean_of_the_members(identity_client: Client) -> None:
    ranking = identity_client.rank(member_probabilities=P, measure="entropy", count=8)
    expected = entropy(P.mean(axis=0), axis=1)
    np.testing.assert_array_equal(ranking.positions, np.argsort(-expected, kind="stable")[:8])


@pytest.fixture
def two_models(serve: Serve, connect: Connect, tmp_path: Path) -> Client:
    """Two random networks over 64 inputs, and one with as many inputs and other classes."""
    for name, content in {
        "a": onnx_models.network(seed=1),
        "b": onnx_models.network(seed=2),
        "other": onnx_models.network(seed=3, class_count=5),
    }.items():
        onnx_models.write_bundle(tmp_path / "r", content, name=name)
    return connect(serve(tmp_path / "r"))


ROWS = RNG.normal(size=(50, 64)).astype(np.float32)


def test_several_models_form_a_committee(two_models: Client) -> None:
    ranking = two_models.rank(ROWS, committee=["a", "b"], measure="mean_kl", count=10)
    members = np.stack([two_models.score(ROWS, model=name).probabilities for name in ("a", "b")])
    expected = direct("mean_kl", members.astype(np.float64))
    np.testing.assert_allclose(ranking.scores, np.sort(expected)[::-1][:10], rtol=1e-3, atol=1e-5)
    frame = pd.DataFrame(ROWS)
    of_table = two_models.rank(frame, committee=["a", "b"], measure="mean_kl", count=10)
    np.testing.assert_array_equal(ranking.positions, of_table.positions)
    pinned = two_models.rank(ROWS, committee=[("a", 1), ("b", 1)], measure="mean_kl", count=10)
    np.testing.assert_array_equal(ranking.positions, pinned.positions)


def test_batch_bald_chooses_from_a_committee(two_models: Client) -> None:
    ranking = two_models.rank(ROWS, committee=["a", "b"], measure="mean_kl", count=5, diversity="batch_bald")
    assert len(set(ranking.positions.tolist())) == 5
    best = two_models.rank(ROWS, committee=["a", "b"], measure="mean_kl", count=1)
    assert ranking.positions[0] == best.positions[0]


@pytest.mark.parametrize(
    ("committee", "message"),
    [
        (["a"], "committee.models.models: has 1 models, allowed are 2 to 64"),
        (
            ["a", "other"],
            r"committee.models.models\[1\]: model 'other' is for multiclass of 5, 'a' for multiclass of 10",
        ),
    ],
)
def test_what_is_no_committee_is_refused(two_models: Client, committee: list[str], message: str) -> None:
    with pytest.raises(InvalidArgumentError, match=f"{message}$"):
        two_models.rank(ROWS, committee=committee, measure="mean_kl", count=5)


def samples(sample_count: int = 6) -> bytes:
    """Logits with an axis of samples: the input, and the input times 2, 3 and so on."""
    factors = np.arange(1, sample_count + 1, dtype=np.float32).reshape(1, sample_count, 1)
    return onnx_models.build(
        nodes=[
            helper.make_node("Unsqueeze", ["x", "axis"], ["rows"]),
            helper.make_node("Mul", ["rows", "factors"], ["logits"]),
        ],
        inputs={"x": (TensorProto.FLOAT, ["rows", 4])},
        outputs={"logits": (TensorProto.FLOAT, ["rows", sample_count, 4])},
        weights={"axis": np.array([1]), "factors": factors},
    )


@pytest.fixture
def sampled(serve: Serve, connect: Connect) -> Client:
    return connect(serve(samples(), sample_axis=True))


def test_an_axis_of_samples_is_a_committee(sampled: Client) -> None:
    members = softmax(X.astype(np.float64) * np.arange(1, 7)[:, None, None], axis=2)
    ranking = sampled.rank(X, measure="mean_kl", count=12)
    expected = direct("mean_kl", members)
    np.testing.assert_allclose(ranking.scores, np.sort(expected)[::-1][:12], rtol=1e-4)


def test_a_model_with_an_axis_of_samples_scores_by_their_mean(sampled: Client) -> None:
    members = softmax(X.astype(np.float64) * np.arange(1, 7)[:, None, None], axis=2)
    scores = sampled.score(X, uncertainties=["entropy"])
    np.testing.assert_allclose(scores.probabilities, members.mean(axis=0), atol=1e-5)
    np.testing.assert_allclose(scores.uncertainty["entropy"], direct("consensus_entropy", members), atol=1e-5)
    with pytest.raises(FailedPreconditionError, match="gives no logits"):
        sampled.score(X, outputs=["logits"])


def test_an_axis_of_samples_is_never_guessed(serve: Serve) -> None:
    with pytest.raises(ArtefactError, match="no output is plainly logits"):
        serve(samples())


def test_dropout_samples_the_last_layer(serve: Serve, connect: Connect) -> None:
    client = connect(serve(onnx_models.network()))
    ranking = client.rank(ROWS, dropout=50, dropout_rate=0.3, measure="mean_kl", count=10, seed=3)
    again = client.rank(ROWS, dropout=50, dropout_rate=0.3, measure="mean_kl", count=10, seed=3)
    np.testing.assert_array_equal(ranking.positions, again.positions)
    assert (ranking.scores > 0).all()
    barely = client.rank(ROWS, dropout=50, dropout_rate=1e-9, measure="mean_kl", count=10)
    assert barely.scores.max() < 1e-5  # all members are the model itself
    mean = client.rank(ROWS, dropout=2, dropout_rate=1e-9, measure="consensus_entropy", count=50)
    plain = client.rank(ROWS, measure="entropy", count=50)
    np.testing.assert_allclose(mean.scores, plain.scores, rtol=1e-4)


def test_where_the_last_layer_cannot_be_sampled_a_sentence_says_why(
    serve: Serve, connect: Connect, identity_client: Client
) -> None:
    with pytest.raises(FailedPreconditionError) as caught:
        identity_client.rank(X, dropout=10, measure="mean_kl", count=5)
    assert caught.value.message == (
        "committee.dropout: model 'm' has no last layer to sample: 'logits' comes of nothing, and not of a Gemm "
        "or a MatMul with weights"
    )


def test_there_is_no_disagreement_of_one(identity_client: Client) -> None:
    with pytest.raises(
        InvalidArgumentError, match="measure: mean_kl is of a committee, there is one opinion a row"
    ):
        identity_client.rank(X, measure="mean_kl", count=5)
    with pytest.raises(InvalidArgumentError, match="diversity: batch_bald is of a committee"):
        identity_client.rank(X, measure="entropy", count=5, diversity="batch_bald")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"member_logits": Z[:1]},
            r"rows.committee.logits.shape: is \[1, 80, 4\], allowed is \[2 or more members",
        ),
        ({"member_logits": Z[0]}, r"member_logits: is of shape \[80, 4\], allowed is \[members, rows, columns\]"),
        ({"member_probabilities": Z}, "rows.committee.probabilities.data: member 0 row 0 has the sum"),
    ],
)
def test_members_that_are_none_are_refused(identity_client: Client, given: dict, message: str) -> None:
    with pytest.raises(InvalidArgumentError, match=message):
        identity_client.rank(**given, measure="mean_kl", count=5)


def test_a_row_that_is_invalid_to_one_member_is_invalid(identity_client: Client) -> None:
    members = Z.copy()
    members[3, 5, 2] = np.nan
    ranking = identity_client.rank(member_logits=members, measure="mean_kl", count=80)
    assert ranking.invalid_positions == (5,)
    assert 5 not in ranking.positions
