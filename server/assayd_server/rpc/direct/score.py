"""Score, the fast way: calls that ask for no more than a pass and arithmetic say are scored together, on no thread
of their own; all others go the way of other RPCs."""

import time
from functools import partial

from google.protobuf.message import DecodeError

from assayd.v1 import scoring_pb2
from assayd_server.caller import Lane
from assayd_server.merging import Merging
from assayd_server.rpc import requests, responses
from assayd_server.rpc.asked import Asked
from assayd_server.rpc.direct.core_calls import CoreCall
from assayd_server.rpc.direct.threaded import ThreadedMethod
from assayd_server.rpc.guarded import not_of_this_type
from assayd_server.rpc.held_requests import CallBytes, HeldRequests
from assayd_server.rpc.scoring import caller
from assayd_server.score_job import ScoreJob
from assayd_server.scoring import Scores


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
        self._limits = limits
        self._held = held
        self._asked = Asked(limits)

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
        try:
            request = scoring_pb2.ScoreRequest.FromString(message)
        except DecodeError:
            raise not_of_this_type() from None
        lane = requests.lane(request.lane)
        if lane is not Lane.ONLINE or request.rows.WhichOneof("kind") != "inputs":
            return False
        sent = request.rows.inputs
        request.ClearField("rows")  # which leaves what was sent as it is
        ask = self._asked.of(request)
        rows = requests.inputs(sent, self._limits)
        if not self._merging.takes(ask, rows.count):
            return False
        finish = partial(self._finish, call, held, began)
        self._merging.offer(ask, rows, caller(call, lane), finish=finish, watch=partial(self._watch, call))
        return True

    def _watch(self, call: CoreCall, job: ScoreJob) -> None:
        """A job waits for longer: once its caller goes away, it leaves the line."""
        call.add_callback(partial(self._merging.drop, job))
        call.watch()

    def _finish(self, call: CoreCall, held: CallBytes, began: float, result: Scores | Exception) -> None:
        held.end()
        try:
            if isinstance(result, Exception):
                raise result
            self._threaded.succeed(call, responses.score(result).SerializeToString(), began)
        except Exception as error:
            self._threaded.fail(call, error, began)
