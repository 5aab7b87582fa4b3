"""How probable an answer must be for a model to be confident of it: the first pass of confident learning."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assayd_server.core.arrays import Floats, Integers
from assayd_server.core.labels.questions import UNKNOWN

UNITS = 1 << 30
"""Probabilities are added up as whole multiples of 1 / UNITS, so that sums are the same in any order and any
pieces. A mean is off by at most 5e-10."""
ROWS_MAX = 1 << 32
"""So many rows can be added up without an overflow."""
THRESHOLD_MIN = 2e-6
"""Where the labels of a class are all held for impossible: with less, every row would be confidently of it."""


@dataclass(frozen=True, slots=True, eq=False)
class GivenLabels:
    """The labels of some rows, and how probable they are. That of a whole is the sum of those of its parts."""

    counts: NDArray[np.int64]
    """(q, k): the rows to which each answer was given."""

    sums: NDArray[np.int64]
    """(q, k): of the probabilities of the given answers, in units of 1 / UNITS."""

    def __add__(self, other: "GivenLabels") -> "GivenLabels":
        """That of all rows of both, in any order.

        Raises:
            ValueError: they answer different questions, or there are too many rows.
        """
        if self.counts.shape != other.counts.shape:
            raise ValueError("labels of different questions cannot be added")
        counts = self.counts + other.counts
        if counts.sum(axis=1).max(initial=0) > ROWS_MAX:
            raise ValueError(f"labels of more than {ROWS_MAX} rows cannot be added")
        return GivenLabels(counts, self.sums + other.sums)

    @property
    def thresholds(self) -> Floats:
        """(q, k) float64: the mean probability of each answer over the rows to which it was given.

        Infinite for an answer that no row was given, so that none is confidently of it.

        Source: Northcutt, Jiang and Chuang 2021, Confident Learning, equation 2.
        """
        means = np.full(self.counts.shape, np.inf)
        np.divide(self.sums, self.counts * float(UNITS), out=means, where=self.counts > 0)
        return np.maximum(means, THRESHOLD_MIN)


def given_labels(probabilities: Floats, labels: Integers) -> GivenLabels:
    """What the thresholds are made of.

    Args:
        probabilities: (n, q, k), in [0, 1], n at most ROWS_MAX.
        labels: (n, q); UNKNOWN is left out.
    """
    shape = probabilities.shape[1:]
    rows, questions = np.nonzero(labels != UNKNOWN)
    answers = labels[rows, questions]
    of_labels = probabilities[rows, questions, answers].astype(np.float64)
    counts, sums = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
    np.add.at(counts, (questions, answers), 1)
    np.add.at(sums, (questions, answers), np.rint(of_labels * UNITS).astype(np.int64))
    return GivenLabels(counts, sums)
