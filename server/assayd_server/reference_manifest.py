"""What a reference says of itself: which model it is of, and how many rows it was made from."""

from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError

from assayd_server.core.softmax import TEMPERATURE_MAX, TEMPERATURE_MIN
from assayd_server.core.tasks import Task
from assayd_server.errors import ArtefactError
from assayd_server.features import Feature
from assayd_server.manifests import Digest, StrictModel, first_problem

_Count = Annotated[int, Field(ge=0, le=2**40)]


class ReferenceManifest(StrictModel):
    """The entry "manifest" of reference.npz."""

    format: Annotated[int, Field(ge=1, le=1)]
    model_digest: Digest
    """Of the ONNX file, with its weights."""
    embedding: str | None = None
    """The tensor of that file that is the embedding; none where it has none."""
    embedding_width: Annotated[int, Field(ge=0)] = 0
    task: Task
    class_count: Annotated[int, Field(ge=0)]
    """0 for a regression model."""
    temperature: Annotated[float, Field(ge=TEMPERATURE_MIN, le=TEMPERATURE_MAX)] = 1.0
    """What logits are divided by here, whatever becomes of the model's own."""
    fitted_rows: _Count
    """Rows that means, axes and whitening were fitted to."""
    calibration_rows: _Count
    """Other rows, that scores and counts are of."""
    features: tuple[Feature, ...] = ()
    """Of the inputs, that are watched."""
    left_out: _Count = 0
    """Rows that could not be scored."""
    warnings: tuple[str, ...] = ()
    """What was to be said when it was built."""


def parsed_reference_manifest(text: bytes, path: Path) -> ReferenceManifest:
    """The manifest that a file holds.

    Raises:
        ArtefactError: it is none; the message begins with the path.
    """
    try:
        return ReferenceManifest.model_validate_json(text)
    except ValidationError as error:
        raise ArtefactError(f"{path}: manifest: {first_problem(error)}") from None
