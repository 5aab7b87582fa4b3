"""Calls that come when they come, whether or not those before them were answered."""

import asyncio
import time
from collections import Counter
from dataclasses import dataclass

import numpy as np

from assayd import AssaydError, AsyncClient, ChannelSettings

ONE_ATTEMPT = ChannelSettings(attempts_max=1, calls_open_max=65_536)


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


async def offer(
    client: AsyncClient, rows: np.ndarray, *, rate: float, seconds: float, seed: int, warm_seconds: float = 1.0
) -> Answered:
    """Send the same rows again and again, at random times.

    Args:
        client: with the deadline that makes an answer a good one.
        rows: of each call.
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
        try:
            await client.score(rows)
        except AssaydError as error:
            failures[error.status.name] += counted
        else:
            if counted:
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
