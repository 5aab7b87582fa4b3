"""Score, the fast way: calls that ask for no more than a pass and some arithmetic say are scored together, on no
thread of their own; all others go the way of other RPCs."""

import time
from functools import partial

from assayd_server.merging import Merging
from assayd_server.rpc import requests
from assayd_server.rpc.direct.core_calls import CoreCall
from assayd_server.rpc.direct.score_wire import ScoreReader, response
from assayd_server.rpc.direct.threaded import ThreadedMethod
from assayd_server.rpc.held_requests import CallBytes, HeldRequests
from assayd_server.rpc.scoring import caller
from assayd_server.score_job import Part, ScoreJob


class ScoreMethod:
    """ScoringService.Score."""

    def __init__(
        self, threaded: ThreadedMethod, merging: Merging, limits: requests.RowLimits, held: HeldRequests
    ) -> None:
        """Answer calls.

        Args:
            threaded: answers those that are for a thread.
            merging: scores the others.
            limits: how much one request may hold.
            held: bounds the messages that are held at one time.
        """
        self.outcomes = threaded.outcomes
        self._threaded = threaded
        self._merging = merging
        self._held = held
        self._reader = ScoreReader(limits)

    def take(self, call: CoreCall, message: bytes) -> None:
        """As of Method."""
        began = time.perf_counter()
        self.outcomes.start()
        held = self._held.call()
        try:
            held.add(len(message))
            if not self._merged(call, message, held, began):
                self._threaded.take_held(call, [message], held, began)
        except Exception as error:
            held.end()
            self._threaded.fail(call, error, began)

    def _merged(self, call: CoreCall, message: bytes, held: CallBytes, began: float) -> bool:
        """Whether the call is for here, and is in the line now."""
        read = self._reader.read(message)
        if read is None:
            return False
        ask, rows = read
        if not self._merging.takes(ask, rows.count):
            return False
        finish = partial(self._finish, call, held, began)
        self._merging.offer(ask, rows, caller(call), finish=finish, watch=partial(self._watch, call))
        return True

    def _watch(self, call: CoreCall, job: ScoreJob) -> None:
        """A job waits for longer: once its caller goes away, it leaves the line."""
        call.add_callback(partial(self._merging.drop, job))
        call.watch()

    def _finish(
        self, call: CoreCall, held: CallBytes, began: float, job: ScoreJob, result: Part | Exception
    ) -> None:
        held.end()
        if isinstance(result, Exception):
            self._threaded.fail(call, result, began)
            return
        try:
            self._threaded.succeed(call, response(job.known, result), began)
        except Exception as error:
            self._threaded.fail(call, error, began)
