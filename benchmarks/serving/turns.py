"""Measures systems in turn, round after round: only neighbours in time are compared."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Protocol

from benchmarks.pool_processes import in_process
from benchmarks.serving import h2load, python_load
from benchmarks.serving.asking import WrongAnswerError, checked
from benchmarks.serving.cores import SERVER_CORE, pinned
from benchmarks.serving.exchanges import Exchange
from benchmarks.serving.h2load import Load, Traffic
from benchmarks.serving.measured import CALLS, P50, P99, SERVER, Figures, Rounds
from benchmarks.serving.programs import Program

WARM_SECONDS = 0.3
"""Before each turn: pages, branches and connections that have lain idle."""
CALLS_IN_FLIGHT_MIN = 2
"""Calls of a turn over those in flight: at the ends of a turn there are fewer in flight."""


class Contender(Protocol):
    """What takes its turn."""

    @property
    def name(self) -> str:
        """As in the table."""

    def measure(self, seconds: float) -> Figures:
        """Take the turn."""


@dataclass(frozen=True)
class Called:
    """A server under a load, whose answers are checked by a client of gRPC before and after."""

    name: str
    target: str
    program: Program
    exchange: Exchange
    load: Load

    def measure(self, seconds: float) -> Figures:
        """Take the turn.

        Raises:
            WrongAnswerError: an answer was not NumPy's.
            RuntimeError: calls failed under the load.
        """
        answer_bytes, rate = len(checked(self.name, self.target, self.exchange)), 0.0
        for warm_seconds in (0.0, min(seconds, WARM_SECONDS)):
            traffic = self._drive(rate, warm_seconds, answer_bytes)
            rate = traffic.requests_per_second
            if traffic.answered >= rate * WARM_SECONDS:
                break
        used = self.program.processor_seconds()
        traffic = self._drive(rate, seconds, answer_bytes)
        server_ms = 1e3 * (self.program.processor_seconds() - used) / max(1, traffic.answered)
        checked(self.name, self.target, self.exchange)
        return {CALLS: traffic.requests_per_second, P50: traffic.p50_ms, P99: traffic.p99_ms, SERVER: server_ms}

    def _drive(self, rate: float, seconds: float, answer_bytes: int) -> Traffic:
        """For about so long, at a rate that is known from before."""
        if h2load.h2load() is None:
            return python_load.driven(self.target, self.exchange, self.load, seconds=seconds)
        calls = max(CALLS_IN_FLIGHT_MIN * self.load.in_flight, round(rate * seconds))
        return h2load.driven(self.target, self.exchange, self.load, calls=calls, answer_bytes=answer_bytes)


@dataclass(frozen=True)
class Alone:
    """Work in a process of its own, with no server."""

    name: str
    work: Callable[..., Any]
    """Gives a function to call again and again, and tells of its first result whether it is right."""
    arguments: tuple[Any, ...]
    cores: tuple[int, ...] = (SERVER_CORE,)

    def measure(self, seconds: float) -> Figures:
        """Take the turn.

        Raises:
            WrongAnswerError: the result was not NumPy's.
        """
        (calls_per_second, p50_ms, is_right), _usage = in_process(
            _repeat, self.work, self.arguments, self.cores, seconds
        )
        if not is_right:
            raise WrongAnswerError(f"{self.name}: the result is not NumPy's")
        return {CALLS: calls_per_second, P50: p50_ms}


def _repeat(
    work: Callable[..., Any], arguments: tuple[Any, ...], cores: tuple[int, ...], seconds: float
) -> tuple[float, float, bool]:
    pinned(*cores)
    call, is_right = work(*arguments)
    right, times, began = is_right(call()), [0.0], time.perf_counter()
    while times[-1] < seconds:
        call()
        times.append(time.perf_counter() - began)
    each = sorted(after - before for before, after in pairwise(times))
    return len(each) / times[-1], 1e3 * each[len(each) // 2], right


def in_turn(contenders: Sequence[Contender], *, rounds: int, seconds: float) -> Rounds:
    """Every system once a round, each round from another one on."""
    found: Rounds = {contender.name: [] for contender in contenders}
    for index in range(rounds):
        shift = index % len(contenders)
        for contender in (*contenders[shift:], *contenders[:shift]):
            found[contender.name].append(contender.measure(seconds))
    return found
