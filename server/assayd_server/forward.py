"""What forward passes give, by role."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assayd_server.core.arrays import Floats, Integers
from assayd_server.core.binary import two_classes_of_logit, two_classes_of_probability
from assayd_server.core.novelty import NoveltyMeasure

_WIDE = (np.dtype(np.float32), np.dtype(np.float64))
_TWO_CLASSES = {"logits": two_classes_of_logit, "probabilities": two_classes_of_probability}
_OWN = "output "
SOFTMAX, COORDINATES, NOVELTY = "softmax", "coordinates", "novelty"
"""Roles that are none of the contract: what the graph itself says besides its outputs, where it was made to."""


def own_role(output: str) -> str:
    """A role that is none of the contract either: an output of the model, as it gives it."""
    return _OWN + output


def own_output(role: str) -> str | None:
    """The output that such a role is of; None of any other role."""
    return role[len(_OWN) :] if role.startswith(_OWN) else None


@dataclass(frozen=True, slots=True)
class Softmax:
    """What a pass said of its logits, at the model's own temperature."""

    predictions: Integers
    """(n,) int32"""
    probabilities: Floats
    """(n, c)"""
    entropy: Floats
    """(n,), in [0, 1]"""

    def part(self, rows: slice) -> "Softmax":
        """That of some of the rows."""
        return Softmax(self.predictions[rows], self.probabilities[rows], self.entropy[rows])


@dataclass(frozen=True, slots=True)
class Forward:
    """What one forward pass gave, or what the caller had: logits, probabilities, values or embeddings."""

    logits: Floats | None = None
    probabilities: Floats | None = None
    values: Floats | None = None
    embeddings: Floats | None = None
    softmax: Softmax | None = None
    """Where it was asked for, and every row has one."""
    projected: Floats | None = None
    """(n, k) float64: the embedding as Reduction.of_projected takes it."""
    novelty: Mapping[NoveltyMeasure, Floats] | None = None
    """(n,) float32 scores, finite: of all rows, or there are none."""
    tensors: Mapping[str, NDArray[Any]] | None = None
    """Outputs of the model as it gave them, by name, where they were asked for: (n, ...) each."""

    def part(self, rows: slice) -> "Forward":
        """What it gave for some of the rows."""

        def of(values: Floats | None) -> Floats | None:
            return None if values is None else values[rows]

        novelty = self.novelty and {measure: scores[rows] for measure, scores in self.novelty.items()}
        tensors = self.tensors and {name: values[rows] for name, values in self.tensors.items()}
        return Forward(
            of(self.logits),
            of(self.probabilities),
            of(self.values),
            of(self.embeddings),
            self.softmax and self.softmax.part(rows),
            of(self.projected),
            novelty,
            tensors,
        )


def joined_forwards(parts: Sequence[Forward]) -> Forward:
    """What several passes gave, as of one; nothing that one of them has not."""
    if len(parts) == 1:
        return parts[0]

    def of(values: Sequence[NDArray[Any] | None]) -> Any:
        found = [one for one in values if one is not None]
        return np.concatenate(found) if len(found) == len(parts) else None

    softmaxes = [part.softmax for part in parts if part.softmax is not None]
    softmax = None
    if len(softmaxes) == len(parts):
        softmax = Softmax(
            of([one.predictions for one in softmaxes]),
            of([one.probabilities for one in softmaxes]),
            of([one.entropy for one in softmaxes]),
        )
    return Forward(
        of([part.logits for part in parts]),
        of([part.probabilities for part in parts]),
        of([part.values for part in parts]),
        of([part.embeddings for part in parts]),
        softmax,
        of([part.projected for part in parts]),
        _joined([part.novelty for part in parts]),
        _joined([part.tensors for part in parts]),
    )


def _joined(parts: Sequence[Mapping[Any, NDArray[Any]] | None]) -> Any:
    """By name, what all parts have; None where one has nothing."""
    found = [one for one in parts if one is not None]
    if len(found) < len(parts):
        return None
    names = [name for name in found[0] if all(name in one for one in found)]
    return {name: np.concatenate([one[name] for one in found]) for name in names}


def forward_of(arrays: dict[str, Floats]) -> Forward:
    """Half precision is too coarse for a softmax over many classes, so everything is at least float32."""
    wide = {
        role: values if values.dtype in _WIDE else values.astype(np.result_type(values, np.float32))
        for role, values in arrays.items()
    }
    for role, two_classes in _TWO_CLASSES.items():
        if role in wide and wide[role].shape[-1] == 1:
            wide[role] = two_classes(wide[role])
    return Forward(wide.get("logits"), wide.get("probabilities"), wide.get("values"), wide.get("embedding"))
