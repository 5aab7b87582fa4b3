"""One pass for several calls, and what is said and counted of their rows."""

import time
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assayd_server.counters import Counters
from assayd_server.drift_recording import DriftRecording
from assayd_server.errors import ServiceError
from assayd_server.pace import Pace
from assayd_server.rows import Inputs
from assayd_server.score_job import ScoreJob
from assayd_server.scoring import Scores, count, part_of, scored
from assayd_server.servable import Forward, part_of_forward


class ScoringPass:
    """Scores calls of one model whose rows fit together."""

    def __init__(self, counters: Counters) -> None:
        """Make it ready.

        Args:
            counters: of each model.
        """
        self._counters = counters
        self.pace = Pace()
        """How long passes take, without what follows them."""

    def pending(self, job: ScoreJob) -> None:
        """A job waits from now on; it is run or abandoned once."""
        self._counters.models[job.model].pending_rows.inc(job.row_count)

    def abandoned(self, job: ScoreJob, error: ServiceError) -> None:
        """Nobody waits for a job any more."""
        metrics = self._counters.models[job.model]
        metrics.pending_rows.dec(job.row_count)
        metrics.abandoned.inc()
        job.finish(error)

    def run(self, jobs: Sequence[ScoreJob]) -> None:
        """Finish each of the jobs; where they fail together, each alone: an error is that of its rows."""
        try:
            self._run(sorted(jobs, key=lambda job: id(job.ask)))
        except ServiceError as error:
            if len(jobs) > 1:
                for job in jobs:
                    self.run([job])
                return
            self._finish(jobs[0], error)
        except Exception as error:  # a bug: whoever waits gets it
            for job in jobs:
                self._finish(job, error)

    def _run(self, jobs: Sequence[ScoreJob]) -> None:
        model, began = jobs[0].model, time.perf_counter()
        metrics, recording = self._counters.models[model], self._counters.recording(model)
        row_count = sum(job.row_count for job in jobs)
        forward = model.forward_fed(_together(jobs), row_count=row_count, roles=_roles(jobs, recording))
        seconds = time.perf_counter() - began
        self.pace.observe(model, row_count, seconds)
        results, start = [], 0
        for _, group in groupby(jobs, key=lambda job: id(job.ask)):
            same = list(group)
            end = start + sum(job.row_count for job in same)
            own = forward if end - start == row_count else part_of_forward(forward, slice(start, end))
            scores = scored(own, same[0].known.plan)
            if recording is not None and same[0].ask.wanted.record:
                _record(recording, own, same)
            count(metrics, scores)
            results += _parts(scores, same)
            start = end
        metrics.executions.inc()
        metrics.batch_rows.observe(row_count)
        for job, scores in results:
            metrics.queue.observe(began - job.began)
            metrics.inference.observe(seconds)
            metrics.total.observe(time.perf_counter() - job.began)
            self._finish(job, scores)

    def _finish(self, job: ScoreJob, result: Scores | Exception) -> None:
        self._counters.models[job.model].pending_rows.dec(job.row_count)
        job.finish(result)


def _roles(jobs: Sequence[ScoreJob], recording: DriftRecording | None) -> list[str]:
    roles = dict.fromkeys(role for job in jobs for role in job.known.plan.roles)
    if recording is not None and any(job.ask.wanted.record for job in jobs):
        roles |= dict.fromkeys(recording.roles)
    return list(roles)


def _together(jobs: Sequence[ScoreJob]) -> Mapping[str, NDArray[Any]]:
    """What goes into the model, in its own types."""
    model = jobs[0].model
    if len(jobs) == 1:
        return model.fed(jobs[0].arrays)
    fed = [model.fed(job.arrays) for job in jobs]
    return {name: np.concatenate([arrays[name] for arrays in fed]) for name in fed[0]}


def _record(recording: DriftRecording, forward: Forward, jobs: Sequence[ScoreJob]) -> None:
    if len(jobs) == 1:
        recording.record(forward, jobs[0].rows)
        return
    if not recording.has_features:
        recording.record(forward, Inputs((), sum(job.row_count for job in jobs)))
        return
    start = 0
    for job in jobs:
        recording.record(part_of_forward(forward, slice(start, start + job.row_count)), job.rows)
        start += job.row_count


def _parts(scores: Scores, jobs: Sequence[ScoreJob]) -> list[tuple[ScoreJob, Scores]]:
    if len(jobs) == 1:
        return [(jobs[0], scores)]
    found, start = [], 0
    for job in jobs:
        found.append((job, part_of(scores, slice(start, start + job.row_count))))
        start += job.row_count
    return found
