"""Random numbers for the steps of an algorithm, that belong to an id: the same on every replica, in any order."""

import numpy as np

from assayd_server.core.arrays import Floats, Hashes
from assayd_server.core.hashing import uniform

_STEPS = 1 << 32
"""Streams from here on are steps; those below are the uses that hashing.py names."""
_SEED_MASK = (1 << 64) - 1


def uniforms(ids: Hashes, *, seed: int, step: int = 0) -> Floats:
    """A number between 0 and 1, both excluded, for each id.

    Args:
        ids: (n,) uint64; the same id gets the same number.
        seed: any integer; what exceeds 64 bits is cut off.
        step: which of the draws of an id, from 0.

    Returns:
        (n,) float64, an odd multiple of 2^-53.
    """
    return uniform(ids, seed=seed & _SEED_MASK, stream=_STEPS + step)


def exponentials(ids: Hashes, *, seed: int, step: int = 0) -> Floats:
    """A draw from the exponential distribution of mean 1 for each id; its -ln is a Gumbel draw.

    Args:
        ids: (n,) uint64.
        seed: any integer.
        step: which of the draws of an id, from 0.

    Returns:
        (n,) float64, above 0, at most 36.8.
    """
    return -np.log(uniforms(ids, seed=seed, step=step))
