"""The load process: runs one load or one stall probe at a time and sends back what it saw."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

import grpc

from benchmarks.server_kinds.traffic import ClosedLoop, PacedStreams, StalledCalls, open_channels, read_status
from benchmarks.server_kinds.wire import Status, make_exchanges, pin_process

_LOAD_CPU_INDEX = 1
_CHANNEL_COUNT = 4
_STREAM_INTERVAL_SECONDS = 0.05
_SETTLE_SECONDS = 0.1
_PROBE_CALL_COUNT = 8
_PROBE_TIMEOUT_SECONDS = 1.0
_RETRY_TIMEOUT_SECONDS = 0.25
_RECOVERY_LIMIT_SECONDS = 5.0


@dataclass(frozen=True)
class Load:
    name: str
    row_count: int
    in_flight: int
    stalled_count: int = 0
    stream_count: int = 0


@dataclass(frozen=True)
class Pace:
    """How long a load is warmed and measured, and after how long one of its calls has failed."""

    warm_seconds: float
    measure_seconds: float
    timeout_seconds: float


@dataclass(frozen=True)
class LoadJob:
    port: int
    load: Load
    pace: Pace


@dataclass(frozen=True)
class StallJob:
    """A probe of ordinary calls beside stalled ones; `waits_held` retries while they stay stalled."""

    port: int
    stalled_count: int
    connection_count: int
    waits_held: bool


@dataclass
class LoadResult:
    requests_per_second: float
    p50_ms: float | None
    p99_ms: float | None
    server_cpu_us_per_request: float | None
    rows_per_pass: float | None
    client_cpu_share: float
    answered_count: int
    failures: dict[str, int]
    wrong_count: int
    stream_answers_per_second: float = 0.0
    answering_stream_count: int = 0


@dataclass
class StallResult:
    stalled_count: int
    seen_stalled_count: int | None
    outcomes: dict[str, int]
    outcome_ms: float
    health_outcome: str
    answered_while_held_seconds: float | None
    answered_after_release_seconds: float | None


@contextlib.contextmanager
def _channels(port: int, channel_count: int) -> Iterator[list[grpc.Channel]]:
    channels = open_channels(f"127.0.0.1:{port}", channel_count)
    try:
        yield channels
    finally:
        for channel in channels:
            channel.close()


@contextlib.contextmanager
def _background(port: int, load: Load) -> Iterator[PacedStreams]:
    """Holds the load's stalled calls and streams open, on connections of their own."""
    with _channels(port, _CHANNEL_COUNT) as channels:
        stalled = StalledCalls(channels, load.stalled_count)
        streams = PacedStreams(channels, load.stream_count, _STREAM_INTERVAL_SECONDS, make_exchanges(1)[0])
        time.sleep(_SETTLE_SECONDS)
        try:
            yield streams
        finally:
            stalled.close()
            streams.close()


def _percentile_ms(latencies_seconds: list[float], share: float) -> float | None:
    if not latencies_seconds:
        return None
    ordered = sorted(latencies_seconds)
    return 1e3 * ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def _ratio(numerator: float, denominator: float) -> float | None:
    return numerator / denominator if denominator else None


def _summarise(loop: ClosedLoop, before: Status, after: Status, client_cpu_seconds: float) -> LoadResult:
    answered_count = len(loop.latencies_seconds)
    return LoadResult(
        requests_per_second=answered_count / loop.elapsed_seconds,
        p50_ms=_percentile_ms(loop.latencies_seconds, 0.50),
        p99_ms=_percentile_ms(loop.latencies_seconds, 0.99),
        server_cpu_us_per_request=_ratio(1e6 * (after.cpu_seconds - before.cpu_seconds), answered_count),
        rows_per_pass=_ratio(after.row_count - before.row_count, after.pass_count - before.pass_count),
        client_cpu_share=client_cpu_seconds / loop.elapsed_seconds,
        answered_count=answered_count,
        failures=dict(loop.failures),
        wrong_count=loop.wrong_count,
    )


