"""Selective sampling through the wire: the decisions of the core, however a stream is cut, wherever it goes on."""

import asyncio
from collections.abc import Callable, Iterator
from itertools import chain, repeat
from typing import Any

import grpc
import numpy as np
import pytest

import onnx_models
from assayd import AsyncClient, Client, InvalidArgumentError
from assayd.arrays import decode, encode
from assayd.v1 import rows_pb2, selection_pb2, selection_pb2_grpc
from assayd_server.app import App
from assayd_server.core.hashing import id_hash
from assayd_server.core.softmax import softmax
from assayd_server.core.stream import Policy, PolicySettings, advance, begin
from assayd_server.core.uncertainty import least_confidence
from scraping import metric
from waiting import wait_until

Connect = Callable[..., Client]
Serve = Callable[..., App]

RNG = np.random.default_rng(3)
Z = RNG.normal(0, 2, (600, 4)).astype(np.float32)
POLICIES = [policy.value for policy in Policy]
SLOW = {"width": 512, "hidden": 8192}
"""Of onnx_models.network: a pass of 1000 rows takes some tenths of a second."""


def expected(policy: str, *, budget: float = 0.2, seed: int = 0, ids: np.ndarray | None = None) -> Any:
    """The decisions of the core on the whole stream at once."""
    settings = PolicySettings(policy=Policy(policy), budget=budget, seed=seed, class_count=4)
    utilities = least_confidence(softmax(Z))
    return advance(begin(settings), utilities, id_hash(np.arange(600) if ids is None else ids), settings)[1]


def cut(*places: int) -> Iterator[np.ndarray]:
    return iter(np.split(Z, places))


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("places", [(), (1, 2, 3), (250,), tuple(range(0, 600, 50))], ids=len)
def test_decisions_are_those_on_the_whole_stream(identity_client: Client, policy: str, places: tuple) -> None:
    parts = list(identity_client.select_stream(cut(*places), budget=0.2, policy=policy, seed=4))
    decisions = expected(policy, seed=4)
    np.testing.assert_array_equal(np.concatenate([part.selected for part in parts]), decisions.selected)
    np.testing.assert_allclose(
        np.concatenate([part.thresholds for part in parts]), decisions.thresholds, rtol=1e-5
    )
    np.testing.assert_allclose(
        np.concatenate([part.inclusion_probabilities for part in parts]),
        decisions.inclusion_probabilities,
        rtol=1e-4,
    )


def test_about_the_budget_is_spent(identity_client: Client) -> None:
    parts = list(identity_client.select_stream(cut(100, 300), budget=0.2))
    assert 0.15 < np.concatenate([part.selected for part in parts]).mean() < 0.25


@pytest.mark.parametrize("policy", POLICIES)
def test_another_stream_goes_on_by_the_state_of_the_first(serve: Serve, connect: Connect, policy: str) -> None:
    wanted: dict[str, Any] = {"budget": 0.2, "policy": policy, "seed": 4}
    (first,) = connect(serve(onnx_models.identity())).select_stream([Z[:222]], **wanted)
    (second,) = connect(serve(onnx_models.identity())).select_stream([Z[222:]], state=first.state, **wanted)
    both = np.concatenate([first.selected, second.selected])
    np.testing.assert_array_equal(both, expected(policy, seed=4).selected)


@pytest.mark.parametrize(("policy", "window"), [("variable", 500), ("split", 500), ("quantile", 100)])
def test_the_window_is_long_enough_for_the_budget_where_nobody_says(
    identity_client: Client, policy: str, window: int
) -> None:
    (by_default,) = identity_client.select_stream([Z], budget=0.02, policy=policy)
    (chosen,) = identity_client.select_stream([Z], budget=0.02, policy=policy, window=window)
    assert by_default.state == chosen.state  # bound to all settings
    np.testing.assert_array_equal(by_default.selected, chosen.selected)


def test_chance_goes_by_ids(identity_client: Client) -> None:
    ids = RNG.integers(0, 2**40, 600)
    batches = [{"x": Z[:100], "ids": ids[:100]}, {"x": Z[100:], "ids": ids[100:]}]
    parts = list(identity_client.select_stream(batches, budget=0.2, policy="split"))
    selected = np.concatenate([part.selected for part in parts])
    np.testing.assert_array_equal(selected, expected("split", ids=ids).selected)


