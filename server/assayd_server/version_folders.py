"""The folders of a repository, <name>/<version>, as they lie on disk."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from assayd_server.bundle import MANIFEST, MANIFEST_BYTES_MAX, VERSION, content_of, digest_of, is_model_name
from assayd_server.errors import ArtefactError

Stamp = tuple[tuple[str, int, int], ...]
"""The files of a version, by name, size and time of change."""


@dataclass(frozen=True, slots=True)
class VersionFolder:
    """Where one version of a model lies."""

    path: Path

    @property
    def version(self) -> int:
        """Its number."""
        return int(self.path.name)

    @property
    def is_complete(self) -> bool:
        """Whether it has a manifest, which is written last."""
        try:
            return (self.path / MANIFEST).exists()
        except OSError:  # whoever reads it is told why
            return True

    def digest(self) -> str:
        """Of the manifest, and so of the whole version.

        Raises:
            ArtefactError: it cannot be read.
        """
        return digest_of(content_of(self.path / MANIFEST, bytes_max=MANIFEST_BYTES_MAX))

    def stamp(self) -> Stamp:
        """What tells whether any of its files has changed; nothing where they cannot be looked at."""
        with suppress(OSError):
            found = [(str(path), path.stat()) for path in sorted(self.path.rglob("*"))]
            return tuple((name, stat.st_size, stat.st_mtime_ns) for name, stat in found)
        return ()


def version_folders(root: Path, *, on_ignored: Callable[[Path], None]) -> dict[str, list[VersionFolder]]:
    """The versions of each model, the largest first.

    Args:
        root: of the repository.
        on_ignored: is told of folders that are nobody's by their names.

    Raises:
        ArtefactError: a folder cannot be read.
    """
    try:
        models = [model for model in _folders(root) if _is_right(model, is_model_name(model.name), on_ignored)]
        return {model.name: _versions(model, on_ignored) for model in models}
    except OSError as error:
        raise ArtefactError(f"{error.filename or root}: cannot be read: {error.strerror}") from None


def _versions(model: Path, on_ignored: Callable[[Path], None]) -> list[VersionFolder]:
    folders = [
        VersionFolder(folder)
        for folder in _folders(model)
        if _is_right(folder, VERSION.fullmatch(folder.name) is not None, on_ignored)
    ]
    return sorted(folders, key=lambda folder: folder.version, reverse=True)


def _folders(parent: Path) -> list[Path]:
    """Hidden ones and the file system's own are nobody's models."""
    found = (path for path in parent.iterdir() if path.is_dir())
    return sorted(path for path in found if not path.name.startswith(".") and path.name != "lost+found")


def _is_right(folder: Path, right: bool, on_ignored: Callable[[Path], None]) -> bool:
    if not right:
        on_ignored(folder)
    return right
