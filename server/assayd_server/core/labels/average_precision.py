"""How well scores put the rows of a class before the others: AP of each class, their mean, and AP of all together.

Exact, and so of all rows at once: an order of rows does not add up over parts.
"""

import numpy as np

from assayd_server.core.arrays import Booleans, Floats, Integers
from assayd_server.core.labels.questions import UNKNOWN


def average_precision(scores: Floats, positives: Booleans) -> float:
    """The mean of the precision down to each positive row, from the highest score on.

    Rows of the same score are taken together: they come in no order.

    Args:
        scores: (n,), without NaN.
        positives: (n,).

    Returns:
        In (0, 1]; NaN without a positive row.

    Source: Everingham et al. 2010, The PASCAL Visual Object Classes Challenge; Veit et al. 2017, section 4.2.
    """
    if not positives.any():
        return np.nan
    order = np.argsort(scores, kind="stable")[::-1]
    ranked = scores[order]
    last = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True))  # of each score
    found = np.cumsum(positives[order])[last]
    gained = np.diff(found, prepend=0)
    return float((gained * (found / (last + 1))).sum() / found[-1])


def average_precisions(scores: Floats, truth: Integers) -> Floats:
    """AP of each class, over the rows of which it is known whether they are of it.

    Args:
        scores: (n, c), without NaN.
        truth: (n, c), 1 or 0, or UNKNOWN.

    Returns:
        (c,) float64; NaN for a class without a positive row.
    """
    known = truth != UNKNOWN
    columns = zip(scores.T, truth.T, known.T, strict=True)
    return np.array([average_precision(column[of], (own == 1)[of]) for column, own, of in columns])


def mean_average_precision(of_classes: Floats) -> float:
    """mAP: (c,), of average_precisions, to their mean over the classes with a positive row; NaN where none has."""
    known = of_classes[~np.isnan(of_classes)]
    return float(known.mean()) if known.size else np.nan


def pooled_average_precision(scores: Floats, truth: Integers) -> float:
    """AP_all: all annotations as those of one class, so that frequent classes count by their frequency.

    Args:
        scores: (n, c), without NaN, comparable between classes.
        truth: (n, c), 1 or 0, or UNKNOWN.

    Returns:
        In (0, 1]; NaN without a positive annotation.

    Source: Veit et al. 2017, Learning From Noisy Large-Scale Datasets With Minimal Supervision, section 4.2.
    """
    known = truth != UNKNOWN
    return average_precision(scores[known], truth[known] == 1)
