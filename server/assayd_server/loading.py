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
    bundle = read(path)
    try:
        return load(bundle)
    except ArtefactError as error:
        raise ArtefactError(f"{path}: {error}") from error
    except Exception as error:  # a graph that nobody thought of must not keep other versions from being served
        _log.exception("model could not be read", path=str(path))
        raise ArtefactError(f"{path}: cannot be read: {type(error).__name__}: {error}") from error
