"""SEALS through the wire, against a union of nearest neighbours by brute force."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import numpy as np
import pytest
from scipy.special import softmax
from scipy.stats import entropy

import brute_force
import onnx_models
import pools
from assayd.arrays import decode, encode
from assayd.errors import AssaydError, from_rpc_error
from assayd.testing import Server
from assayd.v1 import retrieval_pb2, retrieval_pb2_grpc, rows_pb2, scoring_pb2, selection_pb2, tensor_pb2
from assayd_server import candidate_choice

Serve = Callable[..., Server]
Stub = retrieval_pb2_grpc.RetrievalServiceStub
Select = retrieval_pb2.SelectCandidatesRequest

RNG = np.random.default_rng(1)
CENTRES = RNG.normal(size=(12, 4)) * 3
VECTORS = (CENTRES[RNG.integers(0, 12, 400)] + RNG.normal(size=(400, 4))).astype(np.float32)
K = 15
SIMILAR = brute_force.similarities(VECTORS, VECTORS)
NEAREST = brute_force.nearest(VECTORS, VECTORS, K, own=np.arange(400))
WEIGHTS = RNG.normal(size=(3, 4)).astype(np.float32)
HEAD = rows_pb2.LinearHead(weights=encode(WEIGHTS))
MAX_ENTROPY = scoring_pb2.UNCERTAINTY_MEASURE_MAX_ENTROPY
DENSITY = scoring_pb2.UNCERTAINTY_MEASURE_INFORMATION_DENSITY


@contextmanager
def stub_of(server: Server) -> Iterator[Stub]:
    with grpc.insecure_channel(server.address) as channel:
        yield Stub(channel)


@pytest.fixture
def server(serve: Serve, tmp_path: Path) -> Server:
    """A flat pool of 400 rows with ids from 0; its embedding is twice the input, and it has no last layer."""
    return serve(onnx_models.identity(), pool=pools.write_pool(tmp_path / "pool", VECTORS))


@pytest.fixture
def stub(server: Server) -> Iterator[Stub]:
    with stub_of(server) as opened:
        yield opened


def ids(rows: object) -> tensor_pb2.Tensor:
    return encode(np.array(list(rows), np.int64))  # type: ignore[call-overload]


def union(labeled: set[int]) -> dict[int, tuple[int, float]]:
    """Every unlabelled row that is a neighbour of a labelled one, with the most similar of these."""
    best: dict[int, tuple[float, int]] = {}
    for source in labeled:
        for row in NEAREST[source].tolist():
            if row not in labeled:
                way = (-float(SIMILAR[source, row]), source)
                best[row] = min(best.get(row, way), way)
    return {row: (source, -negative) for row, (negative, source) in best.items()}


def as_dict(candidates: retrieval_pb2.Candidates) -> dict[int, tuple[int, float]]:
    parts = (decode(getattr(candidates, name)).tolist() for name in ("ids", "sources", "similarities"))
    return {row: (source, similarity) for row, source, similarity in zip(*parts, strict=True)}


def as_message(candidates: dict[int, tuple[int, float]]) -> retrieval_pb2.Candidates:
    return retrieval_pb2.Candidates(
        ids=ids(candidates),
        sources=ids(source for source, _ in candidates.values()),
        similarities=encode(np.array([similarity for _, similarity in candidates.values()], np.float32)),
    )


def assert_same(found: dict[int, tuple[int, float]], expected: dict[int, tuple[int, float]]) -> None:
    assert {row: source for row, (source, _) in found.items()} == {
        row: source for row, (source, _) in expected.items()
    }
    for row, (_, similarity) in found.items():
        assert similarity == pytest.approx(expected[row][1], abs=1e-6)


def refused(call: Callable, request: object) -> AssaydError:
    with pytest.raises(grpc.RpcError) as caught:
        call(request)
    return from_rpc_error(caught.value)


def test_the_neighbours_of_new_labels_without_those_that_have_one(stub: Stub) -> None:
    neighbor = int(NEAREST[7, 2])
    request = retrieval_pb2.ExpandCandidatesRequest(new_ids=ids([7, 9]), labeled_ids=ids([neighbor]), k=K)
    found = as_dict(stub.ExpandCandidates(request).candidates)
    expected = {row: way for row, way in union({7, 9}).items() if row != neighbor}
    assert neighbor not in found
    assert len(found) < 2 * K  # what is removed is not replaced
    assert_same(found, expected)


def test_the_most_similar_candidates_come_first(stub: Stub) -> None:
    request = retrieval_pb2.ExpandCandidatesRequest(new_ids=ids([7, 9, 100]), k=K)
    similarities = decode(stub.ExpandCandidates(request).candidates.similarities)
    assert (np.diff(similarities) <= 0).all()


def test_without_a_k_there_are_a_hundred_neighbours(stub: Stub) -> None:
    found = stub.ExpandCandidates(retrieval_pb2.ExpandCandidatesRequest(new_ids=ids([7])))
    assert len(decode(found.candidates.ids)) == 100


def test_twenty_rounds_are_the_union_of_neighbours_round_by_round(serve: Serve, tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    pool = pools.write_pool(tmp_path / "pool", VECTORS)
    first, second = (serve(onnx_models.identity(), pool=pool) for _ in range(2))
    labeled, candidates = set(), {}
    new = [3, 50, 200]
    with stub_of(first) as stub, stub_of(second) as another:
        for _ in range(20):
            request = retrieval_pb2.ExpandCandidatesRequest(new_ids=ids(new), labeled_ids=ids(labeled), k=K)
            shuffled = retrieval_pb2.ExpandCandidatesRequest(
                new_ids=ids(reversed(new)), labeled_ids=ids(labeled | {new[0]}), k=K
            )
            answer = stub.ExpandCandidates(request)
            assert another.ExpandCandidates(shuffled).candidates == answer.candidates
            labeled |= set(new)
            for row, way in as_dict(answer.candidates).items():
                if row not in candidates or (-way[1], way[0]) < (-candidates[row][1], candidates[row][0]):
                    candidates[row] = way
            candidates = {row: way for row, way in candidates.items() if row not in labeled}
            assert_same(candidates, union(labeled))
            new = rng.choice(sorted(candidates), size=min(5, len(candidates)), replace=False).tolist()


def test_twenty_rounds_of_selection_are_the_same_union_and_its_most_uncertain_rows(stub: Stub) -> None:
    logits = VECTORS.astype(np.float64) @ WEIGHTS.T
    uncertainty = entropy(softmax(logits, axis=1), axis=1)
    labeled, candidates, new = set(), {}, [3, 50, 200]
    for _ in range(20):
        request = Select(
            new_ids=ids(new),
            labeled_ids=ids(labeled),
            candidates=as_message(candidates),
            k=K,
            head=HEAD,
            measure=MAX_ENTROPY,
            count=5,
        )
        answer = stub.SelectCandidates(request)
        labeled |= set(new)
        candidates = {
            row: way for row, way in {**candidates, **as_dict(answer.added)}.items() if row not in labeled
        }
        assert_same(candidates, union(labeled))
        assert answer.candidate_count == len(candidates)
        ranked = sorted(candidates, key=lambda row: (-uncertainty[row], row))
        new = decode(answer.ids).tolist()
        assert new == ranked[:5]
        np.testing.assert_allclose(decode(answer.scores), uncertainty[new], rtol=1e-4)
        assert decode(answer.sources).tolist() == [candidates[row][0] for row in new]
        assert not decode(answer.random).any()


def selected(stub: Stub, **fields: object) -> retrieval_pb2.SelectCandidatesResponse:
    request = {"new_ids": ids([3, 50, 200]), "k": K, "head": HEAD, "measure": MAX_ENTROPY, "count": 10, **fields}
    return stub.SelectCandidates(Select(**request))


def test_density_is_that_of_the_rows_without_labels(stub: Stub) -> None:
    labeled = {3, 50, 200}
    rest = np.array([row for row in range(400) if row not in labeled])
    units = VECTORS.astype(np.float64) / np.linalg.norm(VECTORS, axis=1, keepdims=True)
    uncertainty = entropy(softmax(VECTORS.astype(np.float64) @ WEIGHTS.T, axis=1), axis=1) / np.log(3)
    density = uncertainty * (units @ units[rest].mean(axis=0)).clip(min=0)
    expected = sorted(union(labeled), key=lambda row: (-density[row], row))[:10]
    answer = selected(stub, measure=DENSITY)
    assert decode(answer.ids).tolist() == expected
    np.testing.assert_allclose(decode(answer.scores), density[expected], rtol=1e-4)


@pytest.mark.parametrize(
    "diversity",
    [
        {"stochastic": selection_pb2.Stochastic()},
        {"k_center": selection_pb2.KCenter()},
        {"badge": selection_pb2.Badge()},
        {"cluster_margin": selection_pb2.ClusterMargin()},
    ],
    ids=lambda diversity: next(iter(diversity)),
)
def test_every_diversity_chooses_candidates_each_once(stub: Stub, diversity: dict) -> None:
    answer = selected(stub, **diversity)
    chosen = decode(answer.ids).tolist()
    assert len(set(chosen)) == 10
    assert set(chosen) <= set(union({3, 50, 200}))
    assert 1 <= answer.effective_size <= 10
    assert selected(stub, **diversity) == answer
    assert chosen != decode(selected(stub).ids).tolist()


def test_the_least_uncertain_come_first_where_it_is_asked(stub: Stub) -> None:
    scores = decode(selected(stub, order=selection_pb2.ORDER_ASCENDING).scores)
    assert (np.diff(scores) >= 0).all()


def test_a_share_is_drawn_from_the_whole_pool_by_chance(stub: Stub) -> None:
    answer = selected(stub, random_share=0.4, seed=9)
    random, chosen = decode(answer.random), decode(answer.ids)
    assert random.tolist() == [False] * 6 + [True] * 4
    assert (len(set(chosen.tolist())), set(chosen.tolist()) & {3, 50, 200}) == (10, set())
    assert decode(answer.sources)[random].tolist() == [-1] * 4
    assert np.isnan(decode(answer.similarities)).tolist() == random.tolist()
    assert np.isfinite(decode(answer.scores)).all()
    assert selected(stub, random_share=0.4, seed=10).ids != answer.ids


def test_all_may_be_drawn_by_chance(stub: Stub) -> None:
    assert decode(selected(stub, random_share=1).random).all()


def test_where_there_are_too_few_candidates_fewer_come_with_a_warning(stub: Stub) -> None:
    answer = selected(stub, count=100)
    assert len(decode(answer.ids)) == len(union({3, 50, 200})) < 100
    assert "a larger k finds more candidates" in answer.warnings[0]


def test_where_everything_is_labelled_nothing_is_left(stub: Stub) -> None:
    answer = selected(stub, labeled_ids=ids(range(400)))
    assert (len(decode(answer.ids)), answer.candidate_count) == (0, 0)


def test_the_model_scores_by_its_own_last_layer(serve: Serve, tmp_path: Path) -> None:
    network = onnx_models.network(width=6, hidden=4, class_count=3)
    vectors = np.abs(VECTORS)
    server = serve(network, pool=pools.write_pool(tmp_path / "pool", vectors))
    with stub_of(server) as stub:
        answer = stub.SelectCandidates(Select(new_ids=ids([1]), k=50, measure=MAX_ENTROPY, count=5))
    client = server.client()
    rows = decode(answer.ids)
    assert answer.model.name == "m"
    weights = {w.name: w for w in onnx_models.onnx.load_from_string(network).graph.initializer}
    w2, b2 = (onnx_models.numpy_helper.to_array(weights[name]) for name in ("w2", "b2"))
    scores = client.score(logits=vectors[rows] @ w2 + b2, uncertainties=["max_entropy"])
    np.testing.assert_allclose(decode(answer.scores), scores.uncertainty["max_entropy"], rtol=1e-4)


def test_a_model_without_a_last_layer_asks_for_a_head(stub: Stub) -> None:
    error = refused(stub.SelectCandidates, Select(new_ids=ids([1]), measure=MAX_ENTROPY, count=5))
    assert (error.status, error.reason, error.field) == (
        grpc.StatusCode.FAILED_PRECONDITION,
        "NO_LAST_LAYER",
        "head",
    )


@pytest.mark.parametrize(
    ("fields", "field", "says"),
    [
        ({"new_ids": ids([])}, "new_ids", "is empty, and there are no candidates"),
        ({"count": 0}, "count", "is 0, allowed are 1 to 16384"),
        ({"count": 20_000}, "count", "is 20000, allowed are 1 to 16384"),
        ({"random_share": 1.1}, "random_share", "is 1.1, allowed are 0 to 1"),
        ({"random_share": np.nan}, "random_share", "is nan, allowed are 0 to 1"),
        ({"k": 401}, "k", "is 401, allowed are 1 to 400"),
        ({"measure": 0}, "measure", "0 is unknown"),
        ({"measure": scoring_pb2.UNCERTAINTY_MEASURE_MEAN_KL}, "measure", "is of a committee"),
        ({"order": 7}, "order", "7 is unknown"),
        ({"diverse_from": 9}, "diverse_from", "is 9, allowed are 10, the count, and above"),
        ({"head": rows_pb2.LinearHead(weights=encode(np.ones((3, 5))))}, "head.weights.shape", "has 5 columns"),
        ({"labeled_ids": encode(np.ones(3))}, "labeled_ids.data_type", "is float64, allowed are int64 and string"),
        (
            {
                "candidates": retrieval_pb2.Candidates(
                    ids=ids([1]), sources=ids([]), similarities=encode(np.ones(1))
                )
            },
            "candidates",
            "have 1 ids, 0 sources, 1 similarities",
        ),
        (
            {
                "candidates": retrieval_pb2.Candidates(
                    ids=ids([1]), sources=ids([2]), similarities=encode(np.full(1, np.nan))
                )
            },
            "candidates.similarities.data",
            "has a NaN",
        ),
        ({"candidates": retrieval_pb2.Candidates(ids=ids([1]))}, "candidates.similarities.data_type", "is 0"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_what_is_wrong_is_said(stub: Stub, fields: dict, field: str, says: str) -> None:
    request = {"new_ids": ids([3]), "k": K, "head": HEAD, "measure": MAX_ENTROPY, "count": 10, **fields}
    error = refused(stub.SelectCandidates, Select(**request))
    assert (error.status, error.field) == (grpc.StatusCode.INVALID_ARGUMENT, field)
    assert says in error.message
    assert len(decode(selected(stub).ids)) == 10  # and the server lives on


@contextmanager
def pool_of_many(serve: Serve, folder: Path, **limits: int) -> Iterator[Stub]:
    """3000 rows, as candidates of which all are known."""
    vectors = RNG.normal(size=(3000, 4)).astype(np.float32)
    with stub_of(serve(onnx_models.identity(), pool=pools.write_pool(folder / "many", vectors), **limits)) as stub:
        yield stub


def of_many(class_count: int, **fields: object) -> Select:
    known = retrieval_pb2.Candidates(
        ids=ids(range(3000)), sources=ids([0] * 3000), similarities=encode(np.ones(3000, np.float32))
    )
    head = rows_pb2.LinearHead(weights=encode(np.random.default_rng(5).normal(size=(class_count, 4))))
    return Select(**{"candidates": known, "head": head, "measure": MAX_ENTROPY, "count": 10, **fields})


def test_candidates_that_take_too_long_to_score_are_refused(serve: Serve, tmp_path: Path) -> None:
    with pool_of_many(serve, tmp_path, search_operations_max=2**20) as stub:
        error = refused(stub.SelectCandidates, of_many(100))
        assert (error.field, error.reason) == ("candidates", "TOO_MANY_CANDIDATES")
        assert "may be 3000" in error.message
        assert "allowed are 436 where each gets 100 scores" in error.message
        assert len(decode(stub.SelectCandidates(of_many(14)).ids)) == 10


def test_candidates_that_take_too_much_memory_to_choose_from_are_refused(serve: Serve, tmp_path: Path) -> None:
    diverse = {"k_center": selection_pb2.KCenter(), "diverse_from": 2000}
    with pool_of_many(serve, tmp_path, scores_elements_max=65536) as stub:
        error = refused(stub.SelectCandidates, of_many(100, **diverse))
        assert (error.field, error.reason) == ("diverse_from", "DIVERSITY_TOO_LARGE")
        assert "is 2000, allowed are 655 where a row takes 100 numbers" in error.message
        assert len(decode(stub.SelectCandidates(of_many(32, **diverse)).ids)) == 10


def test_many_classes_are_scored_some_rows_at_a_time(stub: Stub, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes, opinions = [], candidate_choice.opinions_given
    monkeypatch.setattr(
        candidate_choice, "opinions_given", lambda plan: sizes.append(plan.plan.rows.count) or opinions(plan)
    )
    head = rows_pb2.LinearHead(weights=encode(RNG.normal(size=(2**15, 4)).astype(np.float32)))
    selected(stub, new_ids=ids(range(20)), head=head)
    assert max(sizes) == 2**20 // 2**15


def test_nothing_labelled_is_nothing_to_expand(stub: Stub) -> None:
    error = refused(stub.ExpandCandidates, retrieval_pb2.ExpandCandidatesRequest(labeled_ids=ids([1])))
    assert (error.field, error.reason) == ("new_ids", "NO_ROWS")


@pytest.mark.parametrize("field", ["new_ids", "labeled_ids"])
def test_an_unknown_id_is_not_found(stub: Stub, field: str) -> None:
    request = retrieval_pb2.ExpandCandidatesRequest(**{"new_ids": ids([1]), field: ids([1, -7])})
    error = refused(stub.ExpandCandidates, request)
    assert (error.status, error.field) == (grpc.StatusCode.NOT_FOUND, f"{field}[1]")


def test_more_ids_than_the_server_takes_are_refused(serve: Serve, tmp_path: Path) -> None:
    server = serve(
        onnx_models.identity(), pool=pools.write_pool(tmp_path / "pool", VECTORS), rows_max=2, ids_max=3
    )
    with stub_of(server) as stub:
        request = retrieval_pb2.ExpandCandidatesRequest(new_ids=ids([1, 2, 3]))
        assert "has 3 ids, allowed are 2 (setting rows_max)" in refused(stub.ExpandCandidates, request).message
        request = retrieval_pb2.ExpandCandidatesRequest(new_ids=ids([1]), labeled_ids=ids(range(4)))
        assert "has 4 ids, allowed are 3 (setting ids_max)" in refused(stub.ExpandCandidates, request).message


def test_rows_of_the_pool_are_scored_and_ranked_by_id(server: Server) -> None:
    rows = np.array([5, 399, 0])
    request = scoring_pb2.ScoreRequest(rows=rows_pb2.Rows(pool_ids=ids(rows)), head=HEAD, neighbors=2)
    with grpc.insecure_channel(server.address) as channel:
        from assayd.v1 import scoring_pb2_grpc, selection_pb2_grpc

        scores = scoring_pb2_grpc.ScoringServiceStub(channel).Score(request)
        ranked = selection_pb2_grpc.SelectionServiceStub(channel).Rank(
            selection_pb2.RankRequest(
                rows=rows_pb2.Rows(pool_ids=ids(rows)),
                head=HEAD,
                measure=MAX_ENTROPY,
                count=2,
                k_center=selection_pb2.KCenter(),
            )
        )
    expected = softmax(VECTORS[rows].astype(np.float64) @ WEIGHTS.T, axis=1)
    np.testing.assert_allclose(decode(scores.probabilities), expected, rtol=1e-4)
    np.testing.assert_array_equal(decode(scores.neighbors.ids), NEAREST[rows][:, :2])
    assert decode(ranked.positions)[0] == entropy(expected, axis=1).argmax()
    assert decode(ranked.ids)[0] == rows[entropy(expected, axis=1).argmax()]
