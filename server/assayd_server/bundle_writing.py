"""Bundles on their way to disk: the manifest last, each file whole or not at all, nothing left of a failure."""

import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from assayd_server.bundle import (
    MANIFEST,
    POOL_FILE,
    VERSION,
    Bundle,
    Manifest,
    PoolPlace,
    content_of,
    is_model_name,
    read_folder,
)
from assayd_server.errors import ArtefactError
from assayd_server.folder_moves import copy_file
from assayd_server.pool_manifest import POOL_MANIFEST, parsed_pool_manifest


def check_new(folder: Path) -> None:
    """See to it that a bundle can be written to a folder, before any work is done for it.

    Raises:
        ArtefactError: it is not <name>/<version>, or there is something already.
    """
    place = folder.absolute()
    if not VERSION.fullmatch(place.name):
        raise ArtefactError(f"{folder}: a bundle's folder must be <name>/<version>, with a positive version")
    if not is_model_name(place.parent.name):
        raise ArtefactError(
            f"{folder}: {place.parent.name!r} cannot be a model's name, which is of letters, digits, '.', '_' and "
            "'-', begins with a letter or a digit, and is no longer than 128"
        )
    _check_empty(folder)


def write(
    folder: Path, manifest: Manifest, contents: Mapping[str, bytes], *, pool: PoolPlace | None = None
) -> Bundle:
    """Write a bundle to a folder that is empty or not there, and read it back.

    Args:
        folder: <name>/<version>; what is missing of the path is made.
        manifest: with the digest of every file.
        contents: the files, by their names in the manifest.
        pool: is copied, where the manifest names one.

    Raises:
        ArtefactError: it cannot be written; what had been written is gone again.
    """
    with _without_new_folders(folder), _emptied(_claimed(folder)):
        for name, content in contents.items():
            put(folder / name, content)
        if pool is not None:
            _copy_pool(pool, (folder / POOL_FILE).parent)
        write_manifest(folder, manifest)
        return read_folder(folder.absolute())


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write bundle.json, or replace it in one step: whoever reads it gets the old one or the new one.

    Raises:
        ArtefactError: it cannot be written; an old one is as it was.
    """
    text = manifest.model_dump_json(indent=2, exclude_unset=True) + "\n"
    put(folder / MANIFEST, text.encode())


def name_file(folder: Path, name: str, digest: str) -> None:
    """Have bundle.json name a file that lies in the bundle, in one step.

    Args:
        folder: the bundle.
        name: of the file.
        digest: of the file.

    Raises:
        ArtefactError: the bundle cannot be read, or bundle.json cannot be written; then it is as it was.
    """
    manifest = read_folder(folder.resolve()).manifest
    write_manifest(folder, manifest.model_copy(update={"files": manifest.files | {name: digest}}))


def _copy_pool(pool: PoolPlace, place: Path) -> None:
    """The files that its manifest names, whose digests are looked at when they are loaded."""
    manifest = parsed_pool_manifest(content_of(pool.path / POOL_MANIFEST), pool.path / POOL_MANIFEST)
    try:
        place.mkdir()
        for name in (*manifest.files, POOL_MANIFEST):
            copy_file(pool.path / name, place / name)
    except OSError as error:
        raise ArtefactError(f"{error.filename or place}: cannot be copied: {error.strerror}") from None


def put(path: Path, content: bytes) -> None:
    """Write a file, or replace it in one step.

    Raises:
        ArtefactError: it cannot be written; an old one is as it was.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _write_through(temporary, content)
        temporary.replace(path)
    except OSError as error:
        raise ArtefactError(f"{path}: cannot be written: {error.strerror}") from None
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def _write_through(path: Path, content: bytes) -> None:
    """On the disk when it returns, so that no rename can come before what it is to show."""
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _check_empty(folder: Path) -> None:
    try:
        taken = any(folder.iterdir())
    except FileNotFoundError:
        return
    except OSError as error:
        raise ArtefactError(f"{folder}: cannot be read: {error.strerror}") from None
    if taken:
        raise ArtefactError(f"{folder}: is there already and is not an empty folder, take the next version")


def _claimed(folder: Path) -> Path:
    """The folder, made or still empty: loading a model takes time, in which another command may have filled it."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir()
    except OSError as error:
        _check_empty(folder)
        if not folder.is_dir():
            raise ArtefactError(f"{folder}: cannot be written: {error.strerror}") from None
    return folder


@contextmanager
def _emptied(folder: Path) -> Iterator[None]:
    """A folder that is empty again where something goes wrong, an interrupt included."""
    try:
        yield
    except BaseException:
        with suppress(OSError):
            for path in folder.iterdir():
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        raise


@contextmanager
def _without_new_folders(folder: Path) -> Iterator[None]:
    """Where something goes wrong, those folders go that were not there before and that nothing is in."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        yield
    except BaseException:
        for path in missing:
            with suppress(OSError):
                path.rmdir()
        raise
