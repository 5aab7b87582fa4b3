"""What a row should weigh in training, so that frequent classes do not drown the others."""

import numpy as np

from assayd_server.core.arrays import Floats, Integers


def inverse_frequency(counts: Integers) -> Floats:
    """Each class has the same weight in all: n / (c n_c).

    Args:
        counts: (c,), 1 or more: how many rows each class has.

    Returns:
        (c,) float64; the mean over rows is 1.

    Source: King and Zeng 2001, Logistic Regression in Rare Events Data.
    """
    return counts.sum() / (len(counts) * counts.astype(np.float64))


def effective_number(counts: Integers, b: float) -> Floats:
    """Less for each further row of a class, which tells less and less that is new: (1 - b) / (1 - b^n_c).

    Args:
        counts: (c,), 1 or more.
        b: in [0, 1): from 1 for every class, at 0, towards 1 / n_c.

    Returns:
        (c,) float64, in (0, 1]; divide them by their mean where the size of the loss is to stay.

    Source: Cui et al. 2019, Class-Balanced Loss Based on Effective Number of Samples.
    """
    with np.errstate(divide="ignore"):  # of b = 0
        return (1 - b) / -np.expm1(counts * np.log(b))  # exact near 1 too, where 1 - b^n cancels