def _measure(channels: list[grpc.Channel], load: Load, pace: Pace) -> LoadResult:
    exchanges = make_exchanges(load.row_count)
    ClosedLoop(channels, exchanges, pace.timeout_seconds).run(load.in_flight, pace.warm_seconds)
    loop = ClosedLoop(channels, exchanges, pace.timeout_seconds)
    before, client_before_seconds = read_status(channels[0]), time.process_time()
    loop.run(load.in_flight, pace.measure_seconds)
    client_cpu_seconds = time.process_time() - client_before_seconds
    return _summarise(loop, before, read_status(channels[0]), client_cpu_seconds)


def run_load(job: LoadJob) -> LoadResult:
    with _background(job.port, job.load) as streams, _channels(job.port, _CHANNEL_COUNT) as channels:
        stream_count_before, started_seconds = len(streams.latencies_seconds), time.perf_counter()
        result = _measure(channels, job.load, job.pace)
        elapsed_seconds = time.perf_counter() - started_seconds
        stream_answer_count = len(streams.latencies_seconds) - stream_count_before
        result.stream_answers_per_second = stream_answer_count / elapsed_seconds
        result.answering_stream_count = len(streams.answering_streams)
        result.wrong_count += streams.wrong_count
    return result


def _attempt(channel: grpc.Channel, timeout_seconds: float) -> ClosedLoop:
    """Makes a few ordinary calls at once, each with a deadline."""
    loop = ClosedLoop([channel], make_exchanges(1), timeout_seconds)
    loop.run(_PROBE_CALL_COUNT, duration_seconds=0.0)
    return loop


def _seconds_until_answered(channel: grpc.Channel, started_seconds: float) -> float | None:
    while (elapsed_seconds := time.perf_counter() - started_seconds) < _RECOVERY_LIMIT_SECONDS:
        if len(_attempt(channel, _RETRY_TIMEOUT_SECONDS).latencies_seconds) == _PROBE_CALL_COUNT:
            return elapsed_seconds
        time.sleep(_RETRY_TIMEOUT_SECONDS / 10)
    return None


def _read_health(channel: grpc.Channel) -> tuple[str, Status | None]:
    try:
        return "OK", read_status(channel)
    except grpc.RpcError as error:
        return str(error.code().name), None


def _probe_held(channel: grpc.Channel, seen_before_count: int, job: StallJob) -> StallResult:
    """Calls while the others stall; what the server has seen is not known if health is refused."""
    started_seconds = time.perf_counter()
    loop = _attempt(channel, _PROBE_TIMEOUT_SECONDS)
    outcome_ms = 1e3 * (time.perf_counter() - started_seconds)
    health_outcome, status = _read_health(channel)
    held_seconds = _seconds_until_answered(channel, started_seconds) if job.waits_held else None
    return StallResult(
        stalled_count=job.stalled_count,
        seen_stalled_count=status and status.seen_call_count - seen_before_count - _PROBE_CALL_COUNT,
        outcomes={"OK": len(loop.latencies_seconds), **loop.failures},
        outcome_ms=outcome_ms,
        health_outcome=health_outcome,
        answered_while_held_seconds=held_seconds,
        answered_after_release_seconds=None,
    )


def run_stall(job: StallJob) -> StallResult:
    with _channels(job.port, job.connection_count) as held, _channels(job.port, 1) as (channel,):
        _attempt(channel, _PROBE_TIMEOUT_SECONDS)
        seen_before_count = read_status(channel).seen_call_count
        stalled = StalledCalls(held, job.stalled_count)
        time.sleep(_SETTLE_SECONDS)
        try:
            result = _probe_held(channel, seen_before_count, job)
        finally:
            stalled.close()
        result.answered_after_release_seconds = _seconds_until_answered(channel, time.perf_counter())
        return result


def run_client(connection: Connection) -> None:
    """Runs jobs until the parent closes the pipe or is dead."""
    pin_process(_LOAD_CPU_INDEX)
    with contextlib.suppress(EOFError, BrokenPipeError):
        while (job := connection.recv()) is not None:
            run: Any = run_load if isinstance(job, LoadJob) else run_stall
            connection.send(run(job))
    os._exit(0)