def test_rows_with_nan_are_never_selected_and_leave_no_trace(identity_client: Client) -> None:
    rows = np.insert(Z, [5, 5, 300], np.nan, axis=0)
    parts = list(identity_client.select_stream(np.split(rows, [6, 100]), budget=0.2, policy="split", seed=4))
    selected = np.concatenate([part.selected for part in parts])
    scores = np.concatenate([part.scores for part in parts])
    invalid = np.isnan(rows).any(axis=1)
    np.testing.assert_array_equal(np.isnan(scores), invalid)
    assert not selected[invalid].any()
    np.testing.assert_array_equal(selected[~invalid], expected("split", seed=4).selected)


def test_a_batch_over_the_servers_limit_is_cut_out_of_sight(serve: Serve, connect: Connect) -> None:
    client = connect(serve(onnx_models.identity(), rows_max=64))
    (decisions,) = client.select_stream([Z], budget=0.2, policy="quantile")
    assert len(decisions) == 600
    np.testing.assert_array_equal(decisions.selected, expected("quantile").selected)


def test_empty_batches_are_passed_over(identity_client: Client) -> None:
    parts = list(identity_client.select_stream([Z[:0], Z[:3], Z[:0]], budget=0.5))
    assert [len(part) for part in parts] == [3]


def test_asyncio_decides_alike(serve: Serve) -> None:
    app = serve(onnx_models.identity())

    async def selected() -> np.ndarray:
        async with AsyncClient(f"127.0.0.1:{app.port}") as client:
            stream = client.select_stream(cut(17, 400), budget=0.2, policy="variable")
            return np.concatenate([part.selected async for part in stream])

    np.testing.assert_array_equal(asyncio.run(selected()), expected("variable").selected)


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({"budget": 0}, "settings.budget: is 0.0, allowed are numbers above 0 and up to 1"),
        ({"budget": 1.5}, "settings.budget: is 1.5, allowed are numbers above 0 and up to 1"),
        ({"budget": float("nan")}, "settings.budget: is nan, allowed are numbers above 0 and up to 1"),
        (
            {"budget": 0.1, "policy": "greedy"},
            "policy: 'greedy' is unknown, allowed are fixed, variable, randomized_",
        ),
        (
            {"budget": 0.1, "measure": "max_entropy"},
            "measure: 'max_entropy' is unknown, allowed are least_confidence",
        ),
        (
            {"budget": 0.1, "window": 10_001},
            "settings.window: is 10001, allowed are whole numbers from 1 to 10000",
        ),
        ({"budget": 0.1, "step": 1.0}, "settings.step: is 1.0, allowed are numbers above 0 and below 1"),
        ({"budget": 0.1, "state": b"abc"}, "state: is not a state of this service: it does not begin as one"),
        ({}, "budget: is missing"),
    ],
)
def test_a_setting_that_is_not_allowed_is_refused(identity_client: Client, wanted: dict, message: str) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        list(identity_client.select_stream([Z], **wanted))
    assert caught.value.message.startswith(message)


def test_a_state_of_other_settings_is_refused(identity_client: Client) -> None:
    (first,) = identity_client.select_stream([Z[:10]], budget=0.2)
    with pytest.raises(InvalidArgumentError) as caught:
        list(identity_client.select_stream([Z[10:]], budget=0.3, state=first.state))
    assert (caught.value.field, "settings" in caught.value.message) == ("state", True)
    for other in ({"measure": "margin"}, {"temperature": 2.0}):
        with pytest.raises(InvalidArgumentError, match="under other settings"):
            list(identity_client.select_stream([Z[10:]], budget=0.2, state=first.state, **other))
    with pytest.raises(InvalidArgumentError, match="state: is cut short"):
        list(identity_client.select_stream([Z[10:]], budget=0.2, state=first.state[:-1]))


Stub = selection_pb2_grpc.SelectionServiceStub


@pytest.fixture
def stub(serve: Serve) -> Iterator[Stub]:
    app = serve(onnx_models.identity(), streams_max=2, stream_idle_max_seconds=1)
    with grpc.insecure_channel(f"127.0.0.1:{app.port}") as channel:
        yield Stub(channel)


def message(rows: np.ndarray | None = None, **settings: Any) -> selection_pb2.SelectStreamRequest:
    request = selection_pb2.SelectStreamRequest()
    if settings:
        request.settings.CopyFrom(selection_pb2.SelectionSettings(**settings))
    if rows is not None:
        request.rows.CopyFrom(rows_pb2.Rows(logits=encode(rows)))
    return request


SETTINGS: dict[str, Any] = {"measure": 1, "policy": selection_pb2.SELECTION_POLICY_QUANTILE, "budget": 0.2}


def test_a_stream_stays_open_and_answers_each_message(stub: Stub) -> None:
    requests = [message(**SETTINGS), message(Z[:100]), message(Z[100:])]
    answers = list(stub.SelectStream(iter(requests), timeout=20))
    assert [len(decode(answer.selected)) for answer in answers] == [100, 500]
    selected = np.concatenate([decode(answer.selected) for answer in answers])
    np.testing.assert_array_equal(selected, expected("quantile").selected)


