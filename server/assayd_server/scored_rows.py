"""Class scores of labelled rows in files: batch by batch, so that memory holds the scores and few of the rows."""

from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assayd_server.core.arrays import Booleans, Floats, Integers
from assayd_server.core.binary import two_classes_of_logit, two_classes_of_probability
from assayd_server.core.tasks import Task
from assayd_server.core.validity import (
    scorable_label_logits,
    scorable_label_probabilities,
    scorable_logits,
    scorable_probabilities,
)
from assayd_server.errors import ArtefactError, ServiceError
from assayd_server.forward import Forward
from assayd_server.held_out import read_label_matrix, read_labels, read_rows
from assayd_server.progress import Progress
from assayd_server.rows import Inputs, NamedArray, inputs_of
from assayd_server.servable import Servable

_BATCH_ROWS_MAX = 1024
_BATCH_ELEMENTS_MAX = 1 << 22
"""How many values one forward pass may take or give, where a row has no more of them by itself."""


@dataclass(frozen=True, slots=True)
class ScoredRows:
    """Held-out rows that could be scored; of a multi-label model, a row for each label of each row.

    A label by itself is a question with two answers, which a sigmoid and a softmax over both answer alike.
    """

    logits: Floats
    """(n, c); ln p where the model gives probabilities."""
    labels: Integers
    """(n,)"""
    left_out: int
    """How many could not."""

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
    classes = _read_labels(model, labels)
    count = len(next(iter(arrays.values())))
    if len(classes) != count:
        raise ArtefactError(f"{labels}: has labels of {len(classes)} rows, {rows} has {count}")
    try:
        model.match(Inputs(tuple(NamedArray(name, _stand_in(values)) for name, values in arrays.items()), count))
        return _score(model, arrays, classes.reshape(-1))
    except ServiceError as error:
        raise ArtefactError(f"{rows}: {why_not(error)}") from error


def _read_labels(model: Servable, path: Path) -> Integers:
    """(n,) class positions, or (n, c) 0 and 1."""
    contract = model.contract
    if contract.sample_count:
        raise ArtefactError(f"{model.identity.name} has an axis of samples: calibrate its members one by one")
    if contract.task is Task.REGRESSION:
        raise ArtefactError(f"{model.identity.name} gives values: it has no classes, and no temperature to fit")
    if contract.task is Task.MULTILABEL:
        return read_label_matrix(path, label_count=contract.class_count)
    return read_labels(path, names=model.labels, class_count=contract.class_count)


def _stand_in(values: NDArray[Any]) -> NDArray[Any]:
    """What has the shape and the type of all rows; text, which models take in another form, is not read for it."""
    return np.broadcast_to(np.array("", object), values.shape) if values.dtype.kind == "U" else values


def why_not(error: ServiceError) -> str:
    """An error of a call as it concerns a file: without a field's path, and with what a server would log."""
    if error.__cause__ is not None:
        return f"the model failed on these rows: {error.__cause__}"
    return str(error).removeprefix(error.field.rpartition(".")[0] + ".")


def _score(model: Servable, arrays: Mapping[str, NDArray[Any]], labels: Integers) -> ScoredRows:
    """Run the rows through the model, batch by batch; of each only the class scores are kept."""
    answers = 2 if model.contract.task is Task.MULTILABEL else model.contract.class_count
    kept, valid = [np.empty((0, answers), np.float32)], [np.empty(0, np.bool_)]
    with closing(Progress("rows scored", len(next(iter(arrays.values()))))) as progress:
        for batch in _batches(arrays, model.contract.class_count):
            logits, scorable = _logits(model, batch)
            kept.append(logits[scorable])
            valid.append(scorable)
            progress.advance(batch.count)
    scored = np.concatenate(valid)
    return ScoredRows(np.concatenate(kept), labels[scored], int((~scored).sum()))


def _batches(arrays: Mapping[str, NDArray[Any]], class_count: int) -> Iterator[Inputs]:
    widest = max(class_count, *(int(np.prod(values.shape[1:])) for values in arrays.values()))
    size = max(1, min(_BATCH_ROWS_MAX, _BATCH_ELEMENTS_MAX // widest))
    count = len(next(iter(arrays.values())))
    for start in range(0, count, size):
        yield inputs_of({name: values[start : start + size] for name, values in arrays.items()})


def _logits(model: Servable, rows: Inputs) -> tuple[Floats, Booleans]:
    """(m, c) logits, or ln p where the model has none, and (m,) which of them can be scored."""
    forward = model.forward(model.match(rows), row_count=rows.count, roles=[model.contract.scores_role])
    if model.contract.task is Task.MULTILABEL:
        return _logits_of_labels(forward)
    if forward.logits is not None:
        return forward.logits, scorable_logits(forward.logits)
    assert forward.probabilities is not None  # a forward pass gives one or the other
    with np.errstate(divide="ignore", invalid="ignore"):  # ln 0 = -inf, and rows that are left out
        return np.log(forward.probabilities), scorable_probabilities(forward.probabilities)


def _logits_of_labels(forward: Forward) -> tuple[Floats, Booleans]:
    """(m c, 2) for "no" and "yes", and (m c,); all labels of a row that cannot be scored are left out."""
    if forward.logits is not None:
        two = two_classes_of_logit(forward.logits.reshape(-1, 1))
        return two, np.repeat(scorable_label_logits(forward.logits), forward.logits.shape[1])
    assert forward.probabilities is not None  # a forward pass gives one or the other
    two = two_classes_of_probability(forward.probabilities.reshape(-1, 1))
    with np.errstate(divide="ignore", invalid="ignore"):  # as above
        valid = scorable_label_probabilities(forward.probabilities)
        return np.log(two), np.repeat(valid, forward.probabilities.shape[1])
