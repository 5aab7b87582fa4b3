"""Pieces of one batch that meet replicas with different pools: all answers come from one pool, or none do."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2

import onnx_models
import pools
from assayd import (
    ChannelSettings,
    Client,
    FailedPreconditionError,
    InternalError,
    InvalidArgumentError,
    Neighbors,
    NotFoundError,
)
from assayd.arrays import encode
from assayd.blocking import Blocking
from assayd.candidate_options import LabelingState, candidates_request
from assayd.retrieving import candidates_selected, search_job
from assayd.rows import Rows
from assayd.search_options import search_request
from assayd.steps import Send
from assayd.testing import Server
from assayd.v1 import neighbors_pb2, retrieval_pb2, scoring_pb2
from client.scripted import Call, Refusal

X = np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32)
ONE_BY_ONE = ChannelSettings(rows_max=1, calls_in_flight_max=1)


def refusal(reason: str, code: grpc.StatusCode = grpc.StatusCode.FAILED_PRECONDITION) -> Refusal:
    packed = any_pb2.Any()
    packed.Pack(error_details_pb2.ErrorInfo(reason=reason))
    trailing = (("grpc-status-details-bin", status_pb2.Status(details=[packed]).SerializeToString()),)
    return Refusal(code, reason, trailing)


class Replicas:
    """Answer one search after the other, each with its own pool and version, round and round."""

    def __init__(self, *digests: str, versions: Sequence[int] = (1,), refused: Refusal | None = None) -> None:
        self._digests, self._versions, self._refused = digests, versions, refused
        self.requests: list[Any] = []

    def __call__(self, effect: Send) -> Call:
        turn = len(self.requests)
        self.requests.append(effect.request)
        digest = self._digests[turn % len(self._digests)]
        version = self._versions[turn % len(self._versions)]
        if effect.request.model.version not in (0, version):
            return Call(refusal("UNKNOWN_VERSION", grpc.StatusCode.NOT_FOUND))
        if effect.request.pool_digest not in ("", digest):
            return Call(self._refused or refusal("POOL_DIFFERS"))
        return Call(_answer(effect.request, digest, version))


def _answer(request: Any, digest: str, version: int) -> Any:
    model = scoring_pb2.ModelIdentity(name="m", version=version, digest=f"sha256:m{version}")
    if isinstance(request, retrieval_pb2.SelectCandidatesRequest):
        none, numbers = encode(np.empty(0, np.int64)), encode(np.empty(0, np.float32))
        return retrieval_pb2.SelectCandidatesResponse(
            model=model,
            pool_digest=digest,
            ids=none,
            sources=none,
            scores=numbers,
            similarities=numbers,
            random=encode(np.empty(0, np.bool_)),
            added=retrieval_pb2.Candidates(ids=none, sources=none, similarities=numbers),
        )
    count = request.rows.embeddings.shape[0]
    neighbors = neighbors_pb2.Neighbors(
        pool_digest=digest,
        ids=encode(np.zeros((count, 1), np.int64)),
        similarities=encode(np.zeros((count, 1), np.float32)),
        counts=encode(np.ones(count, np.int32)),
    )
    return retrieval_pb2.SearchResponse(model=model, neighbors=neighbors)


def searched(replicas: Any, **wanted: Any) -> Neighbors:
    job = search_job(search_request(**wanted), deadline_seconds=10, settings=ONE_BY_ONE)
    return Blocking(replicas).one(job.batch(Rows("embeddings", {"": X})))


def test_pieces_that_met_another_pool_are_asked_once_more_with_the_first_ones_digest() -> None:
    replicas = Replicas("sha256:a", "sha256:b")
    found = searched(replicas)
    assert (found.pool_digest, len(found)) == ("sha256:a", 6)
    assert {request.pool_digest for request in replicas.requests[6:]} == {"sha256:a"}


def test_the_newest_version_decides_and_then_the_pool() -> None:
    replicas = Replicas("sha256:a", "sha256:b", versions=(1, 2))
    found = searched(replicas)
    assert (found.pool_digest, found.model.version) == ("sha256:b", 2)


def test_a_pool_that_no_replica_has_any_more_is_an_error_that_names_both() -> None:
    replicas = Replicas("sha256:a", *["sha256:b"] * 100)
    with pytest.raises(FailedPreconditionError) as caught:
        searched(replicas)
    assert caught.value.message == "pool: replicas have different pools: sha256:a and sha256:b"
    assert (caught.value.reason, caught.value.field) == ("REPLICAS_DISAGREE", "pool")
    assert len(replicas.requests) == 6 + 16


def test_what_else_goes_wrong_is_told_as_it_is() -> None:
    with pytest.raises(FailedPreconditionError) as caught:
        searched(Replicas("sha256:a", "sha256:b", "sha256:b", refused=refusal("NO_POOL")))
    assert caught.value.reason == "NO_POOL"


def test_a_pool_that_is_named_is_looked_for_on_every_replica() -> None:
    replicas = Replicas("sha256:a", "sha256:b", "sha256:c")
    assert searched(replicas, pool_digest="sha256:b").pool_digest == "sha256:b"


def test_a_pool_that_is_named_and_nowhere_is_an_error() -> None:
    replicas = Replicas("sha256:a", "sha256:b")
    with pytest.raises(FailedPreconditionError) as caught:
        searched(replicas, pool_digest="sha256:c")
    assert caught.value.reason == "POOL_DIFFERS"
    assert len(replicas.requests) == 1 + 16


@pytest.mark.parametrize(("digest", "calls"), [("sha256:c", 3), ("", 1)])
def test_a_round_looks_for_the_pool_that_is_named(digest: str, calls: int) -> None:
    replicas = Replicas("sha256:a", "sha256:b", "sha256:c")
    state = LabelingState(new_ids=[1], labeled_ids=[1], candidates=None)
    request = candidates_request(state, count=1, pool_digest=digest)
    chosen = Blocking(replicas).one(candidates_selected(request, seconds=10, metadata=()))
    assert chosen.pool_digest == (digest or "sha256:a")
    assert len(replicas.requests) == calls


def test_an_unknown_id_is_asked_about_once_though_the_version_is_known() -> None:
    def answer(_effect: Send) -> Call:
        calls.append(1)
        return Call(refusal("UNKNOWN_ID", grpc.StatusCode.NOT_FOUND))

    calls: list[int] = []
    with pytest.raises(NotFoundError):
        searched(answer, version=1)
    state = LabelingState(new_ids=[1], labeled_ids=[1], candidates=None)
    request = candidates_request(state, count=1, pool_digest="sha256:a")
    with pytest.raises(NotFoundError):
        Blocking(answer).one(candidates_selected(request, seconds=10, metadata=()))
    assert len(calls) == 2


def test_an_answer_that_cannot_be_read_is_the_servers_fault() -> None:
    with pytest.raises(InternalError, match="the server's answer cannot be read: data_type: is 0"):
        searched(lambda _effect: Call(retrieval_pb2.SearchResponse()))


def test_a_list_of_excluded_ids_that_no_message_holds_is_refused() -> None:
    settings = ChannelSettings(message_bytes_max=1000)
    with pytest.raises(InvalidArgumentError, match=r"request: takes \d+ bytes, a message holds 1000") as caught:
        search_job(search_request(exclude_ids=range(200)), deadline_seconds=10, settings=settings)
    assert caught.value.field == "request"


@pytest.fixture
def two_pools(serve: Callable[..., Server], tmp_path: Path) -> list[Server]:
    """Two servers of the same model, each with another pool."""
    model = onnx_models.identity()
    folders = (pools.write_pool(tmp_path / name, X[:rows]) for name, rows in (("a", 5), ("b", 6)))
    return [serve(model, pool=folder) for folder in folders]


def test_replicas_with_different_pools_find_from_one_of_them(
    two_pools: list[Server], fleet: Callable[..., Client]
) -> None:
    client = fleet(*two_pools, settings=ONE_BY_ONE)
    digests = {server.client().pool().digest: server for server in two_pools}
    found = client.search(np.repeat(X, 4, axis=0), k=5)
    (alone,) = (server.client() for digest, server in digests.items() if digest == found.pool_digest)
    np.testing.assert_array_equal(found.ids, alone.search(np.repeat(X, 4, axis=0), k=5).ids)


def test_scores_with_neighbours_from_different_pools_are_refused(
    two_pools: list[Server], fleet: Callable[..., Client]
) -> None:
    client = fleet(*two_pools, settings=ONE_BY_ONE)
    with pytest.raises(FailedPreconditionError, match="pool: replicas have different pools: sha256:") as caught:
        score_often(client)
    assert caught.value.reason == "REPLICAS_DISAGREE"


def score_often(client: Client) -> None:
    """Both servers are reached sooner or later."""
    for _ in range(100):
        client.score(X, neighbors=1)
