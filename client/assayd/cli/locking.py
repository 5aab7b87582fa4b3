"""One run at a time: a folder that is held while a job works in it."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from assayd.cli.exits import CommandError


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Make a folder, and hold it; the system lets it go when the process ends, however it ends.

    Raises:
        CommandError: another run holds it.
    """
    folder.mkdir(exist_ok=True)
    lock = folder / "lock"
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        if not _locked(descriptor) or not _same_file(lock, descriptor):
            raise CommandError(f"{folder}: another run is at work on this output")
        yield
    finally:
        os.close(descriptor)


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _same_file(path: Path, descriptor: int) -> bool:
    """False where a run that ended in between has removed the folder."""
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False
