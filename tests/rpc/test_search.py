"""Search through the wire: what brute force finds, whatever rows are searched for."""

from collections.abc import Callable
from pathlib import Path

import grpc
import numpy as np
import pytest

import brute_force
import onnx_models
import pools
from assayd.arrays import decode, encode
from assayd.errors import AssaydError, from_rpc_error
from assayd.testing import Server
from assayd.v1 import (
    neighbors_pb2,
    retrieval_pb2,
    retrieval_pb2_grpc,
    rows_pb2,
    scoring_pb2,
    scoring_pb2_grpc,
    tensor_pb2,
)
from assayd_server.core.similarity import Metric

Serve = Callable[..., Server]
Stub = retrieval_pb2_grpc.RetrievalServiceStub

RNG = np.random.default_rng(0)
VECTORS = RNG.normal(size=(500, 4)).astype(np.float32)
NAMES = np.array([f"image-{row:03}" for row in range(500)])
QUERIES = RNG.normal(size=(7, 4)).astype(np.float32)


@pytest.fixture
def channel_of(request: pytest.FixtureRequest) -> Callable[[Server], grpc.Channel]:
    def opened(server: Server) -> grpc.Channel:
        channel = grpc.insecure_channel(server.address)
        request.addfinalizer(channel.close)
        return channel

    return opened


@pytest.fixture
def stub(serve: Serve, channel_of: Callable, tmp_path: Path) -> Stub:
    """Of a server whose embedding is twice the input, with a pool of 500 vectors and ids from 0."""
    server = serve(onnx_models.identity(), pool=pools.write_pool(tmp_path / "pool", VECTORS))
    return Stub(channel_of(server))


@pytest.fixture
def named_stub(serve: Serve, channel_of: Callable, tmp_path: Path) -> Stub:
    """The same with texts as ids."""
    server = serve(onnx_models.identity(), pool=pools.write_pool(tmp_path / "pool", VECTORS, ids=NAMES))
    return Stub(channel_of(server))


def embeddings(values: np.ndarray) -> rows_pb2.Rows:
    return rows_pb2.Rows(embeddings=encode(values))


def ids(*values: int) -> tensor_pb2.Tensor:
    return encode(np.array(values, np.int64))


def texts(*values: str) -> tensor_pb2.Tensor:
    return encode(np.array(values, object))


def search(stub: Stub, **fields: object) -> neighbors_pb2.Neighbors:
    return stub.Search(retrieval_pb2.SearchRequest(**fields)).neighbors


def refused(stub: Stub, **fields: object) -> AssaydError:
    with pytest.raises(grpc.RpcError) as caught:
        stub.Search(retrieval_pb2.SearchRequest(**fields))
    return from_rpc_error(caught.value)


def test_the_nearest_rows_are_those_of_brute_force(stub: Stub) -> None:
    found = search(stub, rows=embeddings(QUERIES), k=20)
    expected = brute_force.nearest(QUERIES, VECTORS, 20)
    np.testing.assert_array_equal(decode(found.ids), expected)
    similarities = np.take_along_axis(brute_force.similarities(QUERIES, VECTORS), expected, axis=1)
    np.testing.assert_allclose(decode(found.similarities), similarities, rtol=1e-5, atol=1e-6)
    assert decode(found.counts).tolist() == [20] * 7


@pytest.mark.parametrize("metric", ["inner_product", "l2"])
def test_other_metrics_are_searched_by_too(
    serve: Serve, channel_of: Callable, tmp_path: Path, metric: str
) -> None:
    server = serve(
        onnx_models.identity(), pool=pools.write_pool(tmp_path / "pool", VECTORS, metric=Metric(metric))
    )
    found = search(Stub(channel_of(server)), rows=embeddings(QUERIES), k=5)
    np.testing.assert_array_equal(decode(found.ids), brute_force.nearest(QUERIES, VECTORS, 5, metric=metric))


def test_inputs_are_searched_for_by_their_embedding(stub: Stub) -> None:
    inputs = rows_pb2.Inputs(tensors=[encode(QUERIES, "x")])
    found = search(stub, rows=rows_pb2.Rows(inputs=inputs), k=5)
    np.testing.assert_array_equal(decode(found.ids), brute_force.nearest(2 * QUERIES, VECTORS, 5))


def test_a_row_of_the_pool_is_not_its_own_neighbour(stub: Stub) -> None:
    own = np.array([3, 499, 3])
    found = search(stub, rows=rows_pb2.Rows(pool_ids=ids(*own)), k=6)
    np.testing.assert_array_equal(decode(found.ids), brute_force.nearest(VECTORS[own], VECTORS, 6, own=own))


