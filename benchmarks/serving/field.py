"""The systems of one run, each started when it is first needed, and what is known of them."""

from collections.abc import Sequence
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path

import numpy as np

from benchmarks.serving import echo_server, network, onnx_runtime, systems
from benchmarks.serving.asking import asked
from benchmarks.serving.exchanges import ENTROPY, PROBABILITIES, only
from benchmarks.serving.h2load import Load
from benchmarks.serving.measured import Rounds
from benchmarks.serving.network import CLASSES_MANY, Network
from benchmarks.serving.plan import Plan
from benchmarks.serving.systems import Served
from benchmarks.serving.turns import Alone, Called

CLASSES = 10


class Field:
    """Servers of the same network, until the stack ends."""

    def __init__(self, folder: Path, plan: Plan, stack: ExitStack) -> None:
        """Nothing is started yet."""
        self.folder = folder
        self.plan = plan
        self.stack = stack
        self.searched: dict[tuple[str, int], Rounds] = {}
        """By kind and size of the pool, which take long to build."""

    @cached_property
    def network(self) -> Network:
        """With 10 classes."""
        return network.written(self.folder / "network", classes=CLASSES, reference_rows=self.plan.reference_rows)

    @cached_property
    def wide_network(self) -> Network:
        """With 10,000 classes."""
        return network.written(self.folder / "wide", classes=CLASSES_MANY, reference_rows=400)

    @cached_property
    def assayd(self) -> tuple[Served, Served]:
        """Over TCP, and over a Unix socket."""
        started = systems.assayd(self.folder, *systems.model_flags(self.network))
        return self._ready(*self.stack.enter_context(started))

    @cached_property
    def plain_assayd(self) -> Served:
        """With a thread for each call, from its headers on."""
        served = self.stack.enter_context(systems.assayd_plain(self.folder, self.network))
        return systems.ready(served, self.network)

    @cached_property
    def wide_assayd(self) -> Served:
        """With 10,000 classes."""
        flags = systems.model_flags(self.wide_network)
        served, _ = self.stack.enter_context(systems.assayd(self.folder, *flags))
        return systems.ready(served, self.wide_network)

    @cached_property
    def echo(self) -> tuple[Served, Served]:
        """Over TCP, and over a Unix socket."""
        return self.stack.enter_context(systems.echo(self.folder))

    @cached_property
    def peers(self) -> Sequence[Served]:
        """Those that are set up and are to take part."""
        if not self.plan.peers:
            return []
        started = [start(self.folder, self.network) for start in (systems.triton, systems.mlserver)]
        return [*self._ready(*filter(None, map(self.stack.enter_context, started)))]

    def _ready(self, *served: Served) -> tuple[Served, ...]:
        return tuple(systems.ready(each, self.network) for each in served)

    def called(self, served: Served, rows: np.ndarray, load: Load) -> Called:
        """A server that scores the rows of its network."""
        expected = only(self.network.answer(rows), PROBABILITIES, ENTROPY)
        return Called(served.name, served.target, served.program, systems.ASKS[served.name](rows, expected), load)

    def echoes(self, rows: np.ndarray, load: Load) -> list[Called]:
        """The bare server, with the bytes that assayd is asked with and answers."""
        own = self.called(self.assayd[0], rows, load)
        exchange = echo_server.exchange(own.exchange.request, asked(own.target, own.exchange))
        return [Called(each.name, each.target, each.program, exchange, load) for each in self.echo]

    def alone(self, rows: np.ndarray) -> Alone:
        """ONNX Runtime with the same rows, as float32."""
        expected = self.network.answer(rows)[PROBABILITIES]
        arguments = (self.network.model, rows.astype(np.float32), expected)
        return Alone(onnx_runtime.NAME, onnx_runtime.network, arguments)
