"""Calls that come when they come, whether or not those before them were answered."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import grpc
import numpy as np

from assayd import AssaydError, AsyncClient, ChannelSettings
from assayd.arrays import encode
from assayd.channel import options
from assayd.requests import score_request

ONE_ATTEMPT = ChannelSettings(attempts_max=1, calls_open_max=65_536)
METHOD = "/assayd.v1.ScoringService/Score"

Send = Callable[[], Awaitable[str]]
"""Makes one call, and gives the name of the status that it ended with."""


@dataclass(frozen=True)
class Answered:
    """What came of the calls of some seconds."""

    offered_per_second: float
    good_per_second: float
    latencies: list[float]
    """Seconds from when a call was due to its answer, of those that were answered."""
    failures: dict[str, int]
    """How many, by status."""
    lateness: list[float]
    """Seconds from when a call was due to when it was sent; where they grow, the load could do no more."""

    def quantile_ms(self, share: float) -> float:
        """Of the latencies; not a number where nothing was answered."""
        return 1000 * float(np.quantile(self.latencies, share)) if self.latencies else float("nan")

    @property
    def lateness_ms(self) -> float:
        """The p99."""
        return 1000 * float(np.quantile(self.lateness, 0.99))


@asynccontextmanager
async def by_client(address: str, rows: np.ndarray) -> AsyncIterator[Send]:
    """Calls of the public client, each sent once."""
    async with AsyncClient(address, settings=ONE_ATTEMPT) as client:

        async def send() -> str:
            try:
                await client.score(rows)
            except AssaydError as error:
                return error.status.name
            return "OK"

        yield send


@asynccontextmanager
async def by_bytes(address: str, rows: np.ndarray, *, deadline_seconds: float) -> AsyncIterator[Send]:
    """Calls of a message that is written once, and whose answers are not read: several times as many a second."""
    request = score_request()
    request.rows.inputs.tensors.append(encode(rows))
    message = request.SerializeToString()
    async with grpc.aio.insecure_channel(
        address, options=options(ONE_ATTEMPT, deadline_seconds=deadline_seconds)
    ) as channel:
        call = channel.unary_unary(METHOD)

        async def send() -> str:
            try:
                await call(message, timeout=deadline_seconds)
            except grpc.aio.AioRpcError as error:
                return str(error.code().name)
            return "OK"

        yield send


async def offer(send: Send, *, rate: float, seconds: float, seed: int, warm_seconds: float = 1.0) -> Answered:
    """Make the same call again and again, at random times.

    Args:
        send: the call.
        rate: calls a second, on average.
        seconds: for how long they are counted.
        seed: of the times.
        warm_seconds: before that.
    """
    rng = np.random.default_rng(seed)
    gaps = rng.exponential(1 / rate, int(rate * (seconds + warm_seconds)))
    due = np.cumsum(gaps)
    latencies: list[float] = []
    lateness: list[float] = []
    failures: Counter[str] = Counter()
    began = time.perf_counter()

    async def call(due_seconds: float) -> None:
        counted = due_seconds >= warm_seconds
        lateness.append(time.perf_counter() - began - due_seconds)
        status = await send()
        if status != "OK":
            failures[status] += counted
        elif counted:
            latencies.append(time.perf_counter() - began - due_seconds)

    tasks = []
    for moment in due:
        if (left := moment - (time.perf_counter() - began)) > 0:
            await asyncio.sleep(left)
        tasks.append(asyncio.create_task(call(float(moment))))
    await asyncio.gather(*tasks)
    counted_seconds = float(due[-1]) - warm_seconds
    offered = (len(latencies) + failures.total()) / counted_seconds
    return Answered(offered, len(latencies) / counted_seconds, latencies, dict(+failures), lateness)
