"""What clients find in a pool, against brute force: in one call or in many, by numbers or by texts."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import brute_force
import onnx_models
import pools
from assayd import (
    Candidates,
    ChannelSettings,
    Client,
    FailedPreconditionError,
    InvalidArgumentError,
    Neighbors,
    NotFoundError,
)
from assayd.testing import Server

Serve = Callable[..., Server]
Connect = Callable[..., Client]

RNG = np.random.default_rng(5)
CENTRES = RNG.normal(0, 3, (10, 4))
VECTORS = (CENTRES[RNG.integers(0, 10, 300)] + RNG.normal(size=(300, 4))).astype(np.float32)
NUMBERS = RNG.permutation(300) * 10 - 1000
TEXTS = np.array([f"ä{number}" for number in NUMBERS], object)
QUERIES = RNG.normal(size=(20, 4)).astype(np.float32)
HEAD = (RNG.normal(size=(3, 4)).astype(np.float32), None)
SIMILAR = brute_force.similarities(VECTORS, VECTORS)

IN_PIECES = ChannelSettings(rows_max=3)


@pytest.fixture(params=["numbers", "texts"])
def names(request: pytest.FixtureRequest) -> np.ndarray:
    """(300,) the ids of the pool's rows."""
    return NUMBERS if request.param == "numbers" else TEXTS


@pytest.fixture
def server(serve: Serve, tmp_path: Path, names: np.ndarray) -> Server:
    """Of a model whose embedding is twice the input, with the pool."""
    ids = names if names is NUMBERS else names.astype(str)
    return serve(onnx_models.identity(), pool=pools.write_pool(tmp_path / "pool", VECTORS, ids=ids))


@pytest.fixture
def client(server: Server, connect: Connect) -> Client:
    return connect(server)


def assert_same(left: Neighbors | Candidates, right: Neighbors | Candidates) -> None:
    for name in ("ids", "similarities", "counts", "valid") if isinstance(left, Neighbors) else ("ids", "sources"):
        np.testing.assert_array_equal(getattr(left, name), getattr(right, name))
    assert (left.pool_digest, left.model) == (right.pool_digest, right.model)


def test_the_neighbours_of_vectors_are_those_of_brute_force(client: Client, names: np.ndarray) -> None:
    found = client.search(QUERIES, k=7)
    rows = brute_force.nearest(QUERIES, VECTORS, 7)
    assert found.ids.tolist() == names[rows].tolist()
    assert found.ids.dtype == names.dtype
    expected = np.take_along_axis(brute_force.similarities(QUERIES, VECTORS), rows, axis=1)
    np.testing.assert_allclose(found.similarities, expected, rtol=1e-5, atol=1e-6)
    assert found.counts.tolist() == [7] * 20
    assert found.valid.all()
    assert len(found) == 20


def test_ten_neighbours_are_found_where_nobody_says(client: Client) -> None:
    assert client.search(QUERIES).ids.shape == (20, 10)


def test_inputs_go_through_the_model(client: Client) -> None:
    np.testing.assert_array_equal(client.search(x=QUERIES).ids, client.search(QUERIES * 2).ids)


def test_a_row_of_the_pool_is_not_its_own_neighbour(client: Client, names: np.ndarray) -> None:
    found = client.search(ids=names[[7, 3]], k=4)
    assert found.ids.tolist() == names[brute_force.nearest(VECTORS[[7, 3]], VECTORS, 4, own=[7, 3])].tolist()


def test_rows_are_left_out_and_others_come_in_their_place(client: Client, names: np.ndarray) -> None:
    rows = brute_force.nearest(QUERIES[:1], VECTORS, 7)[0]
    found = client.search(QUERIES[:1], k=5, exclude_ids=set(names[rows[[0, 2]]].tolist()))
    assert found.ids[0].tolist() == names[rows[[1, 3, 4, 5, 6]]].tolist()


def test_places_are_left_empty_where_too_few_are_similar(client: Client, names: np.ndarray) -> None:
    similar = np.sort(brute_force.similarities(QUERIES[:1], VECTORS)[0])[::-1]
    found = client.search(QUERIES[:1], k=4, similarity_min=float(similar[1:3].mean()))
    assert found.counts.tolist() == [2]
    assert found.ids[0, 2:].tolist() == ([-1, -1] if names is NUMBERS else ["", ""])
    assert np.isnan(found.similarities[0, 2:]).all()


def test_inputs_without_an_embedding_to_search_by_are_invalid_and_their_neighbours_are_not(client: Client) -> None:
    x = QUERIES[:8].copy()
    x[1], x[6] = np.nan, 0
    found = client.search(x=x, k=2)
    assert found.valid.tolist() == [True, False, True, True, True, True, False, True]
    assert found.counts.tolist() == [2, 0, 2, 2, 2, 2, 0, 2]


