"""One run at a time: a folder that is held while a command works in it."""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from assayd_server.errors import ArtefactError

LOCK = "lock"


def _at_once() -> bool:
    return False


@contextmanager
def locked(folder: Path, *, patience: Callable[[], bool] = _at_once) -> Iterator[None]:
    """Make a folder and hold it; the system lets it go when the process ends, however it ends.

    Args:
        folder: is made where it is not there.
        patience: is called while another run holds it; lets some time pass, and says whether to try again.

    Raises:
        ArtefactError: another run holds it, or it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        raise ArtefactError(f"{folder}: cannot be written: {error.strerror}") from None
    try:
        if not _taken(descriptor, patience) or not _is_there(folder / LOCK, descriptor):
            raise ArtefactError(f"{folder}: another run is at work there")
        yield
    finally:
        os.close(descriptor)


def _taken(descriptor: int, patience: Callable[[], bool]) -> bool:
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            if not patience():
                return False
        else:
            return True


def _is_there(path: Path, descriptor: int) -> bool:
    """Not where a run that ended meanwhile has removed the folder."""
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except OSError:
        return False
