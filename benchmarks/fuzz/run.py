"""One server, many messages: what it said, what it held meanwhile and afterwards, and whether it is as before."""

import asyncio
import json
import random
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from assayd import Client
from assayd.v1 import monitoring_pb2, selection_pb2
from assayd_server import demo
from benchmarks.fuzz import credentials, garbage
from benchmarks.fuzz.calling import Channel, Outcome, connected, send_all
from benchmarks.fuzz.cases import Case, case
from benchmarks.fuzz.methods import METHODS
from benchmarks.fuzz.valid import valid_calls
from benchmarks.fuzz.valid_infer import STATUSES
from benchmarks.pool_processes import memory_mib
from benchmarks.soak.server import Server, serving

MODELS = Path(demo.__file__).parent / "models"
SAMPLE_SECONDS = 0.5
SETTLED_SECONDS_MAX = 30.0
SHOUTS_OPEN = 4
HELD = (
    "assayd_calls",
    "assayd_streams",
    "assayd_pending_rows",
    "assayd_pending_request_bytes",
    "assayd_unread_answer_bytes",
)
"""What a server with nothing to do has none of."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is sent to one server."""

    name: str
    seed: int
    indices: range
    garbage: int
    """How many connections with bytes that are no calls."""
    plain_calls: bool = False
    access: bool = False
    """Whether the server asks who calls."""


@dataclass(frozen=True)
class _Seen:
    """What is added to while messages are sent."""

    outcome: Outcome = field(default_factory=Outcome)
    heard: garbage.Heard = field(default_factory=garbage.Heard)
    memory: list[tuple[float, float]] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Found:
    """What came of it."""

    plan: Plan
    outcome: Outcome
    heard: garbage.Heard
    valid: Counter[tuple[str, str]]
    """Valid calls after all others, by method and status."""
    memory_mib: list[tuple[float, float]]
    """By seconds since the beginning."""
    seconds: float
    held: dict[str, float]
    same_scores: bool
    bugs: list[str]
    """Lines of the log that tell of one."""
    exit_code: int | None
    """None where it does not stop."""


def fuzz(folder: Path, plan: Plan) -> Found:
    """Start a server, send it all of a plan, and look at it.

    Args:
        folder: for its log and its socket.
        plan: what to send.
    """
    folder.mkdir()
    uds = folder / "socket"
    settings = _settings(folder, plain_calls=plan.plain_calls, access=plan.access)
    with serving(folder, repository=MODELS, uds=uds, **settings) as server:
        before = _scores(server)
        seen = _Seen()
        began = time.perf_counter()
        asyncio.run(_all(server, uds, plan, seen))
        seconds = time.perf_counter() - began
        alive = server.process.poll() is None
        held, valid = (_held(server), asyncio.run(_valid(server))) if alive else ({}, Counter())
        same = alive and _same(before, _scores(server))
        held |= _held(server) if alive else {"everything: the server is gone": 1.0}
        code = _end_of(server)
    return Found(
        plan=plan,
        outcome=seen.outcome,
        heard=seen.heard,
        valid=valid,
        memory_mib=seen.memory,
        seconds=seconds,
        held=held,
        same_scores=same,
        bugs=list(bugs_in(folder / "server.log")),
        exit_code=code,
    )


def _settings(folder: Path, *, plain_calls: bool, access: bool) -> dict[str, Any]:
    """Those of by default, but that nobody waits for load balancers."""
    settings: dict[str, Any] = {"drain_delay_seconds": 0}
    if plain_calls:
        settings["plain_calls"] = True
    if access:
        settings["access"] = folder / "access.toml"
        settings["access"].write_text(credentials.access_file())
    return settings


def reproduce(folder: Path, seed: int, index: int, *, plain_calls: bool, access: bool) -> tuple[Case, str]:
    """Send one message of a run to a new server."""

    async def sent(server: Server) -> tuple[Case, str]:
        async with connected(server.address) as channel:
            one = case(seed, index, await tokens(channel), access=access)
            return one, ": ".join(await channel.send(one))

    settings = _settings(folder, plain_calls=plain_calls, access=access)
    with serving(folder, repository=MODELS, **settings) as server:
        one, answer = asyncio.run(sent(server))
    return one, "\n".join((answer, *bugs_in(folder / "server.log")))


