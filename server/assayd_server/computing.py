"""Forward passes: one computation at a time, timed and counted."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias

from numpy.typing import NDArray

from assayd_server.caller import Caller
from assayd_server.forward import Forward
from assayd_server.gate import Gate
from assayd_server.metrics import ModelMetrics
from assayd_server.servable import Servable
from assayd_server.trace import CURRENT

Arrays: TypeAlias = Mapping[str, NDArray[Any]]


class Computing:
    """Runs models, when it is their turn."""

    def __init__(self, gate: Gate, metrics: Mapping[Servable, ModelMetrics]) -> None:
        """Make it ready.

        Args:
            gate: where computations wait for their turn.
            metrics: where passes are counted, by model.
        """
        self._gate = gate
        self.metrics = metrics

    @contextmanager
    def turn(self, model: Servable | None, row_count: int, caller: Caller) -> Iterator[None]:
        """Wait, and let the body be the only computation.

        Args:
            model: that will run; None for rows that need none.
            row_count: how many rows wait with it.
            caller: nothing is begun once it stops waiting.

        Raises:
            ServiceError: the server is full, or the caller is gone.
        """
        if model is None:
            with self._gate.enter(row_count, caller):
                yield
            return
        metrics = self.metrics[model]
        queued = time.perf_counter()
        with metrics.pending(row_count), self._gate.enter(row_count, caller):
            entered = time.perf_counter()
            metrics.queue.observe(entered - queued)
            if caller.trace is not None:
                caller.trace.stage("queue", queued, entered)
            yield

    def forward(self, model: Servable, arrays: Arrays, *, row_count: int, roles: Sequence[str]) -> Forward:
        """One pass, in the turn of the calling thread; the arguments are those of Servable.forward."""
        metrics = self.metrics[model]
        began = time.perf_counter()
        forward = model.forward(arrays, row_count=row_count, roles=roles)
        ended = time.perf_counter()
        metrics.inference.observe(ended - began)
        if (trace := CURRENT.get()) is not None:
            trace.stage("inference", began, ended, model=model.identity.name, rows=row_count)
        metrics.executions.inc(row_count > 0)
        return forward
