"""What `assayd inspect` prints: the contract of a model, and why it is read that way."""

from contextlib import suppress
from pathlib import Path

from assayd_server import servable
from assayd_server.bundle import MODEL_FILE, Bundle, read_file, read_folder
from assayd_server.contract import Choice
from assayd_server.description import described
from assayd_server.graph import inner_matrices
from assayd_server.loading import load_one
from assayd_server.servable import Servable


def describe(path: Path, *, chosen: Choice | None = None) -> str:
    """The contract of the model at a path, as text.

    Args:
        path: an ONNX file, or a bundle's folder.
        chosen: what flags say; None where there are none, so that a manifest says it.

    Raises:
        ArtefactError: it cannot be loaded.
    """

    def load(bundle: Bundle) -> Servable:
        return servable.load(bundle, threads=1, chosen=chosen)

    folder = _is_folder(path)
    model = load_one(path.resolve(), read_folder, load) if folder else load_one(path, read_file, load)
    return "\n".join([described(model), *_candidates(model, (path / MODEL_FILE if folder else path).read_bytes())])


def _candidates(model: Servable, content: bytes) -> list[str]:
    """What --embedding-tensor could name, where there is no embedding."""
    if "embedding" in model.contract.roles:
        return []
    scores = set(model.contract.roles.values())
    names = [name for name in inner_matrices(content) if name not in scores]
    return [f"could be the embedding (--embedding-tensor): {', '.join(names)}"] if names else []


def _is_folder(path: Path) -> bool:
    with suppress(OSError, ValueError):  # what cannot even be looked at is reported when it is read
        return path.is_dir()
    return False
