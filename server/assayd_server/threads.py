"""Threads that are begun when they are first needed, which the system may refuse: at a limit of processes."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Thread

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
            ResourceExhaustedError: the system does not give even one.
        """
        super().__init__(threads, thread_name_prefix=name)
        ThreadPoolExecutor.submit(self, _nothing)  # not that of a pool that counts its calls
        if not self._threads:
            raise no_thread()

    def _adjust_thread_count(self) -> None:
        """Python's own part, which may change with any release of it: then a test fails."""
        try:
            super()._adjust_thread_count()
        except RuntimeError as error:
            if not is_refusal(error):
                raise
            _log.warning("no thread can be started", thread=self._thread_name_prefix)


def _nothing() -> None:
    """For a thread that has nothing to do yet."""
