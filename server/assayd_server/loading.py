"""Loads one model from disk; what goes wrong names it."""

from collections.abc import Callable
from pathlib import Path

from assayd_server import logs
from assayd_server.bundle import Bundle
from assayd_server.errors import ArtefactError
from assayd_server.servable import Servable

_log = logs.get_logger()

Load = Callable[[Bundle], Servable]


def load_one(path: Path, read: Callable[[Path], Bundle], load: Load) -> Servable:
    """The model at a path.

    Args:
        path: a bundle's folder, or a file.
        read: reads what lies there.
        load: makes a model of it.

    Raises:
        ArtefactError: it cannot be loaded.
    """
    try:
        bundle = read(path)
    except ArtefactError:  # it says of which file
        raise
    except Exception as error:  # files that nobody thought of must not keep other versions from being served
        raise _unforeseen(path, error) from error
    _log.debug("model read", path=str(path))
    try:
        return load(bundle)
    except ArtefactError as error:
        raise ArtefactError(f"{path}: {error}") from error
    except Exception as error:
        raise _unforeseen(path, error) from error


def _unforeseen(path: Path, error: Exception) -> ArtefactError:
    _log.error("model could not be read", path=str(path), exc_info=error)
    return ArtefactError(f"{path}: cannot be read: {type(error).__name__}: {error}")
