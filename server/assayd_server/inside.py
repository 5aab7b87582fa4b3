"""Files that a bundle names lie within it, or at least within its repository, whatever links there are."""

from collections.abc import Iterable
from pathlib import Path

from assayd_server.errors import ArtefactError


def check_inside(path: Path, folders: Iterable[Path]) -> None:
    """Refuse a file that is elsewhere than in one of these folders, by links in its path.

    Args:
        path: as a manifest or a model names it; one that is not there is for its reader to refuse.
        folders: each is where its own links lead: who runs the server may have made such.

    Raises:
        ArtefactError: it is elsewhere.
    """
    try:
        place = path.resolve()
        inside = any(place.is_relative_to(folder.resolve()) for folder in folders)
    except (OSError, RuntimeError, ValueError) as error:  # links in a circle; a name that no file can have
        raise ArtefactError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from None
    if not inside:
        raise ArtefactError(f"{path}: is a link out of the repository, which is not followed")
