"""More calls than a server can answer: it goes on with as many as it can, and those it takes are answered in time."""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from assayd import AsyncClient
from benchmarks.soak.lines import Line
from benchmarks.soak.models import WIDTH, network
from benchmarks.soak.open_loop import ONE_ATTEMPT, offer
from benchmarks.soak.server import Server, serving

HIDDEN = 1024
ROWS = 32
CALLS_MAX = 64 + 192
"""That a server holds, by default."""
FACTORS = (0.5, 0.8, 1.0, 1.25, 1.5, 2.0, 3.0)
DEADLINE_SECONDS = 5.0


@dataclass(frozen=True)
class Step:
    """What came of one rate."""

    factor: float
    offered_per_second: float
    good_per_second: float
    p50_ms: float
    p99_ms: float
    failures: dict[str, int]


def run(short: bool) -> tuple[list[Line], dict[str, Any]]:
    """Offer from half of to three times what can be sustained."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "m.onnx").write_bytes(network(HIDDEN))
        with serving(folder, model=folder / "m.onnx") as server:
            sustained = asyncio.run(_sustained(server, seconds=1 if short else 10))
            steps = list(_steps(server, sustained, short=short))
    figures = {"sustained_per_second": sustained, "rows": ROWS, "steps": [asdict(step) for step in steps]}
    return list(_lines(steps, sustained)), figures


async def _sustained(server: Server, *, seconds: float) -> float:
    """Calls a second of 16 callers who each wait for their answer."""
    rows, done = _rows(), 0
    async with AsyncClient(server.address, settings=ONE_ATTEMPT) as client:
        await client.score(rows)
        end = time.perf_counter() + seconds

        async def caller() -> None:
            nonlocal done
            while time.perf_counter() < end:
                await client.score(rows)
                done += 1

        await asyncio.gather(*(caller() for _ in range(16)))
    return done / seconds


def _steps(server: Server, sustained: float, *, short: bool) -> Iterator[Step]:
    for number, factor in enumerate((1.0, 2.0) if short else FACTORS):
        answered = asyncio.run(_offered(server, sustained * factor, seconds=2 if short else 20, seed=number))
        yield Step(
            factor,
            round(answered.offered_per_second, 1),
            round(answered.good_per_second, 1),
            round(answered.quantile_ms(0.5), 1),
            round(answered.quantile_ms(0.99), 1),
            answered.failures,
        )


async def _offered(server: Server, rate: float, *, seconds: float, seed: int) -> Any:
    async with AsyncClient(server.address, deadline_seconds=DEADLINE_SECONDS, settings=ONE_ATTEMPT) as client:
        return await offer(client, _rows(), rate=rate, seconds=seconds, seed=seed)


def _rows() -> np.ndarray:
    return np.random.default_rng(0).random((ROWS, WIDTH), dtype=np.float32)


def _lines(steps: list[Step], sustained: float) -> Iterator[Line]:
    peak = max(step.good_per_second for step in steps)
    twice = next(step for step in steps if step.factor == 2.0)
    share = twice.good_per_second / peak
    yield Line(
        part="overload",
        what="goodput at twice the sustainable rate, over the peak",
        asked=">= 0.90",
        reached=f"{share:.2f}",
        met=share >= 0.9,
        timed=True,
    )
    full_ms = 1000 * CALLS_MAX / sustained
    yield Line(
        part="overload",
        what="p99 of the calls it takes at twice the rate, over the time in which a full server is worked off",
        asked="<= 2.0",
        reached=f"{twice.p99_ms / full_ms:.2f} ({twice.p99_ms:.0f} ms)",
        met=twice.p99_ms <= 2 * full_ms,
        timed=True,
    )
    others = {code for step in steps for code in step.failures} - {"RESOURCE_EXHAUSTED"}
    yield Line(
        part="overload",
        what="calls that failed otherwise than by a refusal",
        asked="0",
        reached=", ".join(sorted(others)) or "0",
        met=not others,
        timed=True,
    )
