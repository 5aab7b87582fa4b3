"""Diverse batches have limits of time and of room: these are told early, and pools come out all the same."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import onnx_models
from assayd import Client, InvalidArgumentError
from assayd.testing import Server

Serve = Callable[..., Server]

RNG = np.random.default_rng(4)
Z = RNG.normal(0, 2, (400, 4)).astype(np.float32)
EMBEDDINGS = RNG.normal(size=(400, 64)).astype(np.float32)
MEMBERS = RNG.dirichlet(np.ones(4), (3, 400))


@pytest.fixture
def hasty(serve: Serve) -> Client:
    """Of a server that takes no more than a million operations for a diverse batch."""
    return serve(onnx_models.identity(), diversity_operations_max=2**20).client()


SCORED: dict[str, Any] = {"logits": Z, "embeddings": EMBEDDINGS, "measure": "entropy"}
OPINIONS: dict[str, Any] = {"member_probabilities": MEMBERS, "measure": "mean_kl"}


@pytest.mark.parametrize(
    ("given", "diversity"), [(SCORED, "k_center"), (SCORED, "badge"), (OPINIONS, "batch_bald")]
)
def test_a_batch_that_would_keep_others_waiting_is_refused(
    hasty: Client, given: dict[str, Any], diversity: str
) -> None:
    with pytest.raises(
        InvalidArgumentError, match=r"400 candidates and a count of 100 take about .* allowed are 1e\+06"
    ):
        hasty.rank(**given, diversity=diversity, count=100)
    few = {"samples": 100} if diversity == "batch_bald" else {}
    assert len(hasty.rank(**given, diversity=diversity, count=5, candidates=20, **few)) == 5


@pytest.mark.parametrize("diversity", ["cluster_margin", "stochastic", None])
def test_what_is_quick_at_any_count_has_no_such_limit(hasty: Client, diversity: str | None) -> None:
    assert len(hasty.rank(**SCORED, diversity=diversity, count=400)) == 400


def test_in_a_stream_it_is_refused_as_soon_as_the_pool_is_known_to_be_large(hasty: Client) -> None:
    taken = []

    def batches() -> Any:
        for number in range(1000):
            taken.append(number)
            yield {"logits": Z, "embeddings": EMBEDDINGS}

    with pytest.raises(InvalidArgumentError, match="candidates: are too many"):
        hasty.rank_stream(batches(), measure="entropy", diversity="k_center", count=100)
    assert len(taken) < 100


def test_what_cannot_be_is_refused_at_the_first_batch(identity_client: Client) -> None:
    taken = []

    def batches() -> Any:
        for number in range(1000):
            taken.append(number)
            yield {"logits": Z}

    with pytest.raises(InvalidArgumentError, match="k_center needs embeddings"):
        identity_client.rank_stream(batches(), measure="entropy", diversity="k_center", count=10)
    assert len(taken) < 100


def test_candidates_are_as_many_as_one_call_takes_and_a_warning_says_so(serve: Serve) -> None:
    client = serve(onnx_models.identity(), rows_max=100).client()
    for ranking in (
        client.rank(**SCORED, diversity="k_center", count=30),
        client.rank_stream(
            [{"logits": Z, "embeddings": EMBEDDINGS}], measure="entropy", diversity="k_center", count=30
        ),
    ):
        expected = client.rank(**SCORED, diversity="k_center", count=30, candidates=100)
        np.testing.assert_array_equal(ranking.positions, expected.positions)
        assert "from 100 candidates in place of 300" in ranking.warnings[0]
        assert expected.warnings == ()


def test_candidates_fit_one_message(serve: Serve) -> None:
    client = serve(onnx_models.identity(), message_bytes_max=65_536).client()
    ranking = client.rank(**SCORED, diversity="k_center", count=30)
    assert len(ranking) == 30
    assert "candidates in place of 300" in ranking.warnings[0]


def test_a_count_that_no_call_takes_is_refused_at_the_first_batch(serve: Serve) -> None:
    client = serve(onnx_models.identity(), rows_max=100).client()
    with pytest.raises(InvalidArgumentError, match=r"count: is 200, .* which takes 100 of these rows"):
        client.rank(**SCORED, diversity="k_center", count=200)


def test_rows_whose_embedding_is_none_are_no_candidates_however_the_pool_is_cut(identity_client: Client) -> None:
    spoiled = EMBEDDINGS.copy()
    spoiled[::2] = np.nan
    wanted: dict[str, Any] = {"measure": "entropy", "diversity": "k_center", "count": 5}
    whole = identity_client.rank(logits=Z, embeddings=spoiled, **wanted)
    parts = ({"logits": Z[rows], "embeddings": spoiled[rows]} for rows in (slice(0, 150), slice(150, 400)))
    streamed = identity_client.rank_stream(parts, **wanted)
    np.testing.assert_array_equal(streamed.positions, whole.positions)
    assert streamed.invalid_count == whole.invalid_count == 200


def test_batches_of_different_rows_are_no_pool_to_choose_a_diverse_batch_from(identity_client: Client) -> None:
    wanted: dict[str, Any] = {"measure": "entropy", "count": 5}
    probabilities = np.full((3, 4), 0.25)
    batches = [
        {"logits": Z, "embeddings": Z},
        {"probabilities": probabilities, "embeddings": probabilities},
    ]
    with pytest.raises(InvalidArgumentError, match=r"probabilities \[4\] float64, .*, one before of logits \[4\]"):
        identity_client.rank_stream(batches, diversity="k_center", **wanted)
    plain = identity_client.rank_stream(batches, **wanted)  # each has a score, whatever the others are
    assert plain.positions[:3].tolist() == [400, 401, 402]
    assert plain.effective_size is None
    texts_of_other_lengths = [{"logits": Z}, {"logits": Z[:, :3]}, {"logits": Z}]
    assert len(identity_client.rank_stream(texts_of_other_lengths, **wanted)) == 5


def test_fewer_rows_than_asked_for_come_with_a_warning(identity_client: Client) -> None:
    ranking = identity_client.rank_stream([Z[:3]], measure="entropy", count=5)
    assert ranking.warnings == ("3 rows were chosen of 5: no more could be scored",)


def test_of_a_pool_of_invalid_rows_none_is_chosen(identity_client: Client) -> None:
    for diversity in (None, "k_center"):
        ranking = identity_client.rank_stream(
            [np.full((9, 4), np.nan, np.float32)] * 2, measure="entropy", count=5, diversity=diversity
        )
        assert (len(ranking), ranking.invalid_count) == (0, 18)


def test_of_embeddings_of_zeros_nothing_is_said(identity_client: Client) -> None:
    ranking = identity_client.rank(logits=Z, embeddings=np.zeros((400, 3)), measure="entropy", count=5)
    assert (ranking.mean_cosine, ranking.effective_size) == (None, None)


def test_the_easiest_of_each_cluster_come_first_where_the_order_is_ascending(identity_client: Client) -> None:
    wanted: dict[str, Any] = {"measure": "entropy", "order": "ascending"}
    one_cluster = np.ones((400, 2))
    chosen = identity_client.rank(logits=Z, embeddings=one_cluster, diversity="cluster_margin", count=7, **wanted)
    np.testing.assert_array_equal(chosen.positions, identity_client.rank(logits=Z, count=7, **wanted).positions)


@pytest.mark.parametrize(("given", "diversity"), [(SCORED, "badge"), (OPINIONS, "batch_bald")])
def test_what_looks_for_uncertain_rows_does_not_look_for_easy_ones(
    identity_client: Client, given: dict[str, Any], diversity: str
) -> None:
    with pytest.raises(InvalidArgumentError, match=f"order: is ascending, {diversity} draws the most uncertain"):
        identity_client.rank(**given, diversity=diversity, count=5, order="ascending")


@pytest.mark.parametrize(
    ("beside", "message"),
    [
        ({"ids": [None] * 400}, "ids: data: has an element of type NoneType"),
        ({"embeddings": Z.astype(object)}, "embeddings: data: has an element of type float"),
        ({"embeddings": Z.astype(complex)}, "embeddings: data_type: dtype complex128"),
    ],
)
def test_what_cannot_be_sent_beside_rows_is_named(
    identity_client: Client, beside: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidArgumentError, match=message):
        identity_client.rank(logits=Z, **beside, measure="entropy", count=5)
