"""Calls that score, the fast way: those that ask for no more than a pass and some arithmetic say are scored
together, on no thread of their own; all others go the way of other RPCs."""

import time
from collections.abc import Callable
from functools import partial
from typing import NamedTuple, Protocol, TypeAlias

from assayd_server.asks import Ask, Known
from assayd_server.caller import Lane
from assayd_server.merging import Merging
from assayd_server.rows import Inputs
from assayd_server.rpc.direct.core_calls import CoreCall
from assayd_server.rpc.direct.threaded import ThreadedMethod
from assayd_server.rpc.held_requests import CallBytes, HeldRequests
from assayd_server.rpc.scoring import caller
from assayd_server.score_job import Part, ScoreJob
from assayd_server.servable import Servable

Respond: TypeAlias = Callable[[Known, Part], bytes]
"""Writes the response to a call, of what is known of its ask, and of its rows among those scored together."""


class Read(NamedTuple):
    """A request that was read."""

    ask: Ask
    rows: Inputs
    respond: Respond
    timeout_seconds: float | None = None
    """For how long it may wait to begin; None for as long as its caller does."""
    model: Servable | None = None
    """The one that it was read for, and by whose form it is answered; None where that tells nothing of either."""
    lane: Lane = Lane.ONLINE


ScoreAlone: TypeAlias = Callable[[Read, CoreCall], bytes]
"""Answers a call by itself, on a thread of its own: what was read need not be parsed there."""


class Reader(Protocol):
    """Reads the requests of one RPC. For one thread."""

    def read(self, message: bytes) -> Read | None:
        """A request of inputs; None of another kind of request, which is to be parsed by a thread.

        Raises:
            ServiceError: it is wrong.
        """


class ScoreMethod:
    """An RPC that scores."""

    def __init__(
        self,
        threaded: ThreadedMethod,
        merging: Merging,
        reader: Reader,
        held: HeldRequests,
        *,
        alone: ScoreAlone | None = None,
    ) -> None:
        """Answer calls.

        Args:
            threaded: answers those that are for a thread.
            merging: scores the others.
            reader: reads them.
            held: bounds the messages that are held at one time.
            alone: scores what was read and is for a thread; without it, that is parsed there as ever.
        """
        self.outcomes = threaded.outcomes
        self._threaded = threaded
        self._merging = merging
        self._held = held
        self._reader = reader
        self._alone = alone

    def take(self, call: CoreCall, message: bytes) -> None:
        """As of Method."""
        began = time.perf_counter()
        self.outcomes.start()
        call.trace = self.outcomes.trace(call.metadata)
        held = self._held.call()
        try:
            held.add(len(message))
            read = self._reader.read(message)
            if read is not None and read.lane is Lane.ONLINE and self._merging.takes(read.ask, read.rows.count):
                self._merge(call, read, held, began)
            elif read is not None and self._alone is not None:
                self._threaded.take_work(call, [partial(self._alone, read, call)], held, began)
            else:
                self._threaded.take_held(call, [message], held, began)
        except Exception as error:
            held.end()
            self._threaded.fail(call, error, began)

    def _merge(self, call: CoreCall, read: Read, held: CallBytes, began: float) -> None:
        """Put a call into the line."""
        self._merging.offer(
            read.ask,
            read.rows,
            caller(call, timeout_seconds=read.timeout_seconds, trace=call.trace),
            model=read.model,
            finish=partial(self._finish, call=call, held=held, respond=read.respond, began=began),
            watch=partial(self._watch, call),
        )

    def _watch(self, call: CoreCall, job: ScoreJob) -> None:
        """A job waits for longer: once its caller goes away, it leaves the line."""
        call.add_callback(partial(self._merging.drop, job))
        call.watch()

    def _finish(
        self,
        job: ScoreJob,
        result: Part | Exception,
        *,
        call: CoreCall,
        held: CallBytes,
        respond: Respond,
        began: float,
    ) -> None:
        held.end()
        if isinstance(result, Exception):
            self._threaded.fail(call, result, began)
            return
        try:
            self._threaded.succeed(call, respond(job.known, result), began)
        except Exception as error:
            self._threaded.fail(call, error, began)
