"""More calls than a server can answer: it answers as many as it can, and does not let those it takes wait long."""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from benchmarks.soak.lines import Line
from benchmarks.soak.models import WIDTH, network
from benchmarks.soak.open_loop import Answered, by_bytes, offer
from benchmarks.soak.server import Server, serving

ROWS = 32
CALLS_MAX = 64 + 192
"""That a server holds, by default."""
FACTORS = (0.5, 0.8, 1.0, 1.25, 1.5, 2.0, 3.0)
CALLS_PER_SECOND_MAX = 2500
"""That one CPU of load can send."""
DEADLINE_SECONDS = 20.0


@dataclass(frozen=True)
class Size:
    """How much work a call is."""

    name: str
    hidden: int
    """Units of each of the network's two layers."""
    share_min: float
    """Of the peak, that is asked for at twice the rate. To refuse a call takes as long as gRPC takes for a call
    without work, so that it counts where calls are little work."""


SIZES = (Size("heavy", 2048, 0.9), Size("light", 1024, 0.9))


@dataclass(frozen=True)
class Step:
    """What came of one rate."""

    factor: float
    offered_per_second: float
    good_per_second: float
    p50_ms: float
    p99_ms: float
    lateness_p99_ms: float
    """Of the load itself."""
    failures: dict[str, int]


def run(short: bool) -> tuple[list[Line], dict[str, Any]]:
    """Offer from half of to three times what can be sustained, of calls that are much work and little."""
    lines: list[Line] = []
    figures: dict[str, Any] = {"rows": ROWS, "deadline_seconds": DEADLINE_SECONDS}
    for size in SIZES:
        with TemporaryDirectory() as name:
            folder = Path(name)
            (folder / "m.onnx").write_bytes(network(size.hidden))
            with serving(folder, model=folder / "m.onnx") as server:
                sustained = asyncio.run(_sustained(server, seconds=1 if short else 10))
                steps = list(_steps(server, sustained, short=short))
        lines += _lines(steps, sustained, size)
        figures[size.name] = {"sustained_per_second": sustained, "steps": [asdict(step) for step in steps]}
    return lines, figures


async def _sustained(server: Server, *, seconds: float) -> float:
    """Calls a second of 16 callers who each wait for their answer."""
    done = 0
    async with by_bytes(server.address, _rows(), deadline_seconds=DEADLINE_SECONDS) as send:
        await send()
        end = time.perf_counter() + seconds

        async def caller() -> None:
            nonlocal done
            while time.perf_counter() < end:
                status = await send()
                done += status == "OK"

        await asyncio.gather(*(caller() for _ in range(16)))
    return done / seconds


def _steps(server: Server, sustained: float, *, short: bool) -> Iterator[Step]:
    factors = [factor for factor in FACTORS if factor == 2.0 or factor * sustained < CALLS_PER_SECOND_MAX]
    for number, factor in enumerate((1.0, 2.0) if short else factors):
        answered = asyncio.run(_offered(server, sustained * factor, seconds=1 if short else 20, seed=number))
        yield Step(
            factor,
            round(answered.offered_per_second, 1),
            round(answered.good_per_second, 1),
            round(answered.quantile_ms(0.5), 1),
            round(answered.quantile_ms(0.99), 1),
            round(answered.lateness_ms, 1),
            answered.failures,
        )


async def _offered(server: Server, rate: float, *, seconds: float, seed: int) -> Answered:
    async with by_bytes(server.address, _rows(), deadline_seconds=DEADLINE_SECONDS) as send:
        return await offer(send, rate=rate, seconds=seconds, seed=seed)


def _rows() -> np.ndarray:
    return np.random.default_rng(0).random((ROWS, WIDTH), dtype=np.float32)


def _lines(steps: list[Step], sustained: float, size: Size) -> Iterator[Line]:
    peak = max(step.good_per_second for step in steps)
    twice = next(step for step in steps if step.factor == 2.0)
    share = twice.good_per_second / peak
    yield Line(
        part="overload",
        what=f"{size.name} calls: answered at twice the sustainable rate, over the peak",
        asked=f">= {size.share_min:.2f}",
        reached=f"{share:.2f}",
        met=share >= size.share_min,
        timed=True,
    )
    full_ms = 1000 * CALLS_MAX / sustained
    yield Line(
        part="overload",
        what=f"{size.name} calls: p99 of those answered, over the time that a full server takes for all it has",
        asked="<= 1.5",
        reached=f"{twice.p99_ms / full_ms:.2f} ({twice.p99_ms:.0f} ms)",
        met=twice.p99_ms <= 1.5 * full_ms,
        timed=True,
    )
    others = {code for step in steps for code in step.failures} - {"RESOURCE_EXHAUSTED"}
    yield Line(
        part="overload",
        what=f"{size.name} calls: other ends than an answer or a refusal",
        asked="none",
        reached=", ".join(sorted(others)) or "none",
        met=not others,
        timed=True,
    )
    late_ms = max(step.lateness_p99_ms for step in steps)
    yield Line(
        part="overload",
        what=f"{size.name} calls: p99 of how late the load sent them",
        asked="<= 50 ms",
        reached=f"{late_ms:.0f} ms",
        met=late_ms <= 50,
        timed=True,
    )
