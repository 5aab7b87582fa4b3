"""What thresholds of labels are made of: it adds up over parts of a data set that is too large for one call."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from assayd.arrays import encode
from assayd.errors import InvalidArgumentError
from assayd.identity import ModelIdentity
from assayd.label_results import AssessedPart
from assayd.v1 import labeling_pb2


@dataclass(frozen=True, slots=True, eq=False)
class LabelSums:
    """How often answers were given as labels, and how probable they are there, in whole numbers.

    Rows of one class answer one question (q = 1), rows of c labels q = c.
    """

    counts: NDArray[np.int64]
    """(q, k): the rows to which each answer was given."""
    sums: NDArray[np.int64]
    """(q, k): the sum of the probabilities of the given answers, in units of 2^-30."""
    model: ModelIdentity | None
    """The model that judged; None where none was needed."""

    def __add__(self, other: "LabelSums") -> "LabelSums":
        """Those of both parts.

        Raises:
            InvalidArgumentError: they are by different models.
        """
        if self.model != other.model:
            message = f"given: some sums are by {_named(self.model)}, others by {_named(other.model)}"
            raise InvalidArgumentError(message, field="given")
        return replace(self, counts=self.counts + other.counts, sums=self.sums + other.sums)

    def message(self) -> labeling_pb2.GivenLabels:
        """As it is sent."""
        return labeling_pb2.GivenLabels(counts=encode(self.counts), sums=encode(self.sums))


def sums_of(parts: Sequence[AssessedPart]) -> LabelSums:
    """Those of all parts, at least one, by one model."""
    counts, sums = (np.sum([getattr(part, name) for part in parts], axis=0) for name in ("counts", "sums"))
    return LabelSums(counts, sums, parts[0].model)


def _named(model: ModelIdentity | None) -> str:
    return "no model" if model is None else f"{model.name} version {model.version}, {model.digest}"
