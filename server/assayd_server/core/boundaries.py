"""Where the class changes between two rows, by a linear head: exactly, as scores are linear there.

What is between two rows is cut by a linear head into pieces, each the place of one class.

Source: Wang et al. 2015, Active Learning via Query Synthesis and Nearest Neighbour Search, for any classifier and
by bisection, which a linear one does not need.
"""

from dataclasses import dataclass

import numpy as np

from assayd_server.core.arrays import Booleans, Floats, Integers
from assayd_server.core.softmax import softmax

NO_CLASS = -1
_VANISHING = 1e-6
"""A point so much shorter than what it lies between is what rounding has left of zero."""


@dataclass(frozen=True, slots=True)
class Boundaries:
    """Of m pairs of rows."""

    positions: Floats
    """(m,) float64, in [0, 1]: the share of the way at which the first row's class ends; NaN where it does not."""
    first_classes: Integers
    """(m,), as the next: -1 where the scores of either row are not finite, or too large to be compared."""
    second_classes: Integers
    next_classes: Integers
    """(m,): the class that begins there, ties to the lower one; -1 where there is no boundary."""
    probabilities: Floats
    """(m,) float64: of either of the two classes there."""


def boundaries(first: Floats, second: Floats, *, temperature: float = 1.0) -> Boundaries:
    """The boundary of the class of each first row on the way to the second one.

    Between the rows a score is (1 - t) z + t z', so that the gap between two of them closes at g / (g - g'), where
    g is the gap at the first row and g' that at the second: the boundary is where the first of them closes.

    Args:
        first: (m, c), c >= 2, float: the scores of the first rows.
        second: (m, c), those of the second ones.
        temperature: divides the scores for the probabilities, above 0; the boundary does not depend on it.
    """
    first, second = first.astype(np.float64), second.astype(np.float64)
    here, there = first.argmax(axis=1), second.argmax(axis=1)
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        gaps, gaps_after = (_of(scores, here)[:, None] - scores for scores in (first, second))
        closing = gaps - gaps_after
        known = np.isfinite(closing).all(axis=1)
        closes = (gaps_after <= 0) & (closing > 0) & (known & (here != there))[:, None]
        shares = np.where(closes, gaps / closing, np.inf)
    found, following = closes.any(axis=1), shares.argmin(axis=1)
    positions = np.where(found, shares.min(axis=1), np.nan)
    with np.errstate(invalid="ignore", over="ignore"):
        scores = between(first, second, positions)
    return Boundaries(
        positions=positions,
        first_classes=np.where(known, here, NO_CLASS),
        second_classes=np.where(known, there, NO_CLASS),
        next_classes=np.where(found, following, NO_CLASS),
        probabilities=np.where(found, _of(softmax(scores, temperature), here), np.nan),
    )


def between(first: Floats, second: Floats, positions: Floats) -> Floats:
    """The points at some shares of the way from first rows to second ones.

    Args:
        first: (m, d) float.
        second: (m, d) float.
        positions: (m,) float64, in [0, 1]; NaN gives NaN.

    Returns:
        (m, d) float64.
    """
    share = positions[:, None]
    return (1 - share) * first + share * second


def have_direction(points: Floats, first: Floats, second: Floats) -> Booleans:
    """Which points between rows have a direction: between opposite ones lies zero, but for rounding.

    Args:
        points: (m, d) float.
        first: (m, d), what they lie between.
        second: (m, d)

    Returns:
        (m,); False for NaN.
    """
    lengths, *ends = (np.linalg.norm(rows.astype(np.float64), axis=1) for rows in (points, first, second))
    return np.asarray(lengths > _VANISHING * np.maximum(*ends))


def _of(scores: Floats, classes: Integers) -> Floats:
    """(m,): of each row the score of one class."""
    return np.take_along_axis(scores, classes[:, None], axis=1)[:, 0]
