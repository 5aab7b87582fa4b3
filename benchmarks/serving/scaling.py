"""What a second core brings to the small network: as a thread of each pass, and as a second worker."""

from collections.abc import Iterator

from benchmarks.serving import score_calls, systems
from benchmarks.serving.cores import CORES
from benchmarks.serving.exchanges import ENTROPY, PROBABILITIES, only
from benchmarks.serving.field import Field
from benchmarks.serving.h2load import Load
from benchmarks.serving.measured import Comparison, Measured
from benchmarks.serving.network import byte_rows
from benchmarks.serving.turns import Called, in_turn

ONE, THREADS, WORKERS = "one core", "two cores, 2 threads", "two cores, 2 workers"
LOAD = Load(16, connections=8)
"""Connections enough that the kernel gives some to each worker."""


def cores(field: Field) -> Iterator[Measured]:
    """256 rows of uint8, 16 in flight, by one core and by two, of which the load may need a part."""
    rows, plan, network = byte_rows(256), field.plan, field.network
    exchange = score_calls.exchange(rows, only(network.answer(rows), PROBABILITIES, ENTROPY))
    flags = systems.model_flags(network)
    ways = {ONE: (CORES[:1], []), THREADS: (CORES[:2], []), WORKERS: (CORES[:2], ["--workers", "2"])}
    contenders = []
    for name, (its_cores, more) in ways.items():
        started = systems.assayd_tcp(field.folder, *flags, *more, cores=its_cores, name=name)
        served = field.stack.enter_context(started)
        contenders.append(Called(name, served.target, served.program, exchange, LOAD))
    rounds = in_turn(contenders, rounds=plan.rounds_more, seconds=plan.seconds)
    yield Measured("256 rows uint8, 16 in flight", rounds, [Comparison(THREADS, ONE), Comparison(WORKERS, ONE)])