def test_ids_may_be_texts(named_stub: Stub) -> None:
    found = search(
        named_stub, rows=rows_pb2.Rows(pool_ids=texts("image-003")), k=3, exclude_ids=texts("image-007")
    )
    expected = [row for row in brute_force.nearest(VECTORS[[3]], VECTORS, 5, own=[3])[0] if row != 7][:3]
    assert decode(found.ids)[0].tolist() == NAMES[expected].tolist()


def test_without_a_k_there_are_ten(stub: Stub) -> None:
    assert list(search(stub, rows=embeddings(QUERIES)).ids.shape) == [7, 10]


def test_what_is_excluded_is_replaced_by_the_next(stub: Stub) -> None:
    every = brute_force.nearest(QUERIES[:1], VECTORS, 500)[0]
    found = search(stub, rows=embeddings(QUERIES[:1]), k=50, exclude_ids=ids(*every[:400]))
    np.testing.assert_array_equal(decode(found.ids)[0], every[400:450])


def test_where_fewer_than_k_are_left_the_rest_is_filled_up(stub: Stub) -> None:
    every = brute_force.nearest(QUERIES[:1], VECTORS, 500)[0]
    found = search(stub, rows=embeddings(QUERIES[:1]), k=5, exclude_ids=ids(*every[:497]))
    assert decode(found.ids)[0].tolist() == [*every[497:].tolist(), -1, -1]
    assert np.isnan(decode(found.similarities)[0]).tolist() == [False, False, False, True, True]
    assert decode(found.counts).tolist() == [3]


def test_texts_are_filled_up_with_empty_ones(named_stub: Stub) -> None:
    found = search(named_stub, rows=embeddings(QUERIES[:1]), k=2, similarity_min=1.5)
    assert (decode(found.ids)[0].tolist(), decode(found.counts).tolist()) == (["", ""], [0])


def test_only_what_is_similar_enough_is_found(stub: Stub) -> None:
    found = search(stub, rows=embeddings(QUERIES), k=100, similarity_min=0.9)
    expected = (brute_force.similarities(QUERIES, VECTORS) >= 0.9).sum(axis=1).clip(max=100)
    assert decode(found.counts).tolist() == expected.tolist()
    assert np.nanmin(decode(found.similarities)) >= 0.9


def test_no_rows_have_no_neighbours(stub: Stub) -> None:
    found = search(stub, rows=embeddings(np.zeros((0, 4), np.float32)), k=3)
    assert (list(found.ids.shape), list(found.counts.shape)) == ([0, 3], [0])


def test_an_input_that_cannot_be_searched_for_does_not_keep_others_from_it(stub: Stub) -> None:
    x = QUERIES.copy()
    x[2], x[4] = 0, np.nan
    inputs = rows_pb2.Inputs(tensors=[encode(x, "x")])
    response = stub.Search(retrieval_pb2.SearchRequest(rows=rows_pb2.Rows(inputs=inputs), k=3))
    assert list(response.invalid_rows) == [2, 4]
    assert decode(response.neighbors.counts).tolist() == [3, 3, 0, 3, 0, 3, 3]
    kept = [0, 1, 3, 5, 6]
    np.testing.assert_array_equal(
        decode(response.neighbors.ids)[kept], brute_force.nearest(QUERIES[kept], VECTORS, 3)
    )


