"""What a reference is made of: fitted to one half of the rows, calibrated and counted with the other."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from assayd_server.bundle import Bundle, digest_of
from assayd_server.core.arrays import Booleans, Floats, Integers
from assayd_server.core.drift.reference import ColumnValues, DriftReference, fit_drift_reference
from assayd_server.core.halfway import Gap
from assayd_server.core.hashing import uniform
from assayd_server.core.novelty import NoveltyReference, fit_novelty
from assayd_server.errors import ArtefactError
from assayd_server.features import Feature
from assayd_server.progress import shown
from assayd_server.reference_file import written
from assayd_server.reference_manifest import ReferenceManifest
from assayd_server.reference_rows import ReferenceRows
from assayd_server.servable import Servable

ROWS_MIN = 100
"""Half of them fit, half of them calibrate: with fewer, neither means anything."""
_ALL_RIGHT_ROWS = 200
_SHARED_MAX = 0.05
_STREAM = 5
"""Of the draws that split rows, beside the uses that core/hashing.py names."""


def reference_content(
    bundle: Bundle,
    model: Servable,
    seen: ReferenceRows,
    *,
    train: ReferenceRows | None,
    labels: Integers | None,
    features: Sequence[Feature],
    surer: Gap | None = None,
) -> bytes:
    """The file of a reference.

    Args:
        bundle: of the model.
        model: that the rows went through.
        seen: rows that it was not trained on.
        train: rows that it was; they add to features and nearest neighbours alone.
        labels: (n,) the classes of the rows that it was not trained on.
        features: of the inputs, that are columns of the rows.
        surer: by how much the model is surer of the rows than of what lies between them; None where not known.

    Raises:
        ArtefactError: there are too few rows, or a feature has the name of another column.
    """
    usable = np.flatnonzero(seen.valid)
    if len(usable) < ROWS_MIN:
        raise ArtefactError(f"{len(usable)} rows can be scored, at least {ROWS_MIN} are needed")
    first = _first_half(len(usable))
    fitting, calibrating = usable[first], usable[~first]
    with shown("fitting"):
        novelty = _novelty(model, seen, train=train, labels=labels, fitting=fitting, calibrating=calibrating)
        drift = _drift(seen, _columns(seen, train, features), labels=labels, fitting=fitting)
    contract = model.contract
    manifest = ReferenceManifest(
        format=1,
        model_digest=digest_of(bundle.model),
        embedding=contract.roles.get("embedding"),
        embedding_width=contract.embedding_width,
        task=contract.task,
        class_count=contract.class_count,
        temperature=model.temperature,
        fitted_rows=len(fitting),
        calibration_rows=len(calibrating),
        left_out=len(seen) - len(usable),
        features=tuple(features),
        warnings=tuple(_warnings(seen, train, labels, surer)),
    )
    return written(manifest, novelty, drift)


def _first_half(count: int) -> Booleans:
    """Which of so many rows fit, drawn by chance and the same each time; the others calibrate."""
    chances = uniform(np.arange(count, dtype=np.int64), seed=0, stream=_STREAM)
    half = np.zeros(count, np.bool_)
    half[np.argsort(chances, kind="stable")[: count // 2]] = True
    return half


def _novelty(
    model: Servable,
    seen: ReferenceRows,
    *,
    train: ReferenceRows | None,
    labels: Integers | None,
    fitting: Integers,
    calibrating: Integers,
) -> NoveltyReference:
    if not seen.outputs.given:  # a model of labels or values, without an embedding
        return NoveltyReference.empty()
    classes = seen.predictions if labels is None else labels
    neighbors = (
        None if train is None or train.outputs.embeddings is None else train.outputs.embeddings[train.valid]
    )
    try:
        return fit_novelty(
            seen.part(fitting),
            classes[fitting],
            seen.part(calibrating),
            np.maximum(seen.predictions[calibrating], 0),
            neighbors=neighbors,
            origin=_origin(model),
        )
    except ValueError as error:
        raise ArtefactError(f"novelty cannot be fitted: {error}") from None


def _drift(
    seen: ReferenceRows, columns: Sequence[ColumnValues], *, labels: Integers | None, fitting: Integers
) -> DriftReference:
    try:
        return fit_drift_reference(
            len(seen),
            columns,
            embeddings=seen.outputs.embeddings,
            fitting=np.isin(np.arange(len(seen)), fitting),
            labels=None if labels is None else labels.astype(np.float64),
        )
    except ValueError as error:
        raise ArtefactError(f"columns cannot be counted: {error}") from None


def _origin(model: Servable) -> Floats | None:
    """Where all logits of the last layer are the least, where it is known: -pinv(W) b."""
    layer = model.last_layer
    if layer is None or layer.bias is None:
        return None
    origin: Floats = -np.linalg.pinv(layer.weights.astype(np.float64)) @ layer.bias.astype(np.float64)
    return origin


def _columns(seen: ReferenceRows, train: ReferenceRows | None, features: Sequence[Feature]) -> list[ColumnValues]:
    """What the model says is of rows that it has not seen; features are those of training rows too."""
    names = {feature.name for feature in features}
    if train is None:
        return list(seen.columns)
    of_train = {column.name: column.values for column in train.columns if column.name in names}
    return [
        replace(column, values=np.concatenate([column.values, of_train[column.name]]))
        if column.name in names
        else column
        for column in seen.columns
    ]


def _warnings(
    seen: ReferenceRows, train: ReferenceRows | None, labels: Integers | None, surer: Gap | None
) -> Iterator[str]:
    left_out = len(seen) - int(seen.valid.sum())
    if left_out:
        yield f"{left_out} rows could not be scored and are left out of novelty"
    if labels is not None and len(seen) >= _ALL_RIGHT_ROWS and (seen.predictions == labels).all():
        yield (
            f"the model is right on all {len(seen)} rows: if it was trained on them, it is surer of them than of "
            "any other, and everything new will look like drift"
        )
    if surer is not None and surer.is_memory:
        yield (
            f"the model is surer of the rows than of points halfway between them, by {surer.mean:.2f} in the "
            "probability of their class: so are models of rows that they were trained on; take rows that the "
            "model has not seen, or everything new will look like drift"
        )
    if train is not None:
        yield from _seen_before(seen, train)


def _seen_before(seen: ReferenceRows, train: ReferenceRows) -> Iterator[str]:
    """Rows of which the model gives the very same numbers as of rows that it was trained on."""
    shared = len(_fingerprints(seen) & _fingerprints(train))
    if shared > _SHARED_MAX * len(seen):
        yield (
            f"{shared} of the {len(seen)} rows are among the training rows too: take rows that the model has not "
            "seen, or everything new will look like drift"
        )


def _fingerprints(rows: ReferenceRows) -> set[bytes]:
    numbers = [column.values.astype(np.float64) for column in rows.columns if column.values.dtype.kind == "f"]
    return {row.tobytes() for row in np.round(np.stack(numbers, axis=1), 6)} if numbers else set()
