"""Threads that are begun when they are first needed, which the system may refuse: at a limit of processes."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Thread
from typing import Any

from assayd_server import logs
from assayd_server.errors import RETRY_AFTER_SECONDS, ResourceExhaustedError

_NO_THREAD = "start new thread"
"""Part of what Python says then; other errors of the same kind are mistakes."""
_log = logs.get_logger()


def started(run: Callable[[], None], name: str) -> Thread:
    """A thread that runs.

    Raises:
        ResourceExhaustedError: the system gives none.
    """
    thread = Thread(target=run, name=name, daemon=True)
    try:
        thread.start()
    except RuntimeError as error:
        if not is_refusal(error):
            raise
        _log.warning("no thread can be started", thread=name)
        raise no_thread() from None
    return thread


def no_thread() -> ResourceExhaustedError:
    """Of a call for which there is no thread."""
    return ResourceExhaustedError(
        "the server is full: the system gives it no further thread",
        reason="NO_THREAD",
        retry_after_seconds=RETRY_AFTER_SECONDS,
    )


def is_refusal(error: Exception) -> bool:
    """Whether the system gave no thread."""
    return isinstance(error, RuntimeError) and _NO_THREAD in str(error)


class SteadyPool(ThreadPoolExecutor):
    """Threads of which there is one from the start: where no other can be had, that one does all the work.

    An executor raises where it can begin no thread, although the work is in its line by then. gRPC hands calls
    over in the one thread that takes them, which would end, and with it the server.
    """

    def __init__(self, threads: int, name: str) -> None:
        """Begin one thread.

        Args:
            threads: as many as there may be.
            name: of each.

        Raises:
            RuntimeError: the system does not give even one.
        """
        super().__init__(threads, thread_name_prefix=name)
        super().submit(_nothing)

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """As in ThreadPoolExecutor, and never because there is no thread for it."""
        future: Future[Any] = Future()
        try:
            super().submit(_run, future, fn, args, kwargs)
        except RuntimeError as error:
            if not is_refusal(error):
                raise
            _log.warning("no thread can be started", thread=self._thread_name_prefix)
        return future


def _run(future: Future[Any], fn: Callable[..., Any], args: Any, kwargs: Any) -> None:
    """Do the work of a future, whose result is all that is said of it."""
    if not future.set_running_or_notify_cancel():
        return
    try:
        result = fn(*args, **kwargs)
    except BaseException as error:
        future.set_exception(error)
        del future  # the error has this frame in its traceback: no circle
    else:
        future.set_result(result)


def _nothing() -> None:
    """For a thread that has nothing to do yet."""
