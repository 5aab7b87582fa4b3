"""Several measures as one: the mean of -ln p over their p-values, which has a p-value in turn.

The score of a row is the mean over the measures of -ln((1 + #{calibration >= s}) / (n + 1)), as Fisher combines
tests. The measures depend on each other, so no law says how it is spread: it is calibrated too, on the same rows.
There a row i has the mean of -ln(#{calibration >= s_i} / (n + 1)), itself counted. Were the new row compared with
these as one of n + 1, it would have the score that it has, and row i no more than this. So the p-value is no less
than that of one row among n + 1 that are exchangeable: P(p <= a) <= a holds exactly, with no rows kept apart.
"""

from collections.abc import Sequence
from functools import reduce

import numpy as np

from assayd_server.core.arrays import Floats, Integers
from assayd_server.core.novelty.conformal import Calibration, calibrated


def combined_score(surprises: Sequence[Floats]) -> Floats:
    """The mean of -ln p.

    Args:
        surprises: (q,) each, -ln p of one measure or more.

    Returns:
        (q,) float32, from 0; NaN where one is NaN.

    Source: Fisher 1932, Statistical Methods for Research Workers, for the sum of -2 ln p.
    """
    return (reduce(np.add, surprises) / len(surprises)).astype(np.float32)


def calibrated_combination(scores: Sequence[Floats], classes: Integers) -> Calibration:
    """The calibration of the combined score.

    Args:
        scores: (n,) float32 each, of one measure or more on the same rows, without NaN, n >= 1. They are also
            what the measures are calibrated with.
        classes: (n,), the predicted class of each row, from 0.
    """
    return calibrated(combined_score([_own_surprises(values) for values in scores]), classes)


def _own_surprises(scores: Floats) -> Floats:
    """-ln(#{scores >= s_i} / (n + 1))"""
    return -np.log((len(scores) - np.sort(scores).searchsorted(scores)) / (len(scores) + 1))