@pytest.mark.parametrize("kind", ["vectors", "x", "ids"])
def test_a_batch_in_pieces_finds_what_one_call_does(
    server: Server, connect: Connect, names: np.ndarray, kind: str
) -> None:
    rows = names[:20] if kind == "ids" else QUERIES
    whole, cut = (
        connect(server, settings=settings).search(**{kind: rows}, k=5, exclude_ids=names[5:9], wire_type="float32")
        for settings in (None, IN_PIECES)
    )
    assert_same(cut, whole)


def test_a_server_that_takes_fewer_rows_has_the_batch_cut(serve: Serve, connect: Connect, tmp_path: Path) -> None:
    pool = pools.write_pool(tmp_path / "pool", VECTORS)
    whole, cut = (connect(serve(onnx_models.identity(), pool=pool, rows_max=limit)) for limit in (1000, 6))
    for asked in (
        lambda client: client.search(QUERIES, k=3),
        lambda client: client.expand_candidates(range(20), labeled_ids=[], k=4),
        lambda client: client.score(VECTORS[:20], neighbors=3).neighbors,
    ):
        assert_same(asked(cut), asked(whole))
    np.testing.assert_array_equal(cut.pool_vectors(range(20)), whole.pool_vectors(range(20)))


def test_an_answer_that_is_too_large_has_the_batch_cut(serve: Serve, connect: Connect, tmp_path: Path) -> None:
    pool = pools.write_pool(tmp_path / "pool", VECTORS)
    small = connect(serve(onnx_models.identity(), pool=pool, message_bytes_max=64 * 1024))
    large = connect(serve(onnx_models.identity(), pool=pool))
    assert_same(small.search(np.tile(QUERIES, (5, 1)), k=200), large.search(np.tile(QUERIES, (5, 1)), k=200))


def brute_union(new: list[int], labeled: set[int], k: int) -> dict[int, tuple[int, float]]:
    """By row: every neighbour of a new row that is not labelled, its most similar source, and how similar."""
    found: dict[int, tuple[int, float]] = {}
    for source in sorted(new):
        for row in brute_force.nearest(VECTORS[[source]], VECTORS, k, own=[source])[0]:
            if row not in labeled and (row not in found or SIMILAR[source, row] > found[row][1]):
                found[row] = source, SIMILAR[source, row]
    return found


@pytest.mark.parametrize("settings", [None, IN_PIECES], ids=["whole", "in pieces"])
def test_candidates_are_the_unlabelled_neighbours_of_new_rows(
    server: Server, connect: Connect, names: np.ndarray, settings: ChannelSettings | None
) -> None:
    client = connect(server, settings=settings)
    new, old = [200, 3, 77, 5, 150, 12, 31], [8, 9, 250]
    found = client.expand_candidates(names[new], labeled_ids=names[old], k=12)
    expected = brute_union(new, {*new, *old}, 12)
    assert dict(zip(found.ids, found.sources, strict=True)) == {
        names[row]: names[source] for row, (source, _) in expected.items()
    }
    assert found.ids.tolist() == [names[row] for row in sorted(expected, key=lambda row: -expected[row][1])]
    assert (np.diff(found.similarities) <= 0).all()


def test_a_round_chooses_from_old_and_new_candidates_and_says_what_it_adds(
    client: Client, names: np.ndarray
) -> None:
    first = client.select_candidates(names[[3]], labeled_ids=names[[3]], count=2, k=6, head=HEAD)
    labeled = [names[3], *first.ids]
    second = client.select_candidates(
        first.ids, labeled_ids=labeled, candidates=first.added, count=3, k=6, head=HEAD, random_share=0.34, seed=4
    )
    assert first.candidate_count == 6
    known = first.added.updated(second.added).without(labeled)
    assert second.candidate_count == len(known)
    assert second.random.tolist() == [False, False, True]
    assert set(second.ids[:2]) <= set(known.ids)
    assert not {*second.ids} & {*labeled}
    assert second.sources[2] == (-1 if names is NUMBERS else "")
    assert np.isnan(second.similarities[2])
    assert list(second.columns()) == ["id", "score", "source", "similarity", "random"]
    assert (len(second), second.pool_digest) == (3, client.pool().digest)


def test_candidates_of_another_pool_are_refused(client: Client, names: np.ndarray) -> None:
    other = Candidates(names[:1], names[1:2], np.ones(1, np.float32), pool_digest="sha256:other")
    with pytest.raises(FailedPreconditionError, match="pool_digest: is sha256:other") as caught:
        client.select_candidates(labeled_ids=names[1:2], candidates=other, count=1, head=HEAD)
    assert caught.value.reason == "POOL_DIFFERS"


