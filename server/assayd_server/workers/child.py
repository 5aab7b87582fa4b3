"""The process of a worker, as its parent sees it."""

import os
import subprocess
import sys
from multiprocessing import Pipe

from assayd_server.config import Settings
from assayd_server.cpus import LIBRARY_THREADS, usable_cpus
from assayd_server.workers.messages import DRAIN, CannotStart, Report, Serving, receive, send

_MODULE = "assayd_server.workers.worker"


class Child:
    """A process of its own, with an interpreter of its own: gRPC does not go on after a fork."""

    def __init__(self, number: int, settings: Settings) -> None:
        """Start it.

        Args:
            number: which of the workers it is.
            settings: what it is to do; they are checked already.
        """
        self._pipe, theirs = Pipe()
        with theirs:
            descriptor = theirs.fileno()
            # -P: what lies in the folder that the server was started in is not ours to import
            self._process = subprocess.Popen(  # noqa: S603  # nosec B603  # our own module, and two numbers
                [sys.executable, "-P", "-m", _MODULE, str(number), str(descriptor)],
                stdin=subprocess.DEVNULL,
                pass_fds=(descriptor,),
                env=_environment(settings.workers),
            )
        send(self._pipe, settings)

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._process.pid

    def report(self) -> Report | None:
        """What it says of its start, as soon as it does; None where it ended without a word."""
        report = receive(self._pipe)
        return report if isinstance(report, Serving | CannotStart) else None

    def drain(self) -> None:
        """Have it finish; the second time, at once."""
        send(self._pipe, DRAIN)

    def kill(self) -> None:
        """End it."""
        self._process.kill()

    def wait(self) -> int:
        """Wait for its end.

        Returns:
            The exit code, or the number of the signal below 0.
        """
        return self._process.wait()

    def close(self) -> None:
        """Say nothing more to it."""
        self._pipe.close()


def _environment(workers: int) -> dict[str, str]:
    """This process's own, with the threads of libraries divided among the workers where nobody else chose them."""
    ours = str(usable_cpus())
    share = str(max(1, usable_cpus() // workers))
    return {**os.environ, **{name: share for name in LIBRARY_THREADS if os.environ.get(name) == ours}}
