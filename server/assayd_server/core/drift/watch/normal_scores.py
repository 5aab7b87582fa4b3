"""What a row adds to a cumulative sum: the normal score of its bin, in whole units."""

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from assayd_server.core.arrays import Floats, Integers
from assayd_server.core.drift.psi import smoothed

SCORE_UNITS = 64
"""A score of one standard deviation, as an integer: whole numbers add up to the same in any cut."""

_SCORE_MAX = 4.0
"""No row counts for more standard deviations than this: a value that hardly ever occurs is left to the windows."""

_DEVIATION_MIN = 0.5
"""Of the scores before they are standardised: that of a column with hardly any spread is not blown up to 1."""


def normal_scores(counts: Integers) -> NDArray[np.int64]:
    """The score of each bin of a column of numbers: the mean of a normal variable between the bin's quantiles.

    On the scale of ranks, so that a skewed column is as good as a normal one. Mean 0 and variance 1 over the
    known rows of the reference, as nearly as whole units and the caps allow.

    Args:
        counts: (B,) int64, of the reference, the last for missing values.

    Returns:
        (B,) int64, in units of 1 / SCORE_UNITS, ascending, but 0 for missing values.

    Source: Blom 1958, Statistical Estimates and Transformed Beta-Variables.
    """
    known = smoothed(counts)[:-1]
    shares = known / known.sum()
    scores = -np.diff(_density(np.append([0], np.cumsum(shares)))) / shares
    deviation = max(float(np.sqrt(shares @ scores**2)), _DEVIATION_MIN)
    units = np.rint(np.clip(scores / deviation, -_SCORE_MAX, _SCORE_MAX) * SCORE_UNITS)
    return np.append(units, 0).astype(np.int64)


def _density(probabilities: Floats) -> Floats:
    """Of the normal law, at its quantiles; 0 at both ends, where they are infinite."""
    quantiles = ndtri(np.clip(probabilities, 0, 1))
    return np.exp(-(quantiles**2) / 2) / np.sqrt(2 * np.pi)
