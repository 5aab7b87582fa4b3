"""Folders that take a place in one step, where that can be."""

import os
import shutil
from pathlib import Path

from assayd_server.errors import ArtefactError


def check_free(place: Path) -> None:
    """See to it that a folder can be put somewhere, before any work is done for it.

    Raises:
        ArtefactError: there is something already.
    """
    try:
        taken = any(place.iterdir())
    except FileNotFoundError:
        return
    except OSError as error:
        raise ArtefactError(f"{place}: cannot be read: {error.strerror}") from None
    if taken:
        raise ArtefactError(
            f"{place}: is there already and is not an empty folder: remove it, or take another one"
        )


def move_folder(folder: Path, place: Path, *, last: str) -> None:
    """Give a folder its place, which is empty or not there; where that is a mount, file by file.

    Args:
        folder: with files only.
        place: where it is to be.
        last: the file without which the others count as nothing.

    Raises:
        ArtefactError: it cannot be moved.
    """
    try:
        try:
            folder.rename(place)
        except OSError:
            _move_files(folder, place, last)
        sync(place.parent)
    except OSError as error:
        raise ArtefactError(f"{place}: cannot be written: {error.strerror}") from None


def copy_file(path: Path, target: Path) -> None:
    """A copy that is on the disk, under its name only when it is whole."""
    temporary = target.with_name(f".{target.name}")
    shutil.copyfile(path, temporary)
    sync(temporary)
    temporary.replace(target)


def _move_files(folder: Path, place: Path, last: str) -> None:
    place.mkdir(exist_ok=True)
    for path in sorted(folder.iterdir(), key=lambda path: path.name == last):
        copy_file(path, place / path.name)
    sync(place)
    shutil.rmtree(folder)


def sync(path: Path) -> None:
    """See to it that a file or the entries of a folder are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
