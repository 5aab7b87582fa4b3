"""What `assayd bundle` does: a bundle folder from an ONNX file, loaded once as the server would."""

from dataclasses import replace
from pathlib import Path

from assayd_server import servable
from assayd_server.bundle import (
    MODEL_FILE,
    Bundle,
    InputEntry,
    Manifest,
    OutputsEntry,
    content_of,
    manifest_of,
    read_file,
)
from assayd_server.bundle_writing import check_new, write
from assayd_server.contract import Choice, Contract
from assayd_server.core.tasks import Task
from assayd_server.description import described
from assayd_server.errors import ArtefactError
from assayd_server.loading import load_one
from assayd_server.servable import Servable

_ACTIVATIONS = {Task.MULTICLASS: "softmax", Task.MULTILABEL: "sigmoid", Task.REGRESSION: None}


def bundle(
    model: Path,
    output: Path,
    *,
    labels: tuple[str, ...] = (),
    temperature: float = 1.0,
    chosen: Choice | None = None,
) -> str:
    """Write a bundle, and say what is in it.

    Args:
        model: an ONNX file.
        output: the folder <name>/<version>; it must be empty or not be there.
        labels: a name for each class, or none.
        temperature: 0.001 to 1000.
        chosen: what flags say; the rest is found out.

    Raises:
        ArtefactError: it cannot be loaded or written; then nothing is left of it.
    """
    check_new(output)
    read = read_file(model)
    given = manifest_of(format=1, labels=labels, temperature=temperature, files=read.manifest.files)

    def load(found: Bundle) -> Servable:
        return servable.load(found, threads=1, chosen=chosen)

    loaded = load_one(model, lambda _: replace(read, manifest=given), load)
    written = write(output, _with_contract(given, loaded.contract), {MODEL_FILE: read.model})
    return f"{described(loaded, written.identity)}\nwritten to {output}"


def labels_of(text: str | None, file: Path | None) -> tuple[str, ...]:
    """Class names from a flag, between commas, or from a file, one a line; none where neither is given.

    Raises:
        ArtefactError: both are given, or the file cannot be read.
    """
    if text is not None and file is not None:
        raise ArtefactError("give either labels or a labels file, not both")
    if file is not None:
        return tuple(_text_of(file).removesuffix("\n").split("\n"))
    return () if text is None else tuple(label.strip() for label in text.split(","))


def _text_of(file: Path) -> str:
    try:
        return content_of(file).decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError:
        raise ArtefactError(f"{file}: is not UTF-8 text") from None


def _with_contract(manifest: Manifest, contract: Contract) -> Manifest:
    """With what the graph takes, and with what was decided on its outputs, so that it is never guessed again."""
    inputs = tuple(
        InputEntry(name=spec.name, data_type=spec.data_type, shape=spec.shape) for spec in contract.inputs
    )
    decided = {
        "inputs": inputs,
        "outputs": OutputsEntry(**contract.roles),
        "activation": _ACTIVATIONS[contract.task],
        "sample_axis": True if contract.sample_count else None,
    }
    return manifest.model_copy(update={name: value for name, value in decided.items() if value is not None})
