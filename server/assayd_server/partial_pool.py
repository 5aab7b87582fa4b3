"""A pool that is being built: in a folder beside its place, until it is whole and takes its place in one step."""

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from assayd_server.bundle_writing import put
from assayd_server.embedded_rows import EMBEDDED, embedded_count
from assayd_server.errors import ArtefactError, StartError
from assayd_server.folder_moves import check_free, move_folder
from assayd_server.given_ids import GivenIds
from assayd_server.ids_writing import check_ids
from assayd_server.locking import LOCK, locked
from assayd_server.mapped import file_digest
from assayd_server.pool_manifest import POOL_MANIFEST

_JOB = "job.json"
_BUILT = "pool"
_IDS = "ids"
_PLACED = "digest"

Job = Mapping[str, Mapping[str, Any]]
"""What makes the vectors ("vectors") and what makes a pool of them ("pool"), by what a person would call it."""


class PartialPool:
    """The folder OUTPUT.partial: what the job is, the rows that were embedded, and the pool as far as it is."""

    def __init__(self, output: Path, folder: Path) -> None:
        self.output, self.folder = output, folder
        self._built = folder / _BUILT

    def begin(self, job: Job, *, restart: bool) -> bool:
        """Note what the job is; embeddings of an earlier run stay where this job would make the same ones.

        Returns:
            Whether there is anything left to build: an earlier run may have come as far as its last step.

        Raises:
            ArtefactError: the folder holds a part of another job, or something is in the pool's place.
        """
        if self._is_placed(job):
            return False
        check_free(self.output)
        if embedded_count(self.folder) and not restart:
            _check_same(self._job().get("vectors", {}), job["vectors"], self.folder)
        else:
            self._clear()
        put(self.folder / _JOB, json.dumps(job, indent=2, ensure_ascii=False).encode())
        return True

    def empty_pool(self) -> Path:
        """A new folder for the pool's files.

        Raises:
            ArtefactError: it cannot be made.
        """
        shutil.rmtree(self._built, ignore_errors=True)
        try:
            self._built.mkdir()
        except OSError as error:
            raise ArtefactError(f"{self._built}: cannot be written: {error.strerror}") from None
        return self._built

    def check_ids(self, ids: GivenIds) -> int:
        """See to it that ids can be those of a pool, before any work is done for it, and count them.

        Raises:
            ArtefactError: they cannot.
        """
        shutil.rmtree(self.folder / _IDS, ignore_errors=True)
        return check_ids(self.folder / _IDS, ids)

    def put_in_place(self) -> None:
        """Give the pool, which is whole, its name.

        Raises:
            ArtefactError: it cannot be put there.
        """
        put(self.folder / _PLACED, file_digest(self._built / POOL_MANIFEST).encode())
        move_folder(self._built, self.output, last=POOL_MANIFEST)

    def remove(self) -> None:
        """All that was written here, and the folder where nothing else is in it."""
        self._clear()
        with suppress(OSError):
            (self.folder / LOCK).unlink()
            self.folder.rmdir()

    def _is_placed(self, job: Job) -> bool:
        manifest = self.output / POOL_MANIFEST
        if self._job() != job or not manifest.is_file() or not (self.folder / _PLACED).is_file():
            return False
        return (self.folder / _PLACED).read_text() == file_digest(manifest)

    def _job(self) -> dict[str, Any]:
        try:
            return dict(json.loads((self.folder / _JOB).read_text(encoding="utf-8")))
        except (OSError, ValueError):
            return {}

    def _clear(self) -> None:
        """Files of others stay: the folder's name may have been theirs before."""
        for name in (_JOB, _PLACED, *EMBEDDED):
            (self.folder / name).unlink(missing_ok=True)
        for name in (_BUILT, _IDS):
            shutil.rmtree(self.folder / name, ignore_errors=True)


@contextmanager
def partial_pool(output: Path) -> Iterator[PartialPool]:
    """The folder in which a pool is built; gone at the end, but for rows that were embedded by a run that failed.

    Raises:
        StartError: the pool cannot be built; it says what is kept.
    """
    place = output.resolve()
    if not place.name:
        raise ArtefactError(f"{output}: cannot be a pool's folder")
    folder = place.with_name(f"{place.name}.partial")
    with locked(folder):
        partial = PartialPool(output, folder)
        try:
            yield partial
        except (StartError, KeyboardInterrupt) as error:
            said = str(error) if isinstance(error, StartError) else "interrupted"
            raise StartError("; ".join([said, *_kept(partial)])) from None
        partial.remove()


def _kept(partial: PartialPool) -> list[str]:
    """What a run that failed leaves behind, in words."""
    count = embedded_count(partial.folder)
    if not count:
        partial.remove()
        return []
    return [f"{count:,} embedded rows are kept in {partial.folder}, the same command goes on from there"]


def _check_same(begun: Mapping[str, Any], now: Mapping[str, Any], folder: Path) -> None:
    names = [name for name in dict.fromkeys([*begun, *now]) if begun.get(name) != now.get(name)]
    if names:
        differ = [f"{name} was {_text(begun, name)} and is {_text(now, name)}" for name in names]
        raise ArtefactError(f"{folder}: holds a part of another job: {'; '.join(differ)}; --restart begins anew")


def _text(job: Mapping[str, Any], name: str) -> str:
    return json.dumps(job.get(name), ensure_ascii=False)
