"""Class scores of labelled rows in files: batch by batch, so that memory holds the scores and few of the rows."""

from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assayd_server.core.arrays import Booleans, Floats, Integers
from assayd_server.core.validity import scorable_logits, scorable_probabilities
from assayd_server.errors import ArtefactError, ServiceError
from assayd_server.held_out import read_labels, read_rows
from assayd_server.progress import Progress
from assayd_server.rows import Inputs, NamedArray
from assayd_server.servable import Servable

_BATCH_ROWS_MAX = 1024
_BATCH_ELEMENTS_MAX = 1 << 22
"""How many values one forward pass may take or give, where a row has no more of them by itself."""


@dataclass(frozen=True, slots=True)
class ScoredRows:
    """Held-out rows that could be scored."""

    logits: Floats
    """(n, c); ln p where the model gives probabilities."""
    labels: Integers
    """(n,)"""
    left_out: int
    """How many rows could not."""

    def possible(self) -> "ScoredRows":
        """The rows whose label has a probability at all; for the others no temperature changes anything."""
        rows = np.isfinite(np.take_along_axis(self.logits, self.labels[:, None], axis=1)[:, 0])
        return self if rows.all() else ScoredRows(self.logits[rows], self.labels[rows], int((~rows).sum()))


def score_rows(model: Servable, rows: Path, labels: Path) -> ScoredRows:
    """Run labelled rows through a model, with a line on their progress on a terminal.

    Args:
        model: the one that they are for.
        rows: as read_rows takes them.
        labels: as read_labels takes them.

    Raises:
        ArtefactError: they cannot be read, do not fit each other or the model, or the model fails on them.
    """
    arrays = read_rows(rows)
    classes = read_labels(labels, names=model.labels, class_count=model.contract.class_count)
    count = len(next(iter(arrays.values())))
    if len(classes) != count:
        raise ArtefactError(f"{labels}: has {len(classes)} labels for the {count} rows of {rows}")
    try:
        model.match(Inputs(tuple(NamedArray(name, _stand_in(values)) for name, values in arrays.items()), count))
        return _score(model, arrays, classes)
    except ServiceError as error:
        raise ArtefactError(f"{rows}: {_why(error)}") from error


def _stand_in(values: NDArray[Any]) -> NDArray[Any]:
    """What has the shape and the type of all rows; text, which models take in another form, is not read for it."""
    return np.broadcast_to(np.array("", object), values.shape) if values.dtype.kind == "U" else values


def _why(error: ServiceError) -> str:
    """As it concerns a file: without the path of a field, and with the cause that a server would log."""
    if error.__cause__ is not None:
        return f"the model failed on these rows: {error.__cause__}"
    return str(error).removeprefix(error.field.rpartition(".")[0] + ".")


def _score(model: Servable, arrays: Mapping[str, NDArray[Any]], labels: Integers) -> ScoredRows:
    """Run the rows through the model, batch by batch; of each only the class scores are kept."""
    kept, valid = [np.empty((0, model.contract.class_count), np.float32)], [np.empty(0, np.bool_)]
    with closing(Progress("rows scored", len(labels))) as progress:
        for batch in _batches(arrays, model.contract.class_count):
            logits, scorable = _logits(model, batch)
            kept.append(logits[scorable])
            valid.append(scorable)
            progress.advance(len(scorable))
    scored = np.concatenate(valid)
    return ScoredRows(np.concatenate(kept), labels[scored], int((~scored).sum()))


def _batches(arrays: Mapping[str, NDArray[Any]], class_count: int) -> Iterator[Inputs]:
    widest = max(class_count, *(int(np.prod(values.shape[1:])) for values in arrays.values()))
    size = max(1, min(_BATCH_ROWS_MAX, _BATCH_ELEMENTS_MAX // widest))
    count = len(next(iter(arrays.values())))
    for start in range(0, count, size):
        tensors = [NamedArray(name, _plain(values[start : start + size])) for name, values in arrays.items()]
        yield Inputs(tuple(tensors), len(tensors[0].values))


def _plain(values: NDArray[Any]) -> NDArray[Any]:
    """In memory, and text as models take it."""
    return values.astype(object) if values.dtype.kind == "U" else np.array(values)


def _logits(model: Servable, rows: Inputs) -> tuple[Floats, Booleans]:
    """(m, c) logits, or ln p where the model has none, and (m,) which of the rows can be scored."""
    role = "logits" if "logits" in model.contract.roles else "probabilities"
    forward = model.forward(model.match(rows), row_count=rows.count, roles=[role])
    if forward.logits is not None:
        return forward.logits, scorable_logits(forward.logits)
    assert forward.probabilities is not None  # a forward pass gives one or the other
    with np.errstate(divide="ignore", invalid="ignore"):  # ln 0 = -inf, and rows that are left out
        return np.log(forward.probabilities), scorable_probabilities(forward.probabilities)