def test_a_round_without_a_count_is_refused(client: Client) -> None:
    with pytest.raises(InvalidArgumentError, match="count: is missing"):
        client.select_candidates([1], labeled_ids=[1])


@pytest.mark.parametrize("settings", [None, IN_PIECES], ids=["whole", "in pieces"])
def test_vectors_come_in_the_order_of_the_ids(
    server: Server, connect: Connect, names: np.ndarray, settings: ChannelSettings | None
) -> None:
    rows = [7, 2, 2, 299, 0]
    vectors = connect(server, settings=settings).pool_vectors(names[rows].tolist())
    np.testing.assert_allclose(vectors, VECTORS[rows], rtol=1e-6)
    assert vectors.dtype == np.float32


def test_an_unknown_id_is_named_and_asked_about_once(client: Client, names: np.ndarray) -> None:
    unknown = 5 if names is NUMBERS else "zz"
    for call in (
        client.pool_vectors,
        lambda ids: client.search(ids=ids),
        lambda ids: client.score(pool_ids=ids, head=HEAD),
    ):
        with pytest.raises(NotFoundError, match=f"{unknown!r} is not an id of the pool") as caught:
            call([unknown])
        assert caught.value.reason == "UNKNOWN_ID"


def test_nothing_is_found_for_no_rows(client: Client) -> None:
    assert client.pool_vectors([]).shape == (0, 4)
    assert client.search(ids=[], k=3).ids.shape == client.search(np.empty((0, 4)), k=3).ids.shape == (0, 3)
    assert len(client.score(pool_ids=[], head=HEAD)) == 0


def test_the_pool_is_described(client: Client, names: np.ndarray) -> None:
    pool = client.pool()
    assert (pool.row_count, pool.dimension, pool.metric, pool.index_kind) == (300, 4, "cosine", "flat")
    assert pool.id_type == ("int64" if names is NUMBERS else "string")
    assert pool.digest.startswith("sha256:")
    assert (pool.recall, pool.model_digest, pool.embedding) == (1.0, "", "")
    assert pool.model == client.search(QUERIES).model


def test_a_model_without_a_pool_says_so(serve: Serve, connect: Connect) -> None:
    client = connect(serve(onnx_models.identity()))
    for call in (client.pool, lambda: client.search(QUERIES), lambda: client.score(QUERIES, neighbors=2)):
        with pytest.raises(FailedPreconditionError, match="has no pool") as caught:
            call()
        assert caught.value.reason == "NO_POOL"


def test_scores_come_with_neighbours_of_the_same_pass(client: Client, names: np.ndarray) -> None:
    scores = client.score(QUERIES, neighbors=3, outputs=())
    found = client.search(x=QUERIES, k=3)
    assert scores.neighbors.ids.tolist() == found.ids.tolist()
    assert scores.neighbors.valid.all()
    assert scores.neighbors.pool_digest == found.pool_digest
    assert list(scores.columns()) == [
        *("prediction", "valid", "neighbor_1", "neighbor_1_similarity", "neighbor_2", "neighbor_2_similarity"),
        *("neighbor_3", "neighbor_3_similarity"),
    ]
    assert scores.to_arrow()["neighbor_2"].to_pylist() == found.ids[:, 1].tolist()
    assert str(scores.to_arrow().schema.field("neighbor_1").type) == ("int64" if names is NUMBERS else "string")
    assert scores.to_pandas()["neighbor_1_similarity"].tolist() == found.similarities[:, 0].tolist()


def test_rows_of_the_pool_are_scored_by_their_vectors(client: Client, names: np.ndarray) -> None:
    scores = client.score(pool_ids=names[:30], head=HEAD)
    np.testing.assert_array_equal(scores.predictions, (VECTORS[:30] @ HEAD[0].T).argmax(axis=1))
    (streamed,) = client.score_stream([{"pool_ids": names[:30]}], head=HEAD)
    np.testing.assert_array_equal(streamed.predictions, scores.predictions)


def test_rows_of_the_pool_are_ranked_under_their_ids(server: Server, connect: Connect, names: np.ndarray) -> None:
    whole, cut = (
        connect(server, settings=settings).rank_stream([{"pool_ids": names}], head=HEAD, measure="margin", count=9)
        for settings in (None, IN_PIECES)
    )
    logits = np.sort(VECTORS.astype(np.float64) @ HEAD[0].T, axis=1)
    exponents = np.exp(logits - logits[:, -1:])
    margins = (exponents[:, -1] - exponents[:, -2]) / exponents.sum(axis=1)
    expected = names[np.argsort(margins)[:9]].tolist()
    assert whole.ids.tolist() == cut.ids.tolist() == expected
