"""Merges calls that wait into one forward pass: takes what is waiting, and adds no delay where nothing is.

A call that finds the model idle runs at once. Calls that come meanwhile line up; whoever's turn is next takes
along all that wait for the same model, up to a number of rows. Calls with more rows go in several passes, so that
others need not wait for all of them.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assayd_server.caller import Caller, Lane
from assayd_server.errors import ServiceError
from assayd_server.forward import Forward, joined_forwards
from assayd_server.gate import Gate, Place
from assayd_server.metrics import ModelMetrics
from assayd_server.servable import Servable

Arrays = Mapping[str, NDArray[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchLimits:
    """How calls are merged."""

    rows_max: int = 1024
    """Of one pass."""
    rows_enough: int = 128
    """A pass of so many takes no more along, as it would copy their rows; a quick one does (quick_rows.py)."""
    delay_seconds_max: float = 0.0
    """How long a pass that is not full waits for more."""


@dataclass(slots=True, eq=False)
class _Job:
    """Some rows of one call, that go through the model together."""

    model: Servable
    fed: Arrays
    row_count: int
    roles: Sequence[str]
    caller: Caller
    queued: float = field(default_factory=time.perf_counter)
    forward: Forward | None = None
    error: BaseException | None = None

    @property
    def done(self) -> bool:
        """Whether another call's turn has brought the answer."""
        return self.forward is not None or self.error is not None

    def fits(self, other: "_Job") -> bool:
        """Whether both can go through the model together."""
        return self.model is other.model and all(
            values.shape[1:] == other.fed[name].shape[1:] for name, values in self.fed.items()
        )


class Batching:
    """Forward passes for calls, merged."""

    def __init__(self, gate: Gate, limits: BatchLimits, metrics: Mapping[Servable, ModelMetrics]) -> None:
        """Make it ready.

        Args:
            gate: where computations wait for their turn.
            limits: how calls are merged.
            metrics: of each model.
        """
        self._gate = gate
        self._limits = limits
        self._metrics = metrics

    def forward(
        self, model: Servable, arrays: Arrays, *, row_count: int, roles: Sequence[str], caller: Caller
    ) -> Forward:
        """What the model gives for the rows of one call.

        Args:
            model: runs.
            arrays: what its match gave.
            row_count: n, 0 or more.
            roles: which outputs are wanted; there may be more in the answer.
            caller: work that has not begun when it stops waiting is not done.

        Raises:
            ServiceError: the model failed on these rows, the server is full, or the caller is gone.
        """
        step = self._limits.rows_max
        with self._metrics[model].pending(row_count), self._gate.admitted(row_count):
            parts = []
            for start in range(0, max(row_count, 1), step):
                part = {name: values[start : start + step] for name, values in arrays.items()}
                count = min(step, row_count - start)
                # cast by parts: what waits stays as narrow as it came
                parts.append(self._done(_Job(model, model.fed(part), count, roles, caller)))
            return joined_forwards(parts)

    def _done(self, job: _Job) -> Forward:
        """Wait until the job has its turn, or until another has done it along with its own."""
        place = self._gate.line_up(job.caller.lane, job)
        try:
            self._gate.wait(place, job.caller)
        except ServiceError:
            self._metrics[job.model].abandoned.inc(job.error is None)  # else the turn's owner counted it
            raise
        if not job.done:
            self._lead(job)
        if job.error is not None:
            raise job.error
        assert job.forward is not None  # one of the two
        return job.forward

    def _lead(self, job: _Job) -> None:
        """In the turn of the calling thread: do the job, and others along with it."""
        taken: list[Place] = []
        try:
            self._check(job)
            if job.error is None:
                taken = self._taken_along(job)
                self._run([job, *(place.job for place in taken if place.job.error is None)])
        finally:
            self._gate.pass_on()
            for place in taken:
                place.called.set()

    def _taken_along(self, job: _Job) -> list[Place]:
        """Other jobs that wait; those whose callers are gone have their errors, and are not computed."""
        room, enough = self._limits.rows_max - job.row_count, min(self._limits.rows_enough, self._limits.rows_max)

        def wanted(other: _Job) -> bool:
            nonlocal room
            if self._limits.rows_max - room >= enough or other.row_count > room or not job.fits(other):
                return False
            self._check(other)
            room -= other.row_count if other.error is None else 0
            return True

        lanes = (Lane.ONLINE,) if job.caller.lane is Lane.ONLINE else (Lane.ONLINE, Lane.BULK)
        taken = self._gate.take(wanted, lanes)
        end = time.perf_counter() + self._limits.delay_seconds_max
        while self._limits.rows_max - room < enough and (left := end - time.perf_counter()) > 0:
            self._gate.wait_for_more(left)
            taken += self._gate.take(wanted, lanes)
        return taken

    def _check(self, job: _Job) -> None:
        try:
            job.caller.check()
        except ServiceError as error:
            job.error = error
            self._metrics[job.model].abandoned.inc()

    def _run(self, jobs: Sequence[_Job]) -> None:
        """One pass for all; where it fails, one for each: the error is that of the rows which caused it."""
        try:
            self._pass(jobs)
        except ServiceError as error:
            if len(jobs) == 1:
                jobs[0].error = error
                return
            for job in jobs:
                self._run([job])
        except BaseException as error:  # a bug: whoever waits gets it too
            for job in jobs:
                job.error = error

    def _pass(self, jobs: Sequence[_Job]) -> None:
        model, began = jobs[0].model, time.perf_counter()
        metrics = self._metrics[model]
        for job in jobs:
            metrics.queue.observe(began - job.queued)
        row_count = sum(job.row_count for job in jobs)
        roles = list(dict.fromkeys(role for job in jobs for role in job.roles))
        fed = jobs[0].fed if len(jobs) == 1 else _together([job.fed for job in jobs])
        forward = model.forward_fed(fed, row_count=row_count, roles=roles)
        ended, start = time.perf_counter(), 0
        for job in jobs:
            metrics.inference.observe(ended - began)
            if (trace := job.caller.trace) is not None:
                trace.stage("queue", job.queued, began)
                trace.stage("inference", began, ended, model=model.identity.name, rows=row_count)
            own = slice(start, start + job.row_count)
            job.forward = forward if len(jobs) == 1 else forward.part(own)
            start += job.row_count
        if row_count:
            metrics.executions.inc()
            metrics.batch_rows.observe(row_count)


def _together(parts: Sequence[Arrays]) -> Arrays:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
