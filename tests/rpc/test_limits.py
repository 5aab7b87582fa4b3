"""Limits that no other test shows: what a caller sees who asks for more."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import grpc
import numpy as np
import pytest

import onnx_models
from assayd.arrays import encode
from assayd.testing import Server, serving
from assayd.v1 import retrieval_pb2, rows_pb2, scoring_pb2, selection_pb2
from processes import serving as process

EMBEDDINGS = rows_pb2.Rows(embeddings=encode(np.ones((1, 32), np.float32)))
IMAGES = rows_pb2.Rows(inputs=rows_pb2.Inputs(tensors=[encode(np.zeros((1, 64), np.uint8))]))
SCORE, RANK = "/assayd.v1.ScoringService/Score", "/assayd.v1.SelectionService/Rank"
SEARCH, EXPAND = "/assayd.v1.RetrievalService/Search", "/assayd.v1.RetrievalService/ExpandCandidates"
MIB = 2**20


@pytest.fixture(scope="module")
def channel() -> Iterator[grpc.Channel]:
    """To a server with the demo's model, which has a pool and a reference."""
    with serving(neighbors_max=5) as server, grpc.insecure_channel(server.address) as channel:
        yield channel


def refusal(channel: grpc.Channel, path: str, message: bytes, **options: object) -> grpc.RpcError:
    with pytest.raises(grpc.RpcError) as raised:
        channel.unary_unary(path)(message, timeout=30, **options)  # type: ignore[arg-type]
    return raised.value


@pytest.mark.parametrize(
    ("path", "request_", "field"),
    [
        (SCORE, scoring_pb2.ScoreRequest(rows=IMAGES, neighbors=6), "neighbors"),
        (SEARCH, retrieval_pb2.SearchRequest(rows=EMBEDDINGS, k=6), "k"),
        (EXPAND, retrieval_pb2.ExpandCandidatesRequest(new_ids=encode(np.array([1])), k=6), "k"),
    ],
    ids=["score", "search", "expand"],
)
def test_more_neighbours_than_are_allowed_are_refused(
    channel: grpc.Channel, path: str, request_: object, field: str
) -> None:
    error = refusal(channel, path, request_.SerializeToString())  # type: ignore[attr-defined]
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert error.details().startswith(f"{field}: is 6, allowed are ")
    assert " to 5" in error.details()


def test_more_members_of_a_committee_than_are_allowed_are_refused(channel: grpc.Channel) -> None:
    models = selection_pb2.CommitteeModels(models=[scoring_pb2.ModelSelector()] * 65)
    committee = selection_pb2.CommitteeSource(models=models)
    request = selection_pb2.RankRequest(rows=IMAGES, measure=9, count=1, committee=committee)
    error = refusal(channel, RANK, request.SerializeToString())
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "has 65 models, allowed are 2 to 64" in error.details()


def test_a_call_with_too_much_metadata_is_refused(channel: grpc.Channel) -> None:
    message = scoring_pb2.ScoreRequest(rows=IMAGES).SerializeToString()
    error = refusal(channel, SCORE, message, metadata=[("x", "y" * 20_000)])
    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "metadata" in error.details()


def test_a_connection_with_all_its_calls_open_holds_further_ones_back(serve: Callable[..., Server]) -> None:
    app = serve(onnx_models.identity(), streams_per_connection_max=1)
    release = threading.Event()

    def one_message() -> Iterator[bytes]:
        release.wait(30)
        yield scoring_pb2.ListModelsRequest().SerializeToString()

    with grpc.insecure_channel(app.address) as channel:
        grpc.channel_ready_future(channel).result(30)
        path = "/assayd.v1.ScoringService/ListModels"
        channel.unary_unary(path)(b"", timeout=30)  # by now the client knows the limit
        first = channel.stream_unary(path).future(one_message(), timeout=30)
        second = channel.unary_unary(path).future(b"", timeout=30)
        with pytest.raises(grpc.FutureTimeoutError):
            second.result(0.5)
        release.set()
        assert first.result() == second.result()


@pytest.mark.parametrize("flags", [(), ("--plain-calls",)], ids=["by the loop", "plain"])
def test_a_small_message_that_unpacks_to_a_large_one_is_refused_and_takes_no_memory(
    tmp_path: Path, flags: tuple[str, ...]
) -> None:
    (tmp_path / "m.onnx").write_bytes(onnx_models.identity())
    log, model = tmp_path / "log", str(tmp_path / "m.onnx")
    with process(log, "--model", model, "--drain-delay-seconds", "0", *flags) as server:
        options = [("grpc.max_send_message_length", -1)]
        with grpc.insecure_channel(f"127.0.0.1:{server.port}", options=options) as channel:
            channel.unary_unary("/assayd.v1.ScoringService/ListModels")(b"", timeout=30)
            before = server.metric("process_resident_memory_bytes")
            error = refusal(channel, SCORE, bytes(256 * MIB), compression=grpc.Compression.Gzip)
            assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
            assert server.metric("process_resident_memory_bytes") - before < 64 * MIB
