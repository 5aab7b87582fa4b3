"""Calls that come by one loop, beside the same calls taken the plain way: the same answers, the same errors."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from google.rpc import status_pb2

import onnx_models
from assayd import ChannelSettings, Client, DeadlineExceededError
from assayd.arrays import encode
from assayd.requests import score_request
from assayd.testing import Server
from assayd.v1 import rows_pb2, scoring_pb2, scoring_pb2_grpc, tensor_pb2
from assayd_server.rpc.direct import core_calls
from busy import WIDTH, busy
from scraping import metric
from waiting import wait_until

Connect = Callable[..., Client]
Serve = Callable[..., Server]
SCORE = "/assayd.v1.ScoringService/Score"
ROWS = np.random.default_rng(0).normal(size=(9, 4)).astype(np.float32)
LABELS = ["ash", "beech", "cherry", "damson"]


@pytest.fixture
def both(serve: Serve, tmp_path: Path) -> tuple[str, str]:
    """The addresses of two servers of the same bundle: calls are taken by one loop, and the plain way."""
    onnx_models.write_bundle(tmp_path / "models", onnx_models.identity(), labels=LABELS)
    direct = serve(tmp_path / "models", rows_max=100, batch_rows_max=8)
    plain = serve(tmp_path / "models", rows_max=100, batch_rows_max=8, plain_calls=True)
    return direct.address, plain.address


def score(address: str, message: bytes, **arguments: Any) -> scoring_pb2.ScoreResponse | grpc.RpcError:
    """What comes of bytes: the response, or the error."""
    with grpc.insecure_channel(address) as channel:
        call = channel.unary_unary(SCORE, response_deserializer=scoring_pb2.ScoreResponse.FromString)
        try:
            return call(message, timeout=20, **arguments)
        except grpc.RpcError as error:
            return error


def of(values: np.ndarray, **options: Any) -> bytes:
    request = score_request(**options)
    request.rows.inputs.tensors.append(encode(values))
    return request.SerializeToString()


def rows_of(kind: str, values: np.ndarray, **options: Any) -> bytes:
    rows = rows_pb2.Rows(**{kind: encode(values)})
    return scoring_pb2.ScoreRequest(rows=rows, **options).SerializeToString()


NAN = np.array([[1, np.nan, 0, 0], [0, 1, 2, 3]], np.float32)
GOOD = {
    "one row": of(ROWS[:1]),
    "rows": of(ROWS[:7]),
    "more rows than a pass takes": of(ROWS),
    "no rows": of(ROWS[:0]),
    "measures": of(ROWS[:3], uncertainties=["entropy", "margin", "ratio", "least_confidence"]),
    "top classes": of(ROWS[:3], top_k=3),
    "nothing but predictions": of(ROWS[:3], outputs=[]),
    "logits and probabilities": of(ROWS[:3], outputs=["logits", "probabilities"]),
    "another temperature": of(ROWS[:3], temperature=3.0, uncertainties=["entropy"]),
    "half precision": of(ROWS[:3].astype(np.float16)),
    "double precision": of(ROWS[:3].astype(np.float64)),
    "whole numbers": of(np.arange(8, dtype=np.int32).reshape(2, 4)),
    "a row that cannot be scored": of(NAN, uncertainties=["entropy"], top_k=2),
    "the bulk lane": of(ROWS[:3], lane="bulk"),
    "rows that are not counted": of(ROWS[:3], record=False),
    "logits": rows_of("logits", ROWS),
    "a named model": of(ROWS[:3], model="m", version=1),
}
BAD = {
    "no message": b"",
    "no message of this kind": b"\xff\xff\xff",
    "an unknown model": of(ROWS, model="other"),
    "an unknown version": of(ROWS, model="m", version=7),
    "too many rows": of(np.zeros((101, 4), np.float32)),
    "another width": of(np.zeros((2, 5), np.float32)),
    "another rank": of(np.zeros((2, 4, 1), np.float32)),
    "a scalar": of(np.float32(1).reshape(())),
    "text": of(np.array([["a"] * 4], object)),
    "top_k out of range": of(ROWS, top_k=5),
    "no values": of(ROWS, outputs=["values"]),
    "no reference": of(ROWS, novelty=["energy"]),
    "no pool": of(ROWS, neighbors=3),
    "no rows at all": scoring_pb2.ScoreRequest(lane=9).SerializeToString(),
    "an unknown lane": of(ROWS) + scoring_pb2.ScoreRequest(lane=9).SerializeToString(),
    "an unknown measure": scoring_pb2.ScoreRequest.FromString(of(ROWS)).SerializeToString() + b"\x3a\x01\x63",
    "fewer bytes than the shape says": scoring_pb2.ScoreRequest(
        rows=rows_pb2.Rows(
            inputs=rows_pb2.Inputs(
                tensors=[tensor_pb2.Tensor(data_type=tensor_pb2.DATA_TYPE_FLOAT32, shape=[2, 4], data=bytes(31))]
            )
        )
    ).SerializeToString(),
    "no tensor": scoring_pb2.ScoreRequest(rows=rows_pb2.Rows(inputs=rows_pb2.Inputs())).SerializeToString(),
}


def values_of(tensor: tensor_pb2.Tensor) -> np.ndarray:
    dtype = {tensor_pb2.DATA_TYPE_INT32: np.int32, tensor_pb2.DATA_TYPE_FLOAT32: np.float32}[tensor.data_type]
    return np.frombuffer(tensor.data, dtype).reshape(tuple(tensor.shape))


def tensors_of(response: scoring_pb2.ScoreResponse) -> dict[str, np.ndarray]:
    tensors = {
        name: getattr(response, name)
        for name in ("predictions", "probabilities", "logits", "embeddings", "values")
        if response.HasField(name)
    }
    tensors |= {str(each.measure): each.values for each in response.uncertainties}
    if response.HasField("top"):
        tensors |= {"top": response.top.classes, "top probabilities": response.top.probabilities}
    return {name: values_of(tensor) for name, tensor in tensors.items()}


@pytest.mark.parametrize("message", GOOD.values(), ids=[*GOOD])
def test_both_ways_give_the_same_answer_at_first_and_again(both: tuple[str, str], message: bytes) -> None:
    plain = score(both[1], message)
    for _ in range(2):  # read, then by its form
        direct = score(both[0], message)
        assert isinstance(direct, scoring_pb2.ScoreResponse), direct
        assert isinstance(plain, scoring_pb2.ScoreResponse), plain
        assert direct.model == plain.model
        assert dict(direct.class_names) == dict(plain.class_names)
        assert list(direct.invalid_rows) == list(plain.invalid_rows)
        found, expected = tensors_of(direct), tensors_of(plain)
        assert found.keys() == expected.keys()
        for name, values in expected.items():
            np.testing.assert_allclose(found[name], values, rtol=0, atol=1e-6, err_msg=name)


@pytest.mark.parametrize("message", BAD.values(), ids=[*BAD])
def test_both_ways_give_the_same_error(both: tuple[str, str], message: bytes) -> None:
    direct, plain = (score(address, message) for address in both)
    assert isinstance(direct, grpc.RpcError), direct
    assert isinstance(plain, grpc.RpcError), plain
    assert (direct.code(), direct.details()) == (plain.code(), plain.details())
    assert details_of(direct) == details_of(plain)


def details_of(error: Any) -> list[Any]:
    return list(status_pb2.Status.FromString(dict(error.trailing_metadata())["grpc-status-details-bin"]).details)


@pytest.mark.parametrize("way", [0, 1], ids=["direct", "plain"])
def test_a_call_without_a_message_is_told_so(both: tuple[str, str], way: int) -> None:
    with grpc.insecure_channel(both[way]) as channel, pytest.raises(grpc.RpcError) as raised:
        channel.stream_unary(SCORE)(iter(()), timeout=20)
    assert raised.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "without a message" in raised.value.details()


def test_a_call_that_expires_while_it_waits_is_not_computed(serve: Serve, connect: Connect) -> None:
    server = serve(onnx_models.network())
    client = connect(server, settings=ChannelSettings(attempts_max=1))
    with busy(server, 2), pytest.raises(DeadlineExceededError):
        client.score(np.zeros((1, WIDTH), np.float32), deadline_seconds=0.05)
    wait_until(lambda: metric(server, "assayd_abandoned_calls_total") >= 1)
    handled = metric(server, "grpc_server_handled_total", grpc_method="Score", grpc_code="DeadlineExceeded")
    assert handled == 1
    assert metric(server, "assayd_rows_total") == 0


def test_a_call_that_is_cancelled_while_it_waits_is_not_computed(serve: Serve) -> None:
    server = serve(onnx_models.network())
    request = scoring_pb2.ScoreRequest.FromString(of(np.zeros((1, WIDTH), np.float32)))
    with busy(server, 2), grpc.insecure_channel(server.address) as channel:
        call = scoring_pb2_grpc.ScoringServiceStub(channel).Score.future(request, timeout=60)
        wait_until(lambda: metric(server, "assayd_pending_rows") % 2 == 1)  # the one row among even numbers
        call.cancel()
        wait_until(
            lambda: metric(server, "grpc_server_handled_total", grpc_method="Score", grpc_code="Canceled") == 1
        )
    assert metric(server, "assayd_abandoned_calls_total") >= 1
    wait_until(lambda: metric(server, "assayd_calls") == 0)
    assert metric(server, "assayd_pending_request_bytes") == 0


def test_a_grpc_that_lacks_a_part_is_served_the_plain_way(
    serve: Serve, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(core_calls._PARTS, "CompletionQueue", ("poll", "shutdown", "no such part"))
    assert "CompletionQueue.no such part" in core_calls.why_not()
    monkeypatch.setitem(core_calls._PARTS, "NoSuchClass", ())
    assert len(connect(serve(onnx_models.identity())).score(ROWS)) == len(ROWS)


def test_this_grpc_has_every_part() -> None:
    assert core_calls.why_not() == ""


def test_mixed_calls_of_many_callers_each_have_their_own_answers(serve: Serve, connect: Connect) -> None:
    server = serve(onnx_models.identity())
    clients = [connect(server) for _ in range(4)]

    def call(place: int) -> None:
        rng = np.random.default_rng(place)
        for _ in range(20):
            rows = rng.normal(size=(rng.integers(1, 40), 4)).astype(rng.choice([np.float32, np.float64]))
            scores = clients[place % 4].score(rows, outputs=["logits"], top_k=int(rng.integers(0, 3)))
            np.testing.assert_array_equal(scores.logits, rows.astype(np.float32))
            np.testing.assert_array_equal(scores.predictions, rows.argmax(axis=1))

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(call, range(16)))
    assert metric(server, "grpc_server_handled_total", grpc_method="Score", grpc_code="OK") == 320
    assert metric(server, "assayd_executions_total") <= 320
    assert metric(server, "assayd_calls") == metric(server, "assayd_pending_rows") == 0


def test_lanes_and_calls_with_threads_mix_for_a_while_and_end_well(serve: Serve, connect: Connect) -> None:
    server = serve(onnx_models.network(width=64, hidden=512), inference_threads=2)
    rows = {
        count: np.random.default_rng(count).normal(size=(count, 64)).astype(np.float32) for count in (1, 300, 900)
    }
    end = time.monotonic() + 3

    def call(place: int) -> int:
        client, done = connect(server), 0
        while time.monotonic() < end:
            if place % 4 == 0:
                done += len(client.rank(rows[300], measure="margin", count=1, deadline_seconds=20).positions)
            elif place % 4 == 1:
                done += len(client.score(rows[300], lane="bulk", deadline_seconds=20)) > 0
            else:
                done += len(client.score(rows[1 if place % 4 == 2 else 900], deadline_seconds=20)) > 0
        return done

    with ThreadPoolExecutor(12) as pool:
        assert all(pool.map(call, range(12)))
    assert metric(server, "assayd_calls") == metric(server, "assayd_pending_rows") == 0


def test_calls_go_on_while_others_have_no_message(serve: Serve, connect: Connect) -> None:
    server = serve(onnx_models.identity(), message_wait_max_seconds=0.3)
    client = connect(server)
    with grpc.insecure_channel(server.address) as channel:
        stalled = [channel.stream_unary(SCORE).future(never(), timeout=60) for _ in range(20)]
        began = time.monotonic()
        while not all(call.done() for call in stalled):
            assert len(client.score(ROWS)) == len(ROWS)
            assert time.monotonic() - began < 20
        assert {call.code() for call in stalled} == {grpc.StatusCode.CANCELLED}
    assert metric(server, "assayd_stalled_calls_total") == 20


def never() -> Iterator[bytes]:
    time.sleep(5)
    yield from ()
