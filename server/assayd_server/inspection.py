"""What `assayd inspect` prints: the contract of a model, and why it is read that way."""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from assayd_server import servable
from assayd_server.bundle import Bundle, read_file, read_folder
from assayd_server.description import described
from assayd_server.repository import load_one
from assayd_server.servable import Servable


def describe(path: Path, *, chosen: Mapping[str, str]) -> str:
    """The contract of the model at a path, as text.

    Args:
        path: an ONNX file, or a bundle's folder.
        chosen: output name by role, where a flag says so.

    Raises:
        ArtefactError: it cannot be loaded.
    """

    def load(bundle: Bundle) -> Servable:
        return servable.load(bundle, threads=1, chosen=dict(chosen))

    if _is_folder(path):
        return described(load_one(path.resolve(), read_folder, load))
    return described(load_one(path, read_file, load))


def _is_folder(path: Path) -> bool:
    with suppress(OSError, ValueError):  # what cannot even be looked at is reported when it is read
        return path.is_dir()
    return False
