"""The population stability index: how far two histograms over the same bins lie apart, and what that proves."""

import numpy as np
from scipy.special import chdtrc, chdtri

from assayd_server.core.arrays import Floats, Integers


def smoothed(counts: Integers) -> Floats:
    """Proportions that are never 0: (count + 1/2) / (total + B/2), for (B,) counts."""
    shares = counts + 0.5
    shares /= np.add.reduce(shares)
    return shares


def psi(reference: Integers, window: Integers) -> float:
    """The sum of (a - e) ln(a / e) over smoothed proportions a of the window and e of the reference.

    By rule of thumb 0.1 is a moderate shift and 0.25 a large one.

    Args:
        reference: (B,) int64 counts.
        window: (B,) int64 counts.

    Returns:
        At least 0; finite for any counts. It is the Jeffreys divergence, the same with both exchanged.

    Source: Siddiqi 2006, Credit Risk Scorecards; Jeffreys 1946, An Invariant Form for the Prior Probability.
    """
    actual, expected = smoothed(window), smoothed(reference)
    return float((actual - expected) @ np.log(actual / expected))


def psi_statistic(reference: Integers, window: Integers) -> float:
    """PSI / (1/n + 1/m), for n and m rows: chi-squared with B - 1 degrees of freedom where both are alike.

    Returns:
        At least 0; 0 where there is no row in one of them.

    Source: Yurdakul and Naranjo 2020, Statistical properties of the population stability index.
    """
    reference_rows, window_rows = int(reference.sum()), int(window.sum())
    return psi(reference, window) * reference_rows * window_rows / max(reference_rows + window_rows, 1)


def psi_p_value(statistic: float, bin_count: int) -> float:
    """How probable a statistic as large as this is where both are samples of the same rows; 1 for a single bin."""
    return float(chdtrc(bin_count - 1, statistic)) if bin_count > 1 else 1.0


def psi_critical(bin_count: int, alpha: float) -> float:
    """What psi_statistic exceeds with probability alpha, over this many bins, at least 2, where both are alike."""
    return float(chdtri(bin_count - 1, alpha))