async def tokens(channel: Channel) -> tuple[bytes, ...]:
    """States of streams, as the server gives them for the valid calls."""
    found = []
    for path, answer in (
        ("/assayd.v1.SelectionService/SelectStream", selection_pb2.SelectStreamResponse),
        ("/assayd.v1.MonitoringService/WatchDrift", monitoring_pb2.WatchDriftResponse),
    ):
        stream, by = channel.unary.stream_stream(path), credentials.opening(path)
        for call in valid_calls()[path]:
            answers = stream(iter([message.SerializeToString() for message in call]), metadata=by)
            found += [answer.FromString(part).state async for part in answers]
    return tuple(found)


async def _all(server: Server, uds: Path, plan: Plan, seen: "_Seen") -> None:
    def is_lost() -> bool:
        return server.process.poll() is not None

    async with connected(server.address) as channel:
        states = await tokens(channel)
    watch = asyncio.create_task(_watch(server, seen.memory))
    cases = (case(plan.seed, index, states, access=plan.access) for index in plan.indices)
    await asyncio.gather(
        send_all([server.address, f"unix:{uds}"], cases, seen.outcome, is_lost=is_lost),
        *(_shout(server, uds, plan, part, seen.heard) for part in range(SHOUTS_OPEN)),
    )
    watch.cancel()


async def _shout(server: Server, uds: Path, plan: Plan, part: int, heard: garbage.Heard) -> None:
    """Some of the garbage, one connection after the other."""
    port, metrics = (("127.0.0.1", number) for number in (server.port, server.metrics_port))
    for number in range(part, plan.garbage, SHOUTS_OPEN):
        rng = random.Random(f"{plan.seed}/garbage/{number}")  # noqa: S311
        if number % 3 == 0:
            await garbage.ask(metrics, garbage.http(rng), heard)
        elif number % 3 == 1:
            await garbage.shout("garbage on the port", port, garbage.native(rng), heard)
        else:
            await garbage.shout("garbage on the Unix socket", uds, garbage.native(rng), heard)


async def _watch(server: Server, memory: list[tuple[float, float]]) -> None:
    began = time.perf_counter()
    while server.process.poll() is None:
        memory.append((time.perf_counter() - began, memory_mib("VmRSS", server.process.pid)))
        await asyncio.sleep(SAMPLE_SECONDS)


async def _valid(server: Server) -> Counter[tuple[str, str]]:
    """Every valid call once more, now that all is over; OK where it is answered as it should be."""
    streams, found = {method.path: method.is_stream for method in METHODS}, Counter[tuple[str, str]]()
    async with connected(server.address) as channel:
        for path, calls in valid_calls().items():
            for call in calls:
                messages = tuple(message.SerializeToString() for message in call)
                status, _ = await channel.send(Case(0, path, streams[path], messages, credentials.opening(path)))
                found[path, "OK" if status == STATUSES.get(path, "OK") else status] += 1
    return found


def _scores(server: Server) -> list[np.ndarray]:
    rows = np.random.default_rng(1).integers(0, 17, (50, 64)).astype(np.uint8)
    with Client(server.address, deadline_seconds=30, token=credentials.token_of("score")) as client:
        scores = client.score(rows, uncertainties=["entropy"], novelty=["combined"], neighbors=3, record=False)
        assert scores.probabilities is not None
        assert scores.neighbors is not None
        assert scores.novelty is not None
        return [scores.probabilities, scores.uncertainty["entropy"], scores.neighbors.similarities]


def _same(before: list[np.ndarray], after: list[np.ndarray]) -> bool:
    return all(np.allclose(one, other, atol=1e-5) for one, other in zip(before, after, strict=True))


def _held(server: Server) -> dict[str, float]:
    """What is still held, once as much time has passed as calls take whose clients have gone."""
    deadline = time.monotonic() + SETTLED_SECONDS_MAX
    while time.monotonic() < deadline and any(server.metric(name) for name in HELD):
        time.sleep(0.1)
    return {name: server.metric(name) for name in HELD}


def _end_of(server: Server) -> int | None:
    try:
        return server.terminate()
    except subprocess.TimeoutExpired:
        return None


def bugs_in(log: Path) -> Iterator[str]:
    """Lines of a log that are errors, show a token, or are no lines of a log at all."""
    for line in log.read_text(errors="replace").splitlines():
        try:
            entry: dict[str, Any] = json.loads(line)
        except ValueError:
            yield line[:500]
            continue
        if entry.get("level") in ("error", "critical") or credentials.MARK in line:
            yield line[:3000]
