"""Compares grpc.server with grpc.aio: `python -m benchmarks.server_kinds [--quick]`.

The server runs on one CPU and the load on another. Servers are measured in
turn under each load, and compared only with the baseline of the same round.
"""

from __future__ import annotations

import argparse
import contextlib
import multiprocessing
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from benchmarks.server_kinds.loads import (
    Load,
    LoadJob,
    LoadResult,
    Pace,
    StallJob,
    StallResult,
    run_client,
)
from benchmarks.server_kinds.report import (
    BASELINE,
    describe_machine,
    format_json,
    format_table,
    summarise_loads,
    summarise_stalls,
)
from benchmarks.server_kinds.servers import ServerKind, run_server

_RESULTS_PATH = Path(__file__).parents[1] / "results" / "server_kinds.json"
_WORKER_COUNT = 64
_REPLY_TIMEOUT_SECONDS = 30.0
_KINDS = (
    ServerKind(BASELINE, worker_count=_WORKER_COUNT),
    ServerKind("sync-16", worker_count=16),
    ServerKind("sync-4", worker_count=4),
    ServerKind("aio-executor"),
    ServerKind("aio-inline", runs_inline=True),
    ServerKind("sync-64-receipt", worker_count=_WORKER_COUNT, receipt_timeout_seconds=20.0),
    ServerKind("sync-64-refuse", worker_count=_WORKER_COUNT, refuses_when_full=True),
)
_LOADS = (
    Load("1 row, 1 in flight", 1, 1),
    Load("1 row, 64 in flight", 1, 64),
    Load("32 rows, 32 in flight", 32, 32),
    Load("256 rows, 8 in flight", 256, 8),
    *(Load(f"1 row, 32, {count} stalled", 1, 32, stalled_count=count) for count in (0, 4, 32, 63)),
    Load("1 row, 32, 32 streams", 1, 32, stream_count=32),
)
_CONNECTION_AGE = (("grpc.max_connection_age_ms", 1000), ("grpc.max_connection_age_grace_ms", 500))
_BOUNDS = (
    ServerKind("none", worker_count=_WORKER_COUNT),
    ServerKind("maximum_concurrent_rpcs", worker_count=_WORKER_COUNT, maximum_concurrent_rpcs=_WORKER_COUNT),
    ServerKind("refused when full", worker_count=_WORKER_COUNT, refuses_when_full=True),
    ServerKind(
        "32 calls per connection", worker_count=_WORKER_COUNT, options=(("grpc.max_concurrent_streams", 32),)
    ),
    ServerKind("connection age 1.5 s", worker_count=_WORKER_COUNT, options=_CONNECTION_AGE),
    ServerKind("receipt timeout 0.5 s", worker_count=_WORKER_COUNT, receipt_timeout_seconds=0.5),
)


@dataclass(frozen=True)
class Plan:
    round_count: int
    kinds: Sequence[ServerKind]
    loads: Sequence[Load]
    bounds: Sequence[ServerKind]
    pace: Pace


_FULL = Plan(3, _KINDS, _LOADS, _BOUNDS, Pace(0.2, 0.9, 0.75))
_QUICK = Plan(1, (*_KINDS[:1], *_KINDS[2:4]), (_LOADS[1], _LOADS[5]), _BOUNDS[-1:], Pace(0.1, 0.3, 0.3))


@dataclass
class Measurements:
    loads: dict[tuple[str, str], list[LoadResult]] = field(default_factory=lambda: defaultdict(list))
    stalls: dict[str, list[StallResult]] = field(default_factory=lambda: defaultdict(list))
    bounds: dict[str, list[StallResult]] = field(default_factory=lambda: defaultdict(list))

    def wrong_count(self) -> int:
        return sum(result.wrong_count for results in self.loads.values() for result in results)


@contextlib.contextmanager
def _child(target: Callable[..., None], *arguments: Any) -> Iterator[Connection]:
    """Runs a process that ends when its end of the pipe reads the end of file."""
    context = multiprocessing.get_context("spawn")
    connection, child_connection = context.Pipe()
    process = context.Process(target=target, args=(*arguments, child_connection), daemon=True)
    process.start()
    child_connection.close()
    try:
        yield connection
    finally:
        connection.close()
        process.join(timeout=3.0)
        process.kill()


def _reply(connection: Connection) -> Any:
    if not connection.poll(_REPLY_TIMEOUT_SECONDS):
        raise TimeoutError("a child process did not answer")
    return connection.recv()


def _ask(connection: Connection, job: LoadJob | StallJob) -> Any:
    connection.send(job)
    return _reply(connection)


@contextlib.contextmanager
def _pair(kind: ServerKind) -> Iterator[tuple[Connection, int]]:
    """Starts a fresh server and a fresh client, and gives the client's pipe and the port."""
    with _child(run_server, kind) as server, _child(run_client) as client:
        yield client, _reply(server)


def _measure_round(plan: Plan, measurements: Measurements, shift: int) -> None:
    """Puts each load on all servers, one after the other, before the next load."""
    with contextlib.ExitStack() as stack:
        kinds = (*plan.kinds[shift:], *plan.kinds[:shift])
        pairs = [(kind, *stack.enter_context(_pair(kind))) for kind in kinds]
        for load in plan.loads:
            for kind, client, port in pairs:
                result = _ask(client, LoadJob(port, load, plan.pace))
                measurements.loads[load.name, kind.name].append(result)
        for kind, client, port in pairs:
            job = StallJob(port, kind.worker_count or _WORKER_COUNT, connection_count=4, waits_held=False)
            measurements.stalls[kind.name].append(_ask(client, job))


def _measure_bound(bound: ServerKind, measurements: Measurements) -> None:
    with _pair(bound) as (client, port):
        job = StallJob(port, bound.worker_count, connection_count=1, waits_held=True)
        measurements.bounds[bound.name].append(_ask(client, job))


def _measure(plan: Plan) -> Measurements:
    """Measures every server once per round; each round starts with another server."""
    measurements = Measurements()
    for index in range(plan.round_count):
        print(f"round {index + 1} of {plan.round_count}", file=sys.stderr)
        _measure_round(plan, measurements, shift=index % len(plan.kinds))
    for bound in plan.bounds:
        _measure_bound(bound, measurements)
    return measurements


def _write(path: Path, plan: Plan, measurements: Measurements, elapsed_seconds: float) -> None:
    content = {
        "machine": describe_machine(),
        "baseline": BASELINE,
        "round_count": plan.round_count,
        "elapsed_seconds": round(elapsed_seconds, 1),
        "loads": summarise_loads(measurements.loads),
        "stalls": summarise_stalls(measurements.stalls),
        "bounds": summarise_stalls(measurements.bounds),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(format_json(content))


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a few seconds; writes no file by default")
    parser.add_argument("--output", type=Path, help=f"default of a full run: {_RESULTS_PATH.name}")
    return parser.parse_args()


def main() -> int:
    """Returns 1 when any answer was wrong."""
    arguments = _parse_arguments()
    plan = _QUICK if arguments.quick else _FULL
    started_seconds = time.perf_counter()
    measurements = _measure(plan)
    output = arguments.output or (None if arguments.quick else _RESULTS_PATH)
    if output:
        _write(output, plan, measurements, time.perf_counter() - started_seconds)
    print(format_table(summarise_loads(measurements.loads), measurements.stalls, measurements.bounds))
    print(f"\nwrong answers: {measurements.wrong_count()}")
    return 1 if measurements.wrong_count() else 0


if __name__ == "__main__":
    sys.exit(main())
