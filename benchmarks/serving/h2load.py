"""The load: h2load, which is fast enough to need one core less than the server does.

It sends one body again and again, and does not look at grpc-status: answers are checked before and after, and
by the bytes that it counts every answer in between had the length of the right one.
"""

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks.serving.cores import LOAD_CORE
from benchmarks.serving.exchanges import Exchange
from benchmarks.serving.peers.places import DEBIAN, debian_environment

_FRAME = 5
"""Bytes before each message: whether it is compressed, and its length."""
_COUNTS = re.compile(r"requests: .* (\d+) succeeded, (\d+) failed, (\d+) errored, (\d+) timeout")
_DATA = re.compile(r"\((\d+)\) data$", re.MULTILINE)


@dataclass(frozen=True)
class Load:
    """What a caller does."""

    in_flight: int
    connections: int = 1


@dataclass(frozen=True)
class Traffic:
    """What came of a load."""

    requests_per_second: float
    p50_ms: float
    p99_ms: float
    answered: int


def h2load() -> str | None:
    """The program: the system's, or the one that setup.sh has unpacked."""
    return shutil.which("h2load", path=f"{DEBIAN / 'usr/bin'}:{os.environ['PATH']}")


def framed(message: bytes) -> bytes:
    """As it goes over HTTP/2."""
    return b"\0" + len(message).to_bytes(4, "big") + message


def driven(target: str, exchange: Exchange, load: Load, *, calls: int, answer_bytes: int) -> Traffic:
    """Make so many calls from the load's core, as many at a time as the load says.

    Args:
        target: as gRPC writes it.
        exchange: what to ask.
        load: how many calls in flight on how many connections.
        calls: not fewer than are in flight.
        answer_bytes: of each response.

    Raises:
        RuntimeError: a call failed, or answers were of another length.
    """
    with TemporaryDirectory(prefix="assayd-load-") as name:
        body, log = Path(name) / "body", Path(name) / "log"
        body.write_bytes(framed(exchange.request))
        command = [
            "taskset", "--cpu-list", str(LOAD_CORE), h2load() or "h2load", "-n", str(calls),
            "-c", str(load.connections), "-m", str(load.in_flight // load.connections),
            "-d", str(body), "--log-file", str(log), "-H", "content-type: application/grpc", "-H", "te: trailers",
            *_addressed(target, exchange.method),
        ]  # fmt: skip
        environment = os.environ | debian_environment()
        result = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
        _check(result.stdout, calls, answer_bytes + _FRAME)
        return _traffic(log)


def _addressed(target: str, method: str) -> list[str]:
    if target.startswith("unix:"):
        return ["-B", target, f"http://localhost{method}"]
    return [f"http://{target}{method}"]


def _check(output: str, calls: int, answer_bytes: int) -> None:
    counts, data = _COUNTS.search(output), _DATA.search(output)
    if not counts or not data:
        raise RuntimeError(f"h2load: {output[-1000:]}")
    succeeded, received = int(counts[1]), int(data[1])
    if succeeded != calls or received != calls * answer_bytes:
        raise RuntimeError(
            f"h2load: of {calls} calls {counts[0]}, with {received} bytes where {calls * answer_bytes} were due"
        )


def _traffic(log: Path) -> Traffic:
    """Columns are the start in microseconds, the status, and the microseconds to the end."""
    starts, durations = np.loadtxt(log, dtype=np.int64, usecols=(0, 2), ndmin=2).T
    seconds = float((starts + durations).max() - starts.min()) / 1e6
    p50, p99 = np.quantile(durations, [0.5, 0.99]) / 1e3
    return Traffic(len(durations) / seconds, float(p50), float(p99), len(durations))
