"""A reference on disk: one .npz file, whose digest is that of all its bytes. Nothing is unpickled."""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assayd_server.archives import arrays_in
from assayd_server.bundle import ReferenceContent, digest_of
from assayd_server.core.drift import DriftSettings, judge
from assayd_server.core.drift.reference import DriftReference
from assayd_server.core.novelty import NoveltyReference, Outputs, row_novelty
from assayd_server.errors import ArtefactError
from assayd_server.reference_manifest import ReferenceManifest, parsed_reference_manifest

_MANIFEST = "manifest"
_NOVELTY, _DRIFT = "novelty.", "drift."
_TRIED_ROWS = DriftSettings().window_rows_min


@dataclass(frozen=True, slots=True)
class Reference:
    """What healthy data look like to a model."""

    digest: str
    manifest: ReferenceManifest
    novelty: NoveltyReference
    drift: DriftReference

    @property
    def one_line(self) -> str:
        """What it is, for people."""
        manifest = self.manifest
        rows = f"{manifest.fitted_rows:,} + {manifest.calibration_rows:,} rows"
        columns = len(self.drift.layout.columns)
        return (
            f"{rows}, {columns} columns, novelty by {', '.join(self.novelty.measures) or 'nothing'}, {self.digest}"
        )


def written(manifest: ReferenceManifest, novelty: NoveltyReference, drift: DriftReference) -> bytes:
    """The file; the same content gives the same bytes."""
    arrays: dict[str, NDArray[Any]] = {_MANIFEST: np.frombuffer(manifest.model_dump_json().encode(), np.uint8)}
    arrays |= {_NOVELTY + name: array for name, array in novelty.arrays().items()}
    arrays |= {_DRIFT + name: array for name, array in drift.arrays().items()}
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]  # NumPy dates all members 1980-01-01
    return buffer.getvalue()


def read_reference(read: ReferenceContent) -> Reference:
    """The reference that a file holds.

    Raises:
        ArtefactError: it is no reference, or not whole.
    """
    path, content = read.path, read.content
    arrays = arrays_in(io.BytesIO(content), path)
    if _MANIFEST not in arrays:
        raise ArtefactError(f"{path}: is no reference: it has no manifest")
    manifest = parsed_reference_manifest(arrays[_MANIFEST].tobytes(), path)
    try:
        novelty = NoveltyReference.from_arrays(_of(arrays, _NOVELTY))
        drift = DriftReference.from_arrays(_of(arrays, _DRIFT))
        _try(manifest, novelty, drift)
    except (KeyError, ValueError, IndexError, TypeError, ArithmeticError, AssertionError) as error:
        raise ArtefactError(f"{path}: is not whole: {error}") from None
    return Reference(digest_of(content), manifest, novelty, drift)


def _try(manifest: ReferenceManifest, novelty: NoveltyReference, drift: DriftReference) -> None:
    """Hold a few rows of zeros against it: parts that do not fit each other fail here, and not in calls."""
    width = manifest.embedding_width
    embeddings = np.zeros((_TRIED_ROWS, width), np.float32) if width else None
    classes = np.zeros((_TRIED_ROWS, manifest.class_count), np.float32) if manifest.class_count else None
    values = {column.name: np.zeros(_TRIED_ROWS, column.bins.points.dtype) for column in drift.layout.columns}
    with np.errstate(all="ignore"):
        row_novelty(novelty, Outputs(logits=classes, embeddings=embeddings), novelty.measures)
        judge(drift, drift.layout.count(_TRIED_ROWS, values, embeddings))


def _of(arrays: Mapping[str, NDArray[Any]], prefix: str) -> dict[str, NDArray[Any]]:
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}
