"""AsyncClient where it is not Client awaited: many tasks at once, cancelling, async sources, event loops."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing
from typing import Any

import grpc
import numpy as np
import pytest

import onnx_models
from assayd import (
    AsyncClient,
    CallCancelledError,
    ChannelSettings,
    Client,
    DeadlineExceededError,
    FailedPreconditionError,
)
from assayd.arrays import encode
from assayd.v1 import scoring_pb2
from client.awaited import event_loop
from client.scripted import rows_of

X = np.random.default_rng(16).normal(0, 2, (50, 4)).astype(np.float32)
ONE_ROW = scoring_pb2.ScoreResponse(predictions=encode(np.zeros(1, np.int32))).SerializeToString()
ONE_BY_ONE = ChannelSettings(rows_max=1, calls_in_flight_max=3)


class Holding:
    """Answers no call: holds each until its caller gives it up. Its waits fail after ten seconds."""

    def __init__(self) -> None:
        self._begun, self._ended = threading.Semaphore(0), threading.Semaphore(0)

    def __call__(self, _request: bytes, context: grpc.ServicerContext) -> bytes:
        ended = threading.Event()
        if not context.add_callback(ended.set):
            ended.set()
        self._begun.release()
        if ended.wait(timeout=10):
            self._ended.release()
        return ONE_ROW

    async def has_begun(self, calls: int) -> None:
        await self._times(self._begun, calls)

    async def has_ended(self, calls: int) -> None:
        await self._times(self._ended, calls)

    async def _times(self, semaphore: threading.Semaphore, calls: int) -> None:
        for _ in range(calls):
            assert await asyncio.to_thread(semaphore.acquire, timeout=10)


@pytest.fixture
def holding() -> Holding:
    return Holding()


@pytest.fixture
def holding_address(bare_server, holding: Holding) -> str:
    return bare_server(holding)


def address_of(app: Any) -> str:
    return app.address


async def rows_one_by_one() -> AsyncIterator[np.ndarray]:
    for row in X[:5]:
        yield row[None]


def test_five_hundred_scores_at_once_are_those_of_client(serve) -> None:
    address = address_of(serve(onnx_models.identity()))
    wanted = {"uncertainties": ["entropy"], "top_k": 2}

    async def together() -> list[Any]:
        async with AsyncClient(address, deadline_seconds=60) as client:
            return await asyncio.gather(*(client.score(X[index % 50 :][:1], **wanted) for index in range(500)))

    with Client(address) as client:
        expected = [client.score(X[index : index + 1], **wanted) for index in range(50)]
    for index, scores in enumerate(asyncio.run(together())):
        np.testing.assert_array_equal(scores.probabilities, expected[index % 50].probabilities)
        np.testing.assert_array_equal(scores.uncertainty["entropy"], expected[index % 50].uncertainty["entropy"])
        np.testing.assert_array_equal(scores.top.classes, expected[index % 50].top.classes)
        assert scores.model == expected[0].model


def test_no_more_calls_are_open_than_the_settings_allow_and_as_many_as_that(bare_server) -> None:
    together = threading.Barrier(2, timeout=10)
    most, now, lock = [0], [0], threading.Lock()

    def answer(_request: bytes, _context: grpc.ServicerContext) -> bytes:
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        together.wait()
        with lock:
            now[0] -= 1
        return ONE_ROW

    async def six() -> None:
        async with AsyncClient(bare_server(answer), settings=ChannelSettings(calls_open_max=2)) as client:
            await asyncio.gather(*(client.score(X[:1]) for _ in range(6)))

    asyncio.run(six())
    assert most == [2]


def test_a_call_whose_turn_does_not_come_ends_at_its_own_deadline(holding: Holding, holding_address: str) -> None:
    async def two() -> None:
        async with AsyncClient(holding_address, settings=ChannelSettings(calls_open_max=1)) as client:
            first = asyncio.create_task(client.score(X[:1]))
            await holding.has_begun(1)
            with pytest.raises(DeadlineExceededError, match=r"turn did not come in time: the client has 1 other"):
                await client.score(X[:1], deadline_seconds=0.1)
            first.cancel()

    asyncio.run(two())


def test_a_call_that_was_given_up_makes_room_for_the_next(holding: Holding, holding_address: str) -> None:
    async def one_after_the_other() -> None:
        settings = ChannelSettings(calls_open_max=1, attempts_max=1)
        async with AsyncClient(holding_address, settings=settings) as client:
            for _ in range(3):
                call = asyncio.create_task(client.score(X[:1]))
                await holding.has_begun(1)  # only once it has: a call may expire before it has left
                call.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await call
                await holding.has_ended(1)

    asyncio.run(one_after_the_other())


def test_closing_ends_the_calls_under_way_and_those_that_wait_for_their_turn(
    holding: Holding, holding_address: str
) -> None:
    async def closed() -> list[Any]:
        client = AsyncClient(holding_address, settings=ChannelSettings(calls_open_max=2))
        calls = [asyncio.create_task(client.score(X[:1])) for _ in range(5)]
        await holding.has_begun(2)
        await client.close()
        return await asyncio.gather(*calls, return_exceptions=True)

    assert [type(error) for error in asyncio.run(closed())] == [CallCancelledError] * 5


async def score(client: AsyncClient) -> Any:
    return await client.score(X)


async def score_stream(client: AsyncClient) -> Any:
    return [scores async for scores in client.score_stream([X, X])]


@pytest.mark.parametrize("call", [score, score_stream])
def test_cancelling_a_task_cancels_all_its_calls_and_is_no_error_of_ours(
    holding: Holding, holding_address: str, call: Callable[[AsyncClient], Any]
) -> None:
    async def cancelled() -> None:
        async with AsyncClient(holding_address, settings=ONE_BY_ONE) as client:
            task = asyncio.create_task(call(client))
            await holding.has_begun(3)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await holding.has_ended(3)

    asyncio.run(cancelled())


def test_a_task_that_is_cancelled_while_its_client_closes_is_cancelled(
    holding: Holding, holding_address: str
) -> None:
    async def cancelled() -> None:
        client = AsyncClient(holding_address)
        task = asyncio.create_task(client.score(X))
        await holding.has_begun(1)
        task.cancel()
        await client.close()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancelled())


def test_a_task_that_is_cancelled_while_it_waits_for_its_turn_leaves_the_turn_to_others(
    holding: Holding, holding_address: str
) -> None:
    async def cancelled() -> None:
        async with AsyncClient(holding_address, settings=ChannelSettings(calls_open_max=1)) as client:
            tasks = [asyncio.create_task(client.score(X[:1])) for _ in range(3)]
            await holding.has_begun(1)
            tasks[1].cancel()
            tasks[0].cancel()
            await holding.has_begun(1)
            tasks[2].cancel()
            raised = await asyncio.gather(*tasks, return_exceptions=True)
            assert [type(error) for error in raised] == [asyncio.CancelledError] * 3

    asyncio.run(cancelled())


def test_a_time_limit_of_the_callers_own_holds(holding_address: str) -> None:
    async def limited() -> None:
        async with AsyncClient(holding_address) as client, asyncio.timeout(0.1):
            await client.score(X)

    with pytest.raises(TimeoutError):
        asyncio.run(limited())


def test_leaving_a_stream_early_cancels_what_is_under_way(bare_server, holding: Holding) -> None:
    def answer(message: bytes, context: grpc.ServicerContext) -> bytes:
        single = len(rows_of(scoring_pb2.ScoreRequest.FromString(message))) == 1
        return ONE_ROW if single else holding(message, context)

    async def left() -> None:
        settings = ChannelSettings(calls_in_flight_max=2)
        async with AsyncClient(bare_server(answer), settings=settings) as client:
            async with aclosing(client.score_stream([X[:1], X[:2]])) as answers:
                assert len(await anext(answers)) == 1
                await holding.has_begun(1)
            await holding.has_ended(1)

    asyncio.run(left())


def test_an_async_iterable_is_scored_in_order(serve) -> None:
    async def streamed() -> list[int]:
        async with AsyncClient(address_of(serve(onnx_models.identity()))) as client:
            return [int(answer.predictions[0]) async for answer in client.score_stream(rows_one_by_one())]

    assert asyncio.run(streamed()) == X[:5].argmax(axis=1).tolist()


def test_with_one_call_in_flight_an_async_source_may_wait_for_the_first_answer(serve) -> None:
    async def streamed() -> list[int]:
        first = asyncio.Event()

        async def source() -> AsyncIterator[np.ndarray]:
            yield X[:1]
            async with asyncio.timeout(10):
                await first.wait()
            yield X[1:2]

        settings, predictions = ChannelSettings(calls_in_flight_max=1), []
        async with AsyncClient(address_of(serve(onnx_models.identity())), settings=settings) as client:
            async for answer in client.score_stream(source()):
                predictions.append(int(answer.predictions[0]))
                first.set()
        return predictions

    assert asyncio.run(streamed()) == X[:2].argmax(axis=1).tolist()


def test_an_async_iterable_that_fails_ends_the_stream_with_its_own_error(
    holding: Holding, holding_address: str
) -> None:
    async def failing() -> AsyncIterator[np.ndarray]:
        yield X[:1]
        await holding.has_begun(1)
        raise OSError("the disk is gone")

    async def streamed() -> None:
        async with AsyncClient(holding_address) as client:
            with pytest.raises(OSError, match="the disk is gone"):
                await anext(client.score_stream(failing()))
            await holding.has_ended(1)

    asyncio.run(streamed())


def test_calls_set_out_before_a_plain_iterable_holds_the_loop(holding: Holding, holding_address: str) -> None:
    def source() -> Iterator[np.ndarray]:
        yield X[:1]
        asyncio.run_coroutine_threadsafe(holding.has_begun(1), other).result(timeout=10)
        raise OSError("seen")

    async def streamed() -> None:
        async with AsyncClient(holding_address) as client:
            with pytest.raises(OSError, match="seen"):
                await anext(client.score_stream(source()))

    with event_loop() as other:
        asyncio.run(streamed())


def test_a_client_belongs_to_the_loop_in_which_it_was_first_used(serve) -> None:
    client = AsyncClient(address_of(serve(onnx_models.identity())))  # where no loop runs
    assert len(asyncio.run(client.score(X))) == 50
    for again in (client.score(X), client.model(), client.close()):
        with pytest.raises(FailedPreconditionError, match="client: belongs to another event loop"):
            asyncio.run(again)


def test_a_client_that_was_never_used_can_be_closed(refusing_address: str) -> None:
    client = AsyncClient(refusing_address)

    async def close_and_ask() -> None:
        await client.close()
        with pytest.raises(CallCancelledError, match="the client was closed"):
            await client.models()

    asyncio.run(close_and_ask())


def test_a_server_that_was_full_answers_at_the_next_attempt(bare_server) -> None:
    attempts: list[Any] = []

    def full_once(_request: bytes, context: grpc.ServicerContext) -> bytes:
        attempts.append(dict(context.invocation_metadata()).get("grpc-previous-rpc-attempts"))
        if len(attempts) == 1:
            context.set_trailing_metadata([("grpc-retry-pushback-ms", "1")])
            context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "full")
        return b""

    async def asked() -> None:
        async with AsyncClient(bare_server(full_once)) as client:
            await client.models()

    asyncio.run(asked())
    assert attempts == [None, "1"]
