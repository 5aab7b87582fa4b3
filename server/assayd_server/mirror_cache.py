"""A folder of this machine with copies of versions from a bucket: what is in it is whole.

Under `models` lies <name>/<version>, as in any repository; what comes and what goes lies beside it, under hidden
names. Whoever changes something holds the lock. A version that goes is renamed first, so that it is gone at once;
a server that has its files mapped keeps them until it lets them go.
"""

import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from assayd_server.bundle import MANIFEST, VERSION, is_model_name
from assayd_server.errors import ArtefactError
from assayd_server.folder_moves import sync
from assayd_server.locking import locked

_INCOMING = ".incoming-"
_OUTGOING = ".outgoing-"

Key = tuple[str, int]
"""A model's name and a version."""


class MirrorCache:
    """Copies of the versions of one repository."""

    def __init__(self, folder: Path) -> None:
        """Nothing is read or made yet."""
        self.folder = folder
        self.root = folder / "models"
        """A folder of bundles."""

    @contextmanager
    def held(self, *, patience: Callable[[], bool]) -> Iterator[None]:
        """Hold it against other processes, without what one that was killed has left.

        Args:
            patience: as that of locked().

        Raises:
            ArtefactError: another process holds it, or it cannot be written.
        """
        with locked(self.folder, patience=patience):
            with self._written():
                self.root.mkdir(exist_ok=True)
                for left in (*self.folder.glob(f"{_INCOMING}*"), *self.folder.glob(f"{_OUTGOING}*")):
                    shutil.rmtree(left)
            yield

    def keys(self) -> set[Key]:
        """The versions that are there.

        Raises:
            ArtefactError: the folder cannot be read.
        """
        with self._written():
            return {
                (path.parent.name, int(path.name))
                for path in self.root.glob("*/*")
                if is_model_name(path.parent.name) and VERSION.fullmatch(path.name)
            }

    def __contains__(self, key: Key) -> bool:
        """Whether a version is there."""
        return (self._place(key) / MANIFEST).exists()

    def holds(self, key: Key, text: bytes, sizes: Mapping[str, int]) -> bool:
        """Whether a version is there with this manifest and with files of these sizes."""
        folder = self._place(key)
        try:
            return (folder / MANIFEST).read_bytes() == text and all(
                (folder / name).stat().st_size == size for name, size in sizes.items()
            )
        except OSError:
            return False

    def byte_count(self) -> int:
        """Of all that is there.

        Raises:
            ArtefactError: the folder cannot be read.
        """
        with self._written():
            return sum(path.stat().st_size for path in self.root.rglob("*") if path.is_file())

    @contextmanager
    def incoming(self, key: Key) -> Iterator[Path]:
        """An empty folder that becomes this version when the block ends well; else nothing is left of it.

        Raises:
            ArtefactError: it cannot be made or moved.
        """
        with self._written():
            folder = Path(tempfile.mkdtemp(prefix=_INCOMING, dir=self.folder))
        try:
            yield folder
            with self._written():
                self._put(folder, key)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def remove(self, key: Key) -> None:
        """Take a version out.

        Raises:
            ArtefactError: it cannot be moved.
        """
        place = self._place(key)
        with self._written():
            shutil.rmtree(self._taken_out(place))
        with suppress(OSError):  # it has other versions
            place.parent.rmdir()

    def _put(self, folder: Path, key: Key) -> None:
        place = self._place(key)
        place.parent.mkdir(exist_ok=True)
        old = self._taken_out(place) if place.exists() else None
        folder.rename(place)
        sync(place.parent)
        sync(self.root)
        if old is not None:
            shutil.rmtree(old)

    def _taken_out(self, place: Path) -> Path:
        out = Path(tempfile.mkdtemp(prefix=_OUTGOING, dir=self.folder))
        place.rename(out / place.name)
        return out

    def _place(self, key: Key) -> Path:
        name, version = key
        return self.root / name / str(version)

    @contextmanager
    def _written(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise ArtefactError(f"{self.folder}: cannot be written: {error.strerror}") from None
