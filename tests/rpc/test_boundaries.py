"""SearchBoundary through the wire: against a walk along each way and brute force, and on real digits."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import numpy as np
import pytest
from onnx import TensorProto, helper
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression

import brute_force
import onnx_models
import pools
from assayd import Client
from assayd.arrays import decode, encode
from assayd.errors import AssaydError, from_rpc_error
from assayd.testing import Server, serving
from assayd.v1 import retrieval_pb2, retrieval_pb2_grpc, rows_pb2, tensor_pb2
from assayd_server import boundary_search
from assayd_server.core.similarity import Metric

Serve = Callable[..., Server]
Stub = retrieval_pb2_grpc.RetrievalServiceStub
Request = retrieval_pb2.SearchBoundaryRequest

DEMO = Path(__file__).resolve().parents[2] / "server" / "assayd_server" / "demo"
RNG = np.random.default_rng(2)
VECTORS = (RNG.normal(size=(400, 4)) * RNG.uniform(0.5, 3, (400, 1)) + 1).astype(np.float32)
WEIGHTS, BIAS = RNG.normal(size=(3, 4)).astype(np.float32), np.array([0.5, -0.5, 0], np.float32)
HEAD = rows_pb2.LinearHead(weights=encode(WEIGHTS), bias=encode(BIAS))
LOGITS = VECTORS.astype(np.float64) @ WEIGHTS.T + BIAS
CLASSES = LOGITS.argmax(axis=1)
FIRST, SECOND = np.arange(60), np.arange(60, 120)
LABELED = np.arange(150)
STEPS = np.linspace(0, 1, 10_001)


@contextmanager
def stub_of(server: Server) -> Iterator[Stub]:
    with grpc.insecure_channel(server.address) as channel:
        yield Stub(channel)


@pytest.fixture
def stub(serve: Serve, tmp_path: Path) -> Iterator[Stub]:
    """Of a flat pool of 400 rows with ids from 0, under cosine; the model has no last layer."""
    with stub_of(serve(onnx_models.identity(), pool=pools.write_pool(tmp_path / "pool", VECTORS))) as opened:
        yield opened


def ids(rows: object) -> tensor_pb2.Tensor:
    return encode(np.array(list(rows), np.int64))  # type: ignore[call-overload]


def request(**fields: object) -> Request:
    given = {"first_ids": ids(FIRST), "second_ids": ids(SECOND), "labeled_ids": ids(LABELED), "head": HEAD, "k": 6}
    return Request(**{name: value for name, value in {**given, **fields}.items() if value is not None})


def refused(stub: Stub, **fields: object) -> AssaydError:
    with pytest.raises(grpc.RpcError) as caught:
        stub.SearchBoundary(request(**fields))
    return from_rpc_error(caught.value)


def points_of(found: retrieval_pb2.SearchBoundaryResponse) -> tuple[np.ndarray, np.ndarray]:
    """The pairs with a boundary, and where it is."""
    positions = decode(found.positions)
    there = np.flatnonzero(~np.isnan(positions))
    share = positions[there, None]
    return there, (1 - share) * VECTORS[FIRST[there]] + share * VECTORS[SECOND[there]]


def test_the_class_changes_where_a_walk_from_row_to_row_says_so(stub: Stub) -> None:
    found = stub.SearchBoundary(request())
    np.testing.assert_array_equal(decode(found.first_classes), CLASSES[FIRST])
    np.testing.assert_array_equal(decode(found.second_classes), CLASSES[SECOND])
    positions, following = decode(found.positions), decode(found.next_classes)
    for pair in range(60):
        way = np.outer(1 - STEPS, VECTORS[FIRST[pair]]) + np.outer(STEPS, VECTORS[SECOND[pair]])
        left = (way @ WEIGHTS.T + BIAS).argmax(axis=1) != CLASSES[FIRST[pair]]
        if not left.any():
            assert (np.isnan(positions[pair]), following[pair]) == (True, -1)
            continue
        assert STEPS[left.argmax()] - 2e-4 <= positions[pair] <= STEPS[left.argmax()] + 1e-4
        assert following[pair] != CLASSES[FIRST[pair]]


def test_both_classes_are_equally_probable_at_the_boundary(stub: Stub) -> None:
    found = stub.SearchBoundary(request(temperature=2.0))
    there, points = points_of(found)
    probabilities = softmax((points @ WEIGHTS.T + BIAS) / 2, axis=1)
    for classes in (decode(found.first_classes), decode(found.next_classes)):
        own = np.take_along_axis(probabilities, classes[there, None], axis=1)[:, 0]
        np.testing.assert_allclose(own, decode(found.probabilities)[there], rtol=1e-5)


@pytest.mark.parametrize("metric", [metric.value for metric in Metric])
def test_the_unlabelled_rows_nearest_to_the_boundary_are_those_of_brute_force(
    serve: Serve, tmp_path: Path, metric: str
) -> None:
    pool = pools.write_pool(tmp_path / "pool", VECTORS, metric=Metric(metric))
    with stub_of(serve(onnx_models.identity(), pool=pool)) as stub:
        found = stub.SearchBoundary(request())
    there, points = points_of(found)
    similarities = brute_force.similarities(points, VECTORS, metric)
    similarities[:, LABELED] = -np.inf
    rows = np.argsort(-similarities, axis=1, kind="stable")[:, :6]
    np.testing.assert_array_equal(decode(found.neighbors.ids)[there], rows)
    np.testing.assert_allclose(
        decode(found.neighbors.similarities)[there], np.take_along_axis(similarities, rows, axis=1), rtol=1e-4
    )
    top = np.sort(softmax(LOGITS, axis=1), axis=1)
    np.testing.assert_allclose(
        decode(found.uncertainties)[there], (1 - top[:, -1] + top[:, -2])[rows], rtol=1e-4, atol=1e-6
    )


def test_rows_of_the_pairs_are_not_found_whether_said_to_be_labelled_or_not(stub: Stub) -> None:
    found = decode(stub.SearchBoundary(request(labeled_ids=None, k=50)).neighbors.ids)
    assert (found >= 120).sum() + (found == -1).sum() == found.size


def test_pairs_of_one_class_are_listed_and_leave_the_others_alone(stub: Stub) -> None:
    found = stub.SearchBoundary(request())
    same = np.flatnonzero(CLASSES[FIRST] == CLASSES[SECOND])
    assert 0 < len(same) < 60
    assert [(one.pair, one.reason) for one in found.without_boundary] == [
        (pair, retrieval_pb2.NO_BOUNDARY_REASON_SAME_CLASS) for pair in same
    ]
    counts = np.full(60, 6)
    counts[same] = 0
    assert decode(found.neighbors.counts).tolist() == counts.tolist()
    assert (decode(found.neighbors.ids)[same] == -1).all()
    assert np.isnan(decode(found.uncertainties)[same]).all()


def test_scores_that_are_not_finite_leave_a_pair_without_a_boundary(stub: Stub) -> None:
    large = rows_pb2.LinearHead(weights=encode(np.full((2, 4), 1e308) * [[1], [-1]]))
    found = stub.SearchBoundary(request(head=large))
    assert {one.reason for one in found.without_boundary} == {retrieval_pb2.NO_BOUNDARY_REASON_NOT_FINITE}
    assert len(found.without_boundary) == 60
    assert set(decode(found.first_classes).tolist()) == {-1}


def test_nothing_is_like_what_lies_between_opposite_rows_under_cosine(serve: Serve, tmp_path: Path) -> None:
    vectors = np.array([[3, 4], [-3, -4], [4, 3], [0, 1]], np.float32)
    head = rows_pb2.LinearHead(weights=encode(np.array([[1.0, 1.0], [-1.0, -1.0]])))
    asked = request(first_ids=ids([0, 0]), second_ids=ids([1, 1]), labeled_ids=None, head=head, k=2)
    with stub_of(serve(onnx_models.identity(2), pool=pools.write_pool(tmp_path / "pool", vectors))) as stub:
        found = stub.SearchBoundary(asked)
    reasons = [(one.pair, one.reason) for one in found.without_boundary]
    assert reasons == [(pair, retrieval_pb2.NO_BOUNDARY_REASON_NO_DIRECTION) for pair in (0, 1)]
    assert np.isnan(decode(found.positions)).all()
    assert decode(found.next_classes).tolist() == [-1, -1]
    assert decode(found.second_classes).tolist() == [1, 1]
    l2 = pools.write_pool(tmp_path / "l2", vectors, metric=Metric.L2)
    with stub_of(serve(onnx_models.identity(2), pool=l2)) as stub:
        found = stub.SearchBoundary(asked)
    assert decode(found.positions).tolist() == pytest.approx([0.5, 0.5])
    assert decode(found.neighbors.ids).tolist() == [[3, 2], [3, 2]]


def test_many_pairs_are_worked_on_some_at_a_time(stub: Stub, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = stub.SearchBoundary(request())
    monkeypatch.setattr(boundary_search, "_BLOCK_ELEMENTS", 28)
    assert stub.SearchBoundary(request()) == whole


def test_no_pairs_find_nothing(stub: Stub) -> None:
    found = stub.SearchBoundary(request(first_ids=ids([]), second_ids=ids([])))
    assert decode(found.positions).shape == (0,)
    assert decode(found.neighbors.ids).shape == (0, 6)


def test_ten_neighbours_are_found_where_nobody_says(stub: Stub) -> None:
    assert list(stub.SearchBoundary(request(k=0)).neighbors.ids.shape) == [60, 10]


@pytest.mark.parametrize(
    ("fields", "status", "field", "says"),
    [
        ({"first_ids": None}, "INVALID_ARGUMENT", "first_ids.data_type", "is 0"),
        ({"second_ids": ids([1])}, "INVALID_ARGUMENT", "second_ids", "has 1 ids, first_ids has 60"),
        ({"second_ids": encode(np.ones(60))}, "INVALID_ARGUMENT", "second_ids.data_type", "is float64"),
        ({"second_ids": ids(range(-1, 59))}, "NOT_FOUND", "second_ids[0]", "-1 is not an id of the pool"),
        ({"labeled_ids": ids([5, 400])}, "NOT_FOUND", "labeled_ids[1]", "400 is not an id of the pool"),
        ({"k": 401}, "INVALID_ARGUMENT", "k", "is 401, allowed are 1 to 400"),
        ({"temperature": 0.0}, "INVALID_ARGUMENT", "temperature", "is 0.0, allowed are 0.001"),
        ({"pool_digest": "sha256:0"}, "FAILED_PRECONDITION", "pool_digest", "is sha256:0, this server has"),
        ({"head": None}, "FAILED_PRECONDITION", "head", "is missing, and model 'm' has no last layer"),
        (
            {"head": rows_pb2.LinearHead(weights=encode(np.ones((3, 5))))},
            "INVALID_ARGUMENT",
            "head.weights.shape",
            "has 5 columns, the embedding has 4",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_what_is_wrong_is_said(stub: Stub, fields: dict, status: str, field: str, says: str) -> None:
    error = refused(stub, **fields)
    assert (error.status.name, error.field) == (status, field)
    assert says in error.message
    assert len(decode(stub.SearchBoundary(request()).positions)) == 60  # and the server lives on


def test_pairs_that_are_too_many_are_refused_by_how_many_are_not(serve: Serve, tmp_path: Path) -> None:
    pool = pools.write_pool(tmp_path / "pool", VECTORS)
    with stub_of(serve(onnx_models.identity(), pool=pool, rows_max=50)) as stub:
        error = refused(stub)
        assert (error.reason, error.field, error.details["rows_max"]) == ("TOO_MANY_ROWS", "first_ids", "50")
    with stub_of(serve(onnx_models.identity(), pool=pool, search_operations_max=2**20)) as stub:
        many = rows_pb2.LinearHead(weights=encode(RNG.normal(size=(500, 4))))
        error = refused(stub, head=many)
        assert (error.reason, error.field, error.details["rows_max"]) == ("ANSWER_TOO_LARGE", "first_ids", "10")
        assert "send at most 10 at once" in error.message
    with stub_of(serve(onnx_models.identity(), pool=pool, message_bytes_max=64 * 1024)) as stub:
        error = refused(stub, k=200)
        assert (error.reason, error.details["rows_max"]) == ("ANSWER_TOO_LARGE", "19")


def test_a_model_of_labels_needs_a_head(serve: Serve, tmp_path: Path) -> None:
    graph = onnx_models.build(
        nodes=[
            helper.make_node("Identity", ["x"], ["embedding"]),
            helper.make_node("MatMul", ["x", "w"], ["scores"]),
            helper.make_node("Sigmoid", ["scores"], ["probabilities"]),
        ],
        inputs={"x": (TensorProto.FLOAT, ["rows", 4])},
        outputs={"probabilities": (TensorProto.FLOAT, ["rows", 3]), "embedding": (TensorProto.FLOAT, ["rows", 4])},
        weights={"w": WEIGHTS.T},
    )
    with stub_of(serve(graph, pool=pools.write_pool(tmp_path / "pool", VECTORS))) as stub:
        error = refused(stub, head=None)
        assert (error.field, error.reason) == ("head", "TASK_DOES_NOT_FIT")
        assert "is for multilabel" in error.message
        assert len(decode(stub.SearchBoundary(request()).positions)) == 60


@pytest.fixture(scope="module")
def digits() -> Iterator[Client]:
    """Of the demo: its network, and its pool of 450 digits that the network has never seen."""
    with serving(repository=DEMO / "models") as server, server.client() as client:
        yield client


@pytest.mark.parametrize("own_head", [False, True], ids=["last layer", "nine or not"])
def test_digits_beside_the_boundary_are_less_certain_than_others_and_than_those_beside_the_pairs(
    digits: Client, own_head: bool
) -> None:
    nine = np.load(DEMO / "held_out.npz")["labels"] == 9
    rng = np.random.default_rng(0)
    labeled = np.concatenate([rng.choice(np.flatnonzero(nine == one), 20, replace=False) for one in (True, False)])
    head = None
    if own_head:
        nines = LogisticRegression(max_iter=1000).fit(digits.pool_vectors(labeled), nine[labeled])
        head = (
            np.concatenate([-nines.coef_, nines.coef_]) / 2,
            np.append(-nines.intercept_, nines.intercept_) / 2,
        )
    first, second = labeled[rng.integers(0, 20, 40)], labeled[rng.integers(20, 40, 40)]

    found = digits.search_boundary(first, second, labeled_ids=labeled, head=head, k=5)
    others = np.setdiff1d(np.arange(450), labeled)
    beside = digits.search(ids=labeled, exclude_ids=labeled, k=5).ids.ravel()
    of_others, of_beside = (
        digits.score(pool_ids=rows, head=head, uncertainties=["margin"]).uncertainty["margin"].mean()
        for rows in (others, beside)
    )
    assert np.nanmean(found.uncertainties) > 1.5 * max(of_others, of_beside)
    assert not set(found.rows().tolist()) & set(labeled.tolist())
