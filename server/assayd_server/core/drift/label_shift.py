"""How frequent each class has become, told from predictions alone."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assayd_server.core.arrays import Floats, Integers
from assayd_server.core.drift.bins import Bins, Values

_SINGULAR = 1e-6
"""Of the largest singular value: combinations of classes that predictions tell apart by less are left alone."""


@dataclass(frozen=True, slots=True, eq=False)
class ClassPriors:
    """The shares of the classes, where rows of a class still look like rows of that class."""

    reference: Floats
    """(B,) float64, the shares of the labels in the reference; they sum to 1."""

    window: Floats
    """(B,) float64, of the window, estimated or observed; they sum to 1."""

    condition: float
    """How much errors of the counts may be multiplied, at least 1: the condition number of the confusion matrix,
    its columns divided by the roots of their sums. 1 where the shares are observed."""

    observed: bool = False
    """Whether they are those of labels that came with the window, and no estimate."""


def confusion_counts(bins: Bins, predicted: Values, labels: Values) -> NDArray[np.int64]:
    """How many rows were predicted to be in each bin of the class column, by the bin of their label.

    Args:
        bins: of the column of predicted classes.
        predicted: (n,), as the column has them.
        labels: (n,), true classes of the same kind; rows whose class or label is missing are left out.

    Returns:
        (B, B) int64, predictions down, labels across; B = bins.count - 1, without the missing.
    """
    count = bins.count - 1
    rows, columns = bins.assign(predicted), bins.assign(labels)
    known = (rows < count) & (columns < count)
    cells = rows[known] * count + columns[known]
    return np.bincount(cells, minlength=count * count).reshape(count, count).astype(np.int64)


def class_priors(confusion: Integers, window: Integers) -> ClassPriors | None:
    """The shares of classes in a window: w = C^-1 mu, clipped, times the shares of the reference.

    C is the joint distribution of prediction and label in the reference, mu that of predictions in the window.
    Classes that predictions do not tell apart keep the ratio of their shares.

    Args:
        confusion: (B, B) int64, as confusion_counts gives it.
        window: (B,) int64, how many rows of the window were predicted to be in each bin.

    Returns:
        None where the reference has no labelled row, or the window no predicted one.

    Source: Lipton, Wang and Smola 2018, Detecting and Correcting for Label Shift with Black Box Predictors.
    """
    labelled, rows = int(confusion.sum()), int(window.sum())
    if not (labelled and rows):
        return None
    joint = confusion / labelled
    shares = joint.sum(axis=0)
    roots = np.sqrt(np.where(shares > 0, shares, 1))
    gap = window / rows - joint.sum(axis=1)  # w - 1 solves C (w - 1) = mu - C 1, and the least of them by shares
    left, values, right = np.linalg.svd(joint / roots)
    told = values > _SINGULAR * values[0]
    weights = np.maximum(1 + right[told].T @ ((left.T @ gap)[told] / values[told]) / roots, 0)
    estimate = weights * shares
    total = float(estimate.sum())
    return ClassPriors(shares, estimate / total if total > 0 else shares, float(values[0] / values[told][-1]))


def observed_priors(reference: Integers, window: Integers) -> ClassPriors:
    """The shares of classes among labels.

    Args:
        reference: (B,) int64, how many rows have each label, of one row or more.
        window: (B,) int64, the same of the window.
    """
    return ClassPriors(reference / reference.sum(), window / window.sum(), 1.0, observed=True)
