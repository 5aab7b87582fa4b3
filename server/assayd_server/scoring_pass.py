"""One pass for several calls, and what is said and counted of their rows."""

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assayd_server import logs
from assayd_server.asks import Ask, Known
from assayd_server.counters import Counters
from assayd_server.drift_recording import DriftRecording
from assayd_server.errors import ServiceError
from assayd_server.forward import Forward
from assayd_server.plan import Plan
from assayd_server.rows import Inputs
from assayd_server.score_job import Part, ScoreJob
from assayd_server.scoring import Scores, count, scored

_log = logs.get_logger()


class ScoringPass:
    """Scores calls of one model whose rows fit together."""

    def __init__(self, counters: Counters) -> None:
        """Make it ready.

        Args:
            counters: of each model.
        """
        self._counters = counters

    def known(self, plan: Plan, rows_max: int) -> Known:
        """What is known of a plan whose calls pass with so many rows."""
        model = plan.model
        assert model is not None  # rows of inputs have one
        return Known(plan, rows_max, self._counters.models[model])

    def pending(self, job: ScoreJob) -> None:
        """A job waits from now on; it is run or abandoned once."""
        job.known.metrics.pending_rows.inc(job.row_count)

    def abandoned(self, job: ScoreJob, error: ServiceError) -> None:
        """Nobody waits for a job any more."""
        metrics = job.known.metrics
        metrics.pending_rows.dec(job.row_count)
        metrics.abandoned.inc()
        job.end(error)

    def run(self, jobs: Sequence[ScoreJob]) -> None:
        """Finish each of the jobs; where they fail together, each alone: an error is that of its rows."""
        try:
            parts = self._parts(jobs)
        except Exception as error:
            if len(jobs) > 1:
                for job in jobs:
                    self.run([job])
                return
            jobs[0].known.metrics.pending_rows.dec(jobs[0].row_count)
            jobs[0].end(error)  # also of a bug: whoever waits gets it
            return
        for job, part in parts:
            job.end(part)

    def _parts(self, jobs: Sequence[ScoreJob]) -> list[tuple[ScoreJob, Part]]:
        """What is said of the rows of each job, counted. Nothing is counted where there is an error."""
        model, began = jobs[0].model, time.perf_counter()
        recording = self._counters.recording(model)
        groups = _groups(jobs)
        ordered = [job for group in groups for job in group]
        row_count = sum([job.row_count for job in ordered])
        forward = model.forward_fed(_together(ordered), row_count=row_count, roles=_roles(groups, recording))
        seconds = time.perf_counter() - began
        scored_groups: list[tuple[Sequence[ScoreJob], Forward, Scores]] = []
        start = 0
        for group in groups:
            end = start + sum([job.row_count for job in group])
            own = forward if end - start == row_count else forward.part(slice(start, end))
            scored_groups.append((group, own, scored(own, group[0].known.plan)))
            start = end
        parts: list[Part] = []
        for alike, own, scores in scored_groups:
            parts += _parts_of(scores, alike)
            try:
                count(alike[0].known.metrics, scores)
                if recording is not None and alike[0].ask.wanted.record:
                    _record(recording, own, alike)
            except Exception:  # the callers have asked for scores alone
                _log.exception("rows could not be counted", model=model.identity.name)
        jobs[0].known.pace.observe(row_count, time.perf_counter() - began)
        jobs[0].known.metrics.pending_rows.dec(row_count)
        try:
            self._count(ordered, row_count, began, seconds)
        except Exception:  # as above; to fail now would count the rows once more
            _log.exception("a pass could not be counted", model=model.identity.name)
        return list(zip(ordered, parts, strict=True))

    def _count(self, jobs: Sequence[ScoreJob], row_count: int, began: float, seconds: float) -> None:
        metrics, now = jobs[0].known.metrics, time.perf_counter()
        metrics.executions.inc()
        metrics.batch_rows.observe(row_count)
        metrics.inference.observe(seconds, len(jobs))
        for job in jobs:
            metrics.queue.observe(began - job.began)
            metrics.total.observe(now - job.began)
            if (trace := job.caller.trace) is not None:
                trace.stage("queue", job.began, began)
                trace.stage("inference", began, began + seconds, model=job.model.identity.name, rows=row_count)


def _parts_of(scores: Scores, jobs: Sequence[ScoreJob]) -> Iterator[Part]:
    start = 0
    for job in jobs:
        yield Part(scores, slice(start, start + job.row_count))
        start += job.row_count


def _groups(jobs: Sequence[ScoreJob]) -> list[list[ScoreJob]]:
    """Jobs that ask for the same, side by side."""
    groups: dict[Ask, list[ScoreJob]] = {}
    for job in jobs:
        groups.setdefault(job.ask, []).append(job)
    return list(groups.values())


def _roles(groups: Sequence[Sequence[ScoreJob]], recording: DriftRecording | None) -> list[str]:
    roles = [role for group in groups for role in group[0].known.plan.score_roles]
    if recording is not None and any(group[0].ask.wanted.record for group in groups):
        roles += recording.roles
    return list(dict.fromkeys(roles))


def _together(jobs: Sequence[ScoreJob]) -> Mapping[str, NDArray[Any]]:
    """What goes into the model, in its own types."""
    model, first = jobs[0].model, jobs[0].arrays
    if len(jobs) == 1:
        return model.fed(first)
    if all(job.arrays[name].dtype == values.dtype for name, values in first.items() for job in jobs):
        return model.fed({name: np.concatenate([job.arrays[name] for job in jobs]) for name in first})
    fed = [model.fed(job.arrays) for job in jobs]
    return {name: np.concatenate([arrays[name] for arrays in fed]) for name in first}


def _record(recording: DriftRecording, forward: Forward, jobs: Sequence[ScoreJob]) -> None:
    if len(jobs) == 1:
        recording.record(forward, jobs[0].rows)
        return
    if not recording.has_features:
        recording.record(forward, Inputs((), sum(job.row_count for job in jobs)))
        return
    start = 0
    for job in jobs:
        recording.record(forward.part(slice(start, start + job.row_count)), job.rows)
        start += job.row_count
