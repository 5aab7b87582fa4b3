"""What is predicted for what: counts, which add up over parts, and the shares that are made of them."""

import numpy as np
from numpy.typing import NDArray

from assayd_server.core.arrays import Floats, Integers
from assayd_server.core.labels.questions import UNKNOWN


def confusion_matrix(predicted: Integers, labels: Integers, answer_count: int) -> NDArray[np.int64]:
    """How many rows of each label were predicted to be each answer.

    Those of parts add up to those of the whole, and so accuracy, precision, recall and F1 of a whole are exact.

    Args:
        predicted: (n, q), positions of answers.
        labels: (n, q), verified ones, or UNKNOWN: such are left out, and are no negatives.
        answer_count: k.

    Returns:
        (q, k, k), labels down, predictions across.
    """
    rows, questions = np.nonzero(labels != UNKNOWN)
    counts = np.zeros((labels.shape[1], answer_count, answer_count), np.int64)
    np.add.at(counts, (questions, labels[rows, questions], predicted[rows, questions]), 1)
    return counts


def accuracy(confusion: Integers) -> float:
    """The share of verified labels that were predicted: (q, k, k), all questions together; NaN without any."""
    return float(_shares(np.trace(confusion, axis1=1, axis2=2).sum(), confusion.sum()))


def precision(confusion: Integers) -> Floats:
    """Of the rows predicted to be each answer, the share that is: (q, k, k) to (q, k); NaN without any."""
    return _shares(_right(confusion), confusion.sum(axis=1))


def recall(confusion: Integers) -> Floats:
    """Of the rows of each answer, the share predicted to be: (q, k, k) to (q, k); NaN without any."""
    return _shares(_right(confusion), confusion.sum(axis=2))


def f1(confusion: Integers) -> Floats:
    """The harmonic mean of precision and recall, 2 TP / (2 TP + FP + FN): (q, k, k) to (q, k).

    0 where one of them is 0 or not defined, and NaN where an answer is neither verified nor predicted.
    """
    return _shares(2 * _right(confusion), confusion.sum(axis=1) + confusion.sum(axis=2))


def _right(confusion: Integers) -> Integers:
    return np.diagonal(confusion, axis1=1, axis2=2)


def _shares(parts: Integers, wholes: Integers) -> Floats:
    with np.errstate(invalid="ignore"):  # 0 / 0 is NaN
        return parts / wholes
