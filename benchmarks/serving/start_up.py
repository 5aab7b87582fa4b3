"""How long a server takes to its first right answer, and what memory it holds."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial

from benchmarks.serving import systems
from benchmarks.serving.exchanges import ENTROPY, PROBABILITIES, only
from benchmarks.serving.field import Field
from benchmarks.serving.measured import Comparison, Figures, Measured
from benchmarks.serving.network import Network, float_rows
from benchmarks.serving.peers.places import python
from benchmarks.serving.programs import Program
from benchmarks.serving.score_loads import FOUR
from benchmarks.serving.systems import ASSAYD, MLSERVER, TRITON, Served
from benchmarks.serving.turns import Called, in_turn

STARTED, AT_REST, UNDER_LOAD = "s to the first answer", "MiB at rest", "MiB under load"
_SAMPLE_SECONDS = 0.1
Start = Callable[[], AbstractContextManager[Served | None]]


@dataclass(frozen=True)
class Starter:
    """Starts a server anew, and ends it."""

    name: str
    start: Start
    network: Network

    def measure(self, seconds: float) -> Figures:
        """Take the turn: start, answer, then 256 rows a call, 4 in flight, for so long."""
        began = time.perf_counter()
        with self.start() as served:
            assert served
            systems.ready(served, self.network)
            started, at_rest = time.perf_counter() - began, served.program.memory_mib()
            rows = float_rows(256)
            expected = only(self.network.answer(rows), PROBABILITIES, ENTROPY)
            exchange = systems.ASKS[self.name](rows, expected)
            with Highest(served.program) as highest:
                Called(self.name, served.target, served.program, exchange, FOUR).measure(seconds)
            return {STARTED: started, AT_REST: at_rest, UNDER_LOAD: highest.mib}


class Highest:
    """The most memory that a program was seen to hold."""

    def __init__(self, program: Program) -> None:
        """Looks at it until the block ends."""
        self._program, self._ended = program, threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self.mib = 0.0

    def __enter__(self) -> "Highest":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(_SAMPLE_SECONDS):
            self.mib = max(self.mib, self._program.memory_mib())


def start_up(field: Field) -> Iterator[Measured]:
    """Seconds to the first right answer, and memory at rest and under load."""
    folder, network, plan = field.folder, field.network, field.plan
    starts: dict[str, Start] = {ASSAYD: partial(systems.assayd_tcp, folder, *systems.model_flags(network))}
    if plan.peers:
        peers = {TRITON: ("triton", systems.triton), MLSERVER: ("mlserver", systems.mlserver)}
        starts |= {name: partial(start, folder, network) for name, (peer, start) in peers.items() if python(peer)}
    starters = [Starter(name, start, network) for name, start in starts.items()]
    rounds = in_turn(starters, rounds=plan.rounds_more, seconds=plan.seconds)
    figures = (STARTED, AT_REST, UNDER_LOAD)
    comparisons = [
        Comparison(ASSAYD, each, figure, at_most=True) for figure in figures for each in (TRITON, MLSERVER)
    ]
    yield Measured("a server with nothing else to do", rounds, comparisons)
