"""Scores calls together: one pass, one arithmetic and one count for all that wait.

batching.py merges the passes of calls that have a thread each. Here a call has none: it waits in a line, and
whoever comes to it, the thread that takes calls or the one that computes, scores all that fit together.
"""

import time
from collections.abc import Callable
from threading import Condition, Thread

from assayd_server import logs
from assayd_server.asks import Ask
from assayd_server.batching import BatchLimits
from assayd_server.caller import Caller, Lane
from assayd_server.errors import ResourceExhaustedError, ServiceError
from assayd_server.gate import Gate, Place
from assayd_server.known_asks import KnownAsks
from assayd_server.quick_rows import quick_rows
from assayd_server.rows import Inputs
from assayd_server.score_job import Finish, ScoreJob, Watch
from assayd_server.scoring_pass import ScoringPass
from assayd_server.servable import Servable
from assayd_server.threads import no_thread, started
from assayd_server.wanted import ModelChoice

_LEFT_SECONDS = 0.004
"""For so long after its last pass what is quick is left to the thread that takes calls, which hears of every
answer that was sent; two threads that take turns would hand the interpreter to each other at every pass."""
_ANYBODY = Caller()
_log = logs.get_logger()


class Merging:
    """Calls of the online lane that wait for their scores."""

    def __init__(
        self,
        gate: Gate,
        limits: BatchLimits,
        scoring: ScoringPass,
        *,
        asks: KnownAsks,
        find: Callable[[ModelChoice], Servable],
    ) -> None:
        """Nothing waits yet.

        Args:
            gate: where computations wait for their turn.
            limits: how calls are merged.
            scoring: does it.
            asks: what is known of what calls ask for; somebody else tells it of models that come and go.
            find: the model that is meant; raises ServiceError where there is none.
        """
        self._gate = gate
        self._limits = limits
        self._rows_enough = min(limits.rows_enough, limits.rows_max)
        self._scoring = scoring
        self._asks = asks
        self._find = find
        self._line: dict[ScoreJob, None] = {}
        """In the order in which they came. Whoever takes one out sees to it."""
        self._changed = Condition()
        self._offered = 0
        """Calls until now, where there is a delay."""
        self._asleep = True
        self._passes = 0
        """By the thread that takes calls."""
        self._closed = False
        self._place: Place | None = None
        """In the gate's line, until it is called; whoever has lined up, the thread takes the turn."""
        self._thread: Thread | None = None
        """For what is not quick; from the first time on that something is not."""

    @property
    def waiting(self) -> int:
        """How many calls there are that advance would see to."""
        return len(self._line) if self._asleep else 0

    def takes(self, ask: Ask, row_count: int) -> bool:
        """Whether such a call is for here."""
        return ask.merges and 0 < row_count <= self._limits.rows_max

    def offer(
        self,
        ask: Ask,
        rows: Inputs,
        caller: Caller,
        *,
        finish: Finish,
        watch: Watch,
        model: Servable | None = None,
    ) -> None:
        """Put a call into the line.

        Args:
            ask: what it asks for.
            rows: of inputs, such as are taken.
            caller: work that has not begun when it stops waiting is not done.
            model: the one to be asked, where the caller has found it already: by now another may be served.
            finish: is given the scores, or what went wrong meanwhile.
            watch: is given the job where it waits for longer, to have it dropped when its caller goes away.

        Raises:
            ServiceError: the call cannot be answered, or too much waits.
        """
        model = self._find(ask.choice) if model is None else model
        known = self._asks.known(ask, rows, model)
        arrays = model.match(rows)
        form = tuple([(name, values.shape[1:]) for name, values in arrays.items()])
        job = ScoreJob(model, ask, known, rows, arrays, rows.count, form, caller, finish, watch)
        if not self._asleep:
            job.wait()
        self._gate.admit(rows.count)
        self._scoring.pending(job)
        self._line[job] = None
        if self._limits.delay_seconds_max:
            with self._changed:
                self._offered += 1
                self._changed.notify_all()

    def advance(self) -> None:
        """Score what waits: here where that is quick, else by the thread for it."""
        enough = self._quick_rows()
        if enough and self._gate.try_enter():
            try:
                self._passes += 1
                self._score_next(enough)
            finally:
                self._pass_on()
                if self._place is not None:
                    self._wake()
        else:
            self._wake()

    def drop(self, job: ScoreJob) -> None:
        """Let a job leave the line, if it is in it, because its caller has gone."""
        if self._removed(job):
            self._leave(job, job.caller.why_gone())

    def close(self) -> None:
        """Score what waits, and no more."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join()

    def _quick_rows(self) -> int:
        """From how many rows on a quick pass takes no more along; 0 where there is none."""
        limits, jobs = self._limits, list(self._line)  # at once, as others may take some out
        if limits.delay_seconds_max:
            return 0
        if not jobs:
            return self._rows_enough
        counts, pace = [job.row_count for job in jobs], jobs[0].known.pace
        return quick_rows(counts, pace.expected, enough=limits.rows_enough, rows_max=limits.rows_max)

    def _wake(self) -> None:
        """Leave what waits to the thread; it may take longer."""
        for job in list(self._line):
            job.wait()
        if self._thread is None:
            try:
                self._thread = started(self._run, "scoring")
            except ResourceExhaustedError:  # the next calls try again
                self._refuse_all()
                return
        with self._changed:
            self._asleep = False
            self._changed.notify_all()

    def _refuse_all(self) -> None:
        """There is no thread for what waits, and whoever takes calls must not be held up by it."""
        for job in list(self._line):
            if self._removed(job):
                self._leave(job, no_thread())

    def _run(self) -> None:
        while self._has_work():
            place = self._lined_up()
            if not place.called.is_set():
                for job in list(self._line):
                    job.wait()
            self._gate.wait(place, _ANYBODY)
            with self._changed:
                self._place = None
            try:
                self._score_next(self._rows_enough)
            except Exception:  # whatever it was, the calls after it go on
                _log.exception("bug")
            finally:
                self._pass_on()

    def _pass_on(self) -> None:
        """End the turn. Where others wait for theirs, what waits here has a place among them before that."""
        if self._line and self._gate.waiting:
            self._lined_up()
        self._gate.pass_on()

    def _lined_up(self) -> Place:
        """The thread's place among other computations; there is one at most, and the thread alone waits for it."""
        with self._changed:
            if self._place is None:
                self._place = self._gate.line_up(Lane.ONLINE)
            return self._place

    def _has_work(self) -> bool:
        """Wait for it; False at the end. What is quick is left to who takes calls, if it comes soon."""
        with self._changed:
            while self._place is None and self._line and self._quick_rows() and not self._closed:
                self._asleep, passes = True, self._passes
                if self._changed.wait(_LEFT_SECONDS) or self._passes == passes:
                    break
            while True:
                self._asleep = True  # before a look at the line: who adds to it looks at this afterwards
                if self._line or self._place is not None or self._closed:
                    break
                self._changed.wait()
            self._asleep = False
            return bool(self._line) or self._place is not None or not self._closed

    def _score_next(self, enough: int) -> None:
        """In the turn of the calling thread: score the first in the line, and what fits to it."""
        jobs = self._taken(enough)
        if not jobs:
            return
        try:
            self._scoring.run(jobs)
        finally:
            self._gate.release(sum(job.row_count for job in jobs))

    def _taken(self, enough: int) -> list[ScoreJob]:
        """Out of the line; those whose callers are gone have their errors, and are not among them."""
        taken: list[ScoreJob] = []
        row_count = 0
        end = time.perf_counter() + self._limits.delay_seconds_max
        while True:
            offered = self._offered
            for job in list(self._line):
                if row_count >= enough:
                    break
                if self._fits(job, taken, row_count) and self._removed(job) and not self._is_gone(job):
                    taken.append(job)
                    row_count += job.row_count
            left = end - time.perf_counter()
            if not taken or row_count >= enough or left <= 0:
                return taken
            with self._changed:
                if self._offered == offered:
                    self._changed.wait(left)

    def _fits(self, job: ScoreJob, taken: list[ScoreJob], row_count: int) -> bool:
        return not taken or (row_count + job.row_count <= self._limits.rows_max and taken[0].fits(job))

    def _removed(self, job: ScoreJob) -> bool:
        """Whether it was in the line until now."""
        return self._line.pop(job, job) is None

    def _is_gone(self, job: ScoreJob) -> bool:
        try:
            job.caller.check()
        except ServiceError as error:
            self._leave(job, error)
            return True
        return False

    def _leave(self, job: ScoreJob, error: ServiceError) -> None:
        self._gate.release(job.row_count)
        self._scoring.abandoned(job, error)
