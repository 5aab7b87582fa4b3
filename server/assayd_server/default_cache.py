"""Where files from object stores are kept unless somebody says where."""

import os
import tempfile
from pathlib import Path

from assayd_server.errors import StartError


def default_cache() -> Path:
    """A folder of this user that can be written: in the user's cache, else among the temporary files.

    Raises:
        StartError: there is none.
    """
    for folder in _candidates():
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if folder.lstat().st_uid == os.geteuid() and os.access(folder, os.W_OK | os.X_OK):
                return folder
        except OSError:
            continue
    raise StartError("repository_cache: no folder can be written to keep models in: name one")


def _candidates() -> list[Path]:
    """The user's cache survives a restart; where it is read-only, temporary files may yet be written."""
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")  # noqa: PTH111 - may have no home
    folders = [Path(cache) / "assayd"] if Path(cache).is_absolute() else []
    try:
        return [*folders, Path(tempfile.gettempdir()) / f"assayd-{os.geteuid()}"]
    except FileNotFoundError:
        return folders