@pytest.mark.parametrize(
    ("fields", "field", "says"),
    [
        ({"rows": embeddings(QUERIES), "k": -1}, "k", "is -1, allowed are 1 to 500, the pool's size"),
        ({"rows": embeddings(QUERIES), "k": 501}, "k", "is 501, allowed are 1 to 500, the pool's size"),
        ({"rows": embeddings(QUERIES[:, :3])}, "rows.embeddings.shape", "is [7, 3], allowed is [n, 4]"),
        (
            {"rows": embeddings(np.full((2, 4), np.nan, np.float32))},
            "rows.embeddings.data",
            "row 0 is not of finite",
        ),
        ({"rows": embeddings(np.eye(4, k=1, dtype=np.float32))}, "rows.embeddings.data", "row 3 is zero"),
        ({"rows": rows_pb2.Rows(logits=encode(QUERIES))}, "rows", "give inputs, embeddings or pool_ids"),
        ({}, "rows", "is missing"),
        (
            {"rows": rows_pb2.Rows(pool_ids=texts("a"))},
            "rows.pool_ids.data_type",
            "is string, the pool's ids are int64",
        ),
        (
            {"rows": rows_pb2.Rows(pool_ids=encode(np.ones(2)))},
            "rows.pool_ids.data_type",
            "is float64, allowed are",
        ),
        ({"rows": rows_pb2.Rows(pool_ids=encode(np.ones((1, 1), np.int64)))}, "rows.pool_ids.shape", "is [1, 1]"),
        ({"rows": embeddings(QUERIES), "similarity_min": np.nan}, "similarity_min", "is NaN"),
        ({"rows": embeddings(QUERIES), "exclude_ids": texts("a")}, "exclude_ids.data_type", "is string"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_what_is_wrong_is_said(stub: Stub, fields: dict, field: str, says: str) -> None:
    error = refused(stub, **fields)
    assert error.status is grpc.StatusCode.INVALID_ARGUMENT
    assert error.field == field
    assert says in error.message
    assert len(search(stub, rows=embeddings(QUERIES), k=1).ids.data) == 7 * 8  # and the server lives on


@pytest.mark.parametrize("field", ["rows.pool_ids", "exclude_ids"])
def test_an_unknown_id_is_not_found(stub: Stub, field: str) -> None:
    unknown = ids(1, 500)
    fields = {"rows": embeddings(QUERIES), "exclude_ids": unknown}
    if field == "rows.pool_ids":
        fields = {"rows": rows_pb2.Rows(pool_ids=unknown)}
    error = refused(stub, **fields)
    assert (error.status, error.reason) == (grpc.StatusCode.NOT_FOUND, "UNKNOWN_ID")
    assert error.message.startswith(f"{field}[1]: 500 is not an id of the pool, which has 500 rows")


def test_a_model_without_a_pool_says_how_to_build_one(serve: Serve, channel_of: Callable) -> None:
    error = refused(Stub(channel_of(serve(onnx_models.identity()))), rows=embeddings(QUERIES))
    assert (error.status, error.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "NO_POOL")
    assert "model 'm' has no pool: build one with assayd index build" in error.message


def test_another_pool_than_is_meant_is_not_searched(stub: Stub) -> None:
    digest = stub.GetPool(retrieval_pb2.GetPoolRequest()).pool.digest
    assert search(stub, rows=embeddings(QUERIES), pool_digest=digest).pool_digest == digest
    error = refused(stub, rows=embeddings(QUERIES), pool_digest="sha256:other")
    assert (error.status, error.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "POOL_DIFFERS")
    assert error.details["pool_digest"] == digest


def test_too_large_an_exact_search_says_how_many_rows_are_not(
    serve: Serve, channel_of: Callable, tmp_path: Path
) -> None:
    large = RNG.normal(size=(70_000, 4)).astype(np.float32)
    server = serve(
        onnx_models.identity(), pool=pools.write_pool(tmp_path / "pool", large), search_operations_max=2**20
    )
    error = refused(Stub(channel_of(server)), rows=embeddings(QUERIES))
    assert (error.reason, error.details["rows_max"]) == ("ANSWER_TOO_LARGE", "3")


def test_too_large_an_answer_says_how_many_rows_are_not(
    serve: Serve, channel_of: Callable, tmp_path: Path
) -> None:
    pool = pools.write_pool(tmp_path / "pool", VECTORS)
    server = serve(onnx_models.identity(), pool=pool, message_bytes_max=65_536)
    error = refused(Stub(channel_of(server)), rows=embeddings(np.ones((100, 4), np.float32)), k=500)
    assert (error.reason, error.details["rows_max"]) == (
        "ANSWER_TOO_LARGE",
        str((65_536 - 1024) // (500 * 12 + 4)),
    )


def test_vectors_come_back_by_id(named_stub: Stub) -> None:
    wanted = retrieval_pb2.GetVectorsRequest(ids=texts("image-007", "image-000", "image-007"))
    np.testing.assert_allclose(decode(named_stub.GetVectors(wanted).vectors), VECTORS[[7, 0, 7]], rtol=1e-6)


def test_a_pool_says_what_it_is(stub: Stub) -> None:
    pool = stub.GetPool(retrieval_pb2.GetPoolRequest()).pool
    assert (pool.row_count, pool.dimension, pool.index_kind, pool.recall) == (500, 4, "flat", 1.0)
    assert pool.metric == retrieval_pb2.SIMILARITY_METRIC_COSINE
    assert pool.id_type == tensor_pb2.DATA_TYPE_INT64


def test_scores_come_with_neighbours_from_the_same_forward_pass(
    serve: Serve, channel_of: Callable, tmp_path: Path
) -> None:
    server = serve(onnx_models.identity(), pool=pools.write_pool(tmp_path / "pool", VECTORS))
    channel = channel_of(server)
    inputs = rows_pb2.Rows(inputs=rows_pb2.Inputs(tensors=[encode(QUERIES, "x")]))
    response = scoring_pb2_grpc.ScoringServiceStub(channel).Score(
        scoring_pb2.ScoreRequest(rows=inputs, neighbors=4)
    )
    np.testing.assert_array_equal(decode(response.neighbors.ids), brute_force.nearest(QUERIES, VECTORS, 4))
    assert response.HasField("probabilities")
    assert not response.HasField("embeddings")
