"""Files that are there with all of their bytes or not at all, whenever the process or the machine stops."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO


def write_whole(path: Path, write: Callable[[BinaryIO], None], *, folder: Path | None = None) -> None:
    """Write a file under a temporary name, bring it to the disk, and only then give it its name.

    Args:
        path: what it will be called; replaced where it is there.
        write: writes the content; what it raises passes, and nothing is left behind.
        folder: where the temporary file lies, on the same file system; default beside it.
    """
    temporary = (folder or path.parent) / f"{path.name}.tmp"
    try:
        with temporary.open("wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.filename is None:  # such as a full disk
            error.filename = str(path)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Bring a folder's list of names to the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
