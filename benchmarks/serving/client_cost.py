"""What a call costs the caller: the client of assayd beside a bare call of grpc with the same bytes."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import grpc
import numpy as np

from assayd import Client
from benchmarks.pool_processes import in_process
from benchmarks.serving import score_calls
from benchmarks.serving.asking import WrongAnswerError
from benchmarks.serving.cores import LOAD_CORE, pinned
from benchmarks.serving.exchanges import ENTROPY, PROBABILITIES, Answer, agree, only
from benchmarks.serving.field import Field
from benchmarks.serving.measured import CALLS, Comparison, Figures, Measured
from benchmarks.serving.network import float_rows
from benchmarks.serving.turns import in_turn

CLIENT, BARE = "Client.score", "bare grpc call"
CALLER = "caller ms/call"
"""Processor time of the caller's process."""


Call = Callable[[], Answer]


@dataclass(frozen=True)
class Caller:
    """Makes one call after the other from the load's core."""

    name: str
    opened: Callable[[str, np.ndarray], Call]
    target: str
    rows: np.ndarray
    expected: Answer

    def measure(self, seconds: float) -> Figures:
        """Take the turn."""
        (figures, answer), _usage = in_process(_repeat, self.opened, self.target, self.rows, seconds)
        if not agree(answer, self.expected):
            raise WrongAnswerError(f"{self.name}: the answer is not NumPy's")
        return figures


def _repeat(opened: Callable[..., Call], target: str, rows: np.ndarray, seconds: float) -> tuple[Figures, Answer]:
    pinned(LOAD_CORE)
    call, count = opened(target, rows), 0
    answer, began, used = call(), time.perf_counter(), time.process_time()
    while (passed := time.perf_counter() - began) < seconds:
        call()
        count += 1
    return {CALLER: 1e3 * (time.process_time() - used) / count, CALLS: count / passed}, answer


def by_client(target: str, rows: np.ndarray) -> Call:
    """As users call."""
    client = Client(target)

    def call() -> Answer:
        scores = client.score(rows, uncertainties=[ENTROPY])
        assert scores.probabilities is not None
        return {PROBABILITIES: scores.probabilities, **scores.uncertainty}

    return call


def bare(target: str, rows: np.ndarray) -> Call:
    """The same bytes, made and read once."""
    exchange = score_calls.exchange(rows, {})
    send: Any = grpc.insecure_channel(target).unary_unary(exchange.method)
    answer = score_calls.read(send(exchange.request))

    def call() -> Answer:
        send(exchange.request, timeout=10)
        return answer

    return call


def client_cost(field: Field) -> Iterator[Measured]:
    """Processor time of a caller for each call, one after the other."""
    for count in (1, 256):
        rows = float_rows(count)
        expected = only(field.network.answer(rows), PROBABILITIES, ENTROPY)
        ways = {CLIENT: by_client, BARE: bare}
        callers = [Caller(name, way, field.assayd[0].target, rows, expected) for name, way in ways.items()]
        rounds = in_turn(callers, rounds=field.plan.rounds_more, seconds=field.plan.seconds)
        comparison = Comparison(CLIENT, BARE, figure=CALLER, at_most=True)
        yield Measured(f"{count} rows, 1 in flight", rounds, [comparison])