@pytest.mark.parametrize(
    ("requests", "words"),
    [
        ([message(Z[:5])], "settings: are missing in the first message of the stream"),
        ([message(Z[:5], **SETTINGS), message(Z[:5], **SETTINGS)], "settings: came before"),
        ([message(Z[:5], **SETTINGS), message(Z[:5, :3])], "rows: have 3 classes, the stream began with 4"),
        (
            [message(Z[:5], **SETTINGS | {"policy": 0})],
            "settings.policy: 0 is unknown, allowed are SELECTION_POLICY_F",
        ),
        (
            [message(Z[:5], **SETTINGS | {"measure": 12})],
            "settings.measure: mean_kl is not for streams, allowed are",
        ),
    ],
)
def test_a_stream_that_breaks_the_rules_ends_with_a_sentence(stub: Stub, requests: list, words: str) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        list(stub.SelectStream(iter(requests), timeout=20))
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert caught.value.details().startswith(words)


def test_a_stream_too_many_is_refused_at_once(stub: Stub) -> None:
    with Opened(stub), Opened(stub):
        with pytest.raises(grpc.RpcError) as caught:
            list(stub.SelectStream(iter([message(Z[:5], **SETTINGS)]), timeout=20))
        assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


def test_a_stream_that_sends_nothing_is_ended(stub: Stub) -> None:
    with Opened(stub) as stream, pytest.raises(grpc.RpcError) as caught:
        next(stream)
    assert caught.value.code() is grpc.StatusCode.CANCELLED


def test_a_stream_whose_answers_nobody_reads_is_ended(serve: Serve) -> None:
    app = serve(onnx_models.identity(), streams_max=1, stream_idle_max_seconds=1)
    many = np.tile(Z, (10, 1))
    messages = chain([message(many, **SETTINGS)], repeat(message(many)))
    with grpc.insecure_channel(app.address) as channel:
        call = Stub(channel).SelectStream(messages, timeout=120)
        wait_until(lambda: metric(app, "assayd_stalled_calls_total") == 1)
        wait_until(lambda: metric(app, "assayd_streams") == 0)
        call.cancel()
        assert len(list(Stub(channel).SelectStream(iter([message(Z[:5], **SETTINGS)]), timeout=20))) == 1
    handled = {"grpc_method": "SelectStream", "grpc_code": "Canceled"}
    assert metric(app, "grpc_server_handled_total", **handled) == 1


def test_a_server_that_stops_ends_a_stream_that_waits(serve: Serve) -> None:
    app = serve(onnx_models.identity(), drain_grace_seconds=60)
    with grpc.insecure_channel(f"127.0.0.1:{app.port}") as channel, Opened(Stub(channel)) as stream:
        app.drain()  # would take a minute if it waited for the stream
        with pytest.raises(grpc.RpcError) as caught:
            next(stream)
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE


def test_a_server_that_stops_answers_the_messages_that_it_has_received(serve: Serve) -> None:
    app = serve(onnx_models.network(**SLOW, class_count=4), drain_grace_seconds=60)
    requests = [inputs(4000), inputs(5)]
    with grpc.insecure_channel(app.address) as channel, Opened(Stub(channel), *requests) as stream:
        size = sum(request.ByteSize() for request in requests)
        wait_until(lambda: metric(app, "assayd_pending_request_bytes") == size)  # one computed, one not taken yet
        app.drain()
        assert [len(decode(next(stream).selected)) for _ in requests] == [4000, 5]
        with pytest.raises(grpc.RpcError) as caught:
            next(stream)
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE


def inputs(count: int) -> selection_pb2.SelectStreamRequest:
    """Rows of a slow model."""
    request = message()
    request.rows.inputs.tensors.append(encode(np.zeros((count, SLOW["width"]), np.uint8)))
    return request


class Opened:
    """A stream that had an answer, and that is left open; then further messages are sent."""

    def __init__(self, stub: Stub, *further: selection_pb2.SelectStreamRequest) -> None:
        from queue import SimpleQueue

        self._further = further
        self._requests: SimpleQueue = SimpleQueue()
        self._requests.put(message(Z[:5], **SETTINGS))
        self._call = stub.SelectStream(iter(self._requests.get, None), timeout=60)

    def __enter__(self) -> Any:
        next(self._call)
        for request in self._further:
            self._requests.put(request)
        return self._call

    def __exit__(self, *_: object) -> None:
        self._requests.put(None)
        self._call.cancel()
