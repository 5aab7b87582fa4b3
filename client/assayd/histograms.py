"""Histograms of two samples over the same bins, in a line of text each."""

import numpy as np
from numpy.typing import NDArray

_BLOCKS = "▁▂▃▄▅▆▇█"
_NONE = "·"
"""Of a bin that nothing is in."""
_ROUNDING = 1e-9

Counts = tuple[int, ...]


def shares(counts: Counts) -> NDArray[np.float64]:
    """(b,): of all that is counted; 0 where there is nothing."""
    return np.asarray(counts, np.float64) / max(1, sum(counts))


def lines(first: Counts, second: Counts, *, bins_max: int) -> tuple[str, str]:
    """A character for each bin, both by the same scale; where there are more, neighbours are taken together.

    Args:
        first: (b,), b >= 1; the last bin, of missing values, stays by itself.
        second: (b,).
        bins_max: 2 or more.
    """
    heights = [shares(_narrowed(counts, bins_max)) for counts in (first, second)]
    highest = max(np.max(heights), np.finfo(np.float64).tiny)
    one, other = ("".join(map(_block, each / highest)) for each in heights)
    return one, other


def _block(height: float) -> str:
    """Of a share of the highest."""
    step = int(np.ceil(height * len(_BLOCKS) - _ROUNDING))
    return _BLOCKS[max(1, step) - 1] if height > 0 else _NONE


def _narrowed(counts: Counts, bins_max: int) -> Counts:
    if len(counts) <= bins_max:
        return counts
    together = -(-(len(counts) - 1) // (bins_max - 1))  # the same everywhere, or heights would say how many
    starts = [*range(0, len(counts) - 1, together), len(counts) - 1]
    return tuple(np.add.reduceat(np.asarray(counts, np.int64), starts).tolist())
