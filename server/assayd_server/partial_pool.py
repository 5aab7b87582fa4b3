"""A pool that is being built: beside its place until it is whole, and then there in one step."""

import os
import shutil
from pathlib import Path

from assayd_server.errors import ArtefactError
from assayd_server.pool_manifest import POOL_MANIFEST


def check_free(output: Path) -> None:
    """See to it that a pool can be put somewhere, before any work is done for it.

    Raises:
        ArtefactError: there is something already.
    """
    try:
        taken = any(output.iterdir())
    except FileNotFoundError:
        return
    except OSError as error:
        raise ArtefactError(f"{output}: cannot be read: {error.strerror}") from None
    if taken:
        raise ArtefactError(f"{output}: is there already and is not an empty folder, take another one")


def put_in_place(built: Path, output: Path) -> None:
    """Give a folder that is whole its name; where that is a place of its own, such as a mounted one, file by file.

    Raises:
        ArtefactError: it cannot be written there.
    """
    try:
        try:
            built.rename(output)
        except OSError:
            _move_files(built, output)
        _sync_folder(output.parent)
    except OSError as error:
        raise ArtefactError(f"{output}: cannot be written: {error.strerror}") from None


def _move_files(built: Path, output: Path) -> None:
    """The manifest last, so that what is there in part is never taken for a pool."""
    output.mkdir(exist_ok=True)
    for path in sorted(built.iterdir(), key=lambda path: path.name == POOL_MANIFEST):
        temporary = output / f".{path.name}"
        shutil.copyfile(path, temporary)
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(output / path.name)
    shutil.rmtree(built)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
