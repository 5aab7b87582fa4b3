"""Rows of which single precision can hold every value."""

import numpy as np

from assayd_server.core.arrays import Booleans, Floats
from assayd_server.core.validity import finite

LARGEST = float(np.finfo(np.float32).max)


def usable(rows: Floats) -> Booleans:
    """Which rows are finite as float32: (n, d) to (n,)."""
    with np.errstate(over="ignore"):
        return finite(rows.astype(np.float32, copy=False))


def bounded(scores: Floats, rows: Floats) -> Floats:
    """Scores as float32, NaN where their row is not usable, and the largest number where its score overflowed.

    Args:
        scores: (n,), infinite or NaN for rows that are not usable, and for those that are too strange for numbers.
        rows: (n, d), of which only those are looked at whose score is not finite.
    """
    if scores.dtype == np.float32 and np.isfinite(scores).all():
        return scores
    values = clipped(scores)
    odd = np.flatnonzero(~(np.abs(values) < LARGEST))
    if odd.size:
        values[odd] = np.where(usable(rows[odd]), LARGEST, np.nan)
    return values


def clipped(scores: Floats) -> Floats:
    """Scores as float32 without infinities; NaN stays: (n,) to (n,), the argument itself where nothing changes."""
    if scores.dtype == np.float32 and np.isfinite(scores).all():
        return scores
    return np.clip(scores, -LARGEST, LARGEST).astype(np.float32)
