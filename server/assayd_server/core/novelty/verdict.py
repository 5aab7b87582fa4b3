"""Known, novel or an anomaly: novelty is related to what is known, an anomaly is not."""

import math
from enum import StrEnum

import numpy as np

from assayd_server.core.arrays import Floats, Integers


class Verdict(StrEnum):
    """What a row is, by the name that callers use."""

    KNOWN = "known"
    """Like the rows of some class; a share of at most alpha of the known rows is called otherwise."""
    NOVEL = "novel"
    """Like no class, but like the rows together."""
    ANOMALY = "anomaly"
    """Like no class, and unlike the rows together."""


VERDICTS = tuple(Verdict)
INVALID = -1
"""In place of a verdict, for a row without p-values."""


def verdicts(p_class: Floats, p_domain: Floats, alpha: float) -> Integers:
    """What each row is.

    Args:
        p_class: (n,), of the combined measure.
        p_domain: (n,), of the distance from all rows together; looked at where p_class is at most alpha. NaN where
            there is no embedding: then nothing is an anomaly.
        alpha: above 0, below 1: the share of known rows that may be called novel or anomalies.

    Returns:
        (n,) int8, positions in VERDICTS; -1 where p_class is NaN.
    """
    strange = p_class <= alpha
    found = strange.astype(np.int8)  # known, novel and anomaly are 0, 1 and 2
    found += strange & (p_domain <= alpha)
    if len(found) and math.isnan(p_class.max()):  # which one NaN makes NaN
        found[np.isnan(p_class)] = INVALID
    return found
