"""Threads for calls: a bound on how many wait for one, and on how long one waits for its message.

grpc.server gives a call a thread as soon as its headers are there, and the thread then waits for the message, so a
caller that is slow, or that means harm, holds it (docs/decisions/0001). The executor's own queue has no bound.
"""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import AbstractContextManager, contextmanager
from itertools import count
from threading import Event, Lock, Thread
from typing import Any

import grpc

from assayd_server import logs
from assayd_server.threads import SteadyPool

STALLED_AFTER_SECONDS = 0.25
"""A message that has not come by then is late. When late ones hold all threads, none will be free soon."""

_WATCH_INTERVAL_SECONDS = 0.25
_log = logs.get_logger()


class StalledError(Exception):
    """A call was cancelled because its message did not come."""


class CallPool(SteadyPool):
    """A thread pool that knows when to take no more calls, and that frees threads whose message never comes."""

    def __init__(
        self,
        name: str,
        *,
        threads: int,
        waiting_max: int,
        message_wait_max_seconds: float,
        on_stalled: Callable[[], None],
    ) -> None:
        """Start with no call.

        Args:
            name: of its threads.
            threads: how many calls are answered at once.
            waiting_max: how many more may wait for a thread.
            message_wait_max_seconds: after this a call whose message has not come is cancelled.
            on_stalled: is told of each call that was cancelled so.
        """
        super().__init__(threads, name)
        self._thread_count = threads
        self._calls_max = threads + waiting_max
        self._calls = 0
        self._calls_lock = Lock()
        self._message_wait_max_seconds = message_wait_max_seconds
        self._on_stalled = on_stalled
        self._waiting: dict[int, tuple[float, grpc.ServicerContext]] = {}
        self._keys = count()
        self._stopped = Event()
        self._watch = Thread(target=self._cancel_stalled, name=f"{name}-stalled", daemon=True)
        self._watch.start()

    @property
    def calls_max(self) -> int:
        """As many calls as it takes."""
        return self._calls_max

    @property
    def calls(self) -> int:
        """Calls that have a thread or wait for one."""
        return self._calls

    @property
    def full(self) -> bool:
        """Whether the next call should be refused: too many wait, or no thread will be free soon."""
        calls = self._calls
        if calls < self._thread_count:
            return False
        return calls >= self._calls_max or len(self._late(STALLED_AFTER_SECONDS)) >= self._thread_count

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """As in ThreadPoolExecutor."""
        future = super().submit(fn, *args, **kwargs)
        self._add_calls(1)
        future.add_done_callback(lambda _: self._add_calls(-1))
        return future

    def receive(self, messages: Iterator[Any], context: grpc.ServicerContext) -> Any:
        """Wait for the next message of the calling thread's call.

        Raises:
            StopIteration: the caller sends no more.
            StalledError: this pool cancelled the call, because its message did not come.
            grpc.RpcError: the call was cancelled meanwhile.
        """
        with self._until_late(context) as key:
            try:
                return next(messages)
            except StopIteration:
                if key not in self._waiting:  # gRPC ends the messages of a call that was cancelled
                    raise StalledError from None
                raise

    def sending(self, context: grpc.ServicerContext) -> AbstractContextManager[int]:
        """While the calling thread sends an answer, which takes for as long as the caller does not read."""
        return self._until_late(context)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """As in ThreadPoolExecutor."""
        self._stopped.set()
        self._watch.join()
        super().shutdown(wait, cancel_futures=cancel_futures)

    @contextmanager
    def _until_late(self, context: grpc.ServicerContext) -> Iterator[int]:
        """For as long as the body takes; a call that takes too long with it is cancelled."""
        key = next(self._keys)
        self._waiting[key] = (time.monotonic(), context)
        try:
            yield key
        finally:
            self._waiting.pop(key, None)

    def _add_calls(self, change: int) -> None:
        with self._calls_lock:
            self._calls += change

    def _late(self, seconds: float) -> list[int]:
        """Calls that have held a thread for longer than that without their message."""
        since = time.monotonic() - seconds
        return [key for key, (began, _) in list(self._waiting.items()) if began < since]

    def _cancel_stalled(self) -> None:
        while not self._stopped.wait(_WATCH_INTERVAL_SECONDS):
            for key in self._late(self._message_wait_max_seconds):
                waiting = self._waiting.pop(key, None)
                if waiting is not None:
                    self._cancel(waiting[1])

    def _cancel(self, context: grpc.ServicerContext) -> None:
        try:
            context.cancel()
            self._on_stalled()
        except Exception:  # the watch must go on, or nobody frees a thread any more
            _log.exception("a stalled call could not be cancelled")
