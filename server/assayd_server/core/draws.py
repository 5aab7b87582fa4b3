"""Random numbers that belong to an id: the same on every replica, in every order, in any batch or shard.

A draw depends on the id, the seed and the step alone, by integer arithmetic.

Source: Steele, Lea and Flood 2014, Fast Splittable Pseudorandom Number Generators (SplitMix64), with the constants
of Vigna's splitmix64.c, which are Stafford's thirteenth variant of the finalizer of MurmurHash3.
"""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from assayd_server.core.arrays import Floats

Hashes: TypeAlias = NDArray[np.uint64]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST, _SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_MASK = (1 << 64) - 1


def splitmix64(states: Hashes) -> Hashes:
    """The output of SplitMix64 whose state is that: a bijection that scatters neighbours.

    Args:
        states: any shape.

    Returns:
        The same shape.
    """
    mixed = states + _GOLDEN  # integers of an array wrap around, without a warning
    mixed ^= mixed >> np.uint64(30)
    mixed *= _FIRST
    mixed ^= mixed >> np.uint64(27)
    mixed *= _SECOND
    mixed ^= mixed >> np.uint64(31)
    return mixed


def uniforms(ids: Hashes, *, seed: int, step: int = 0) -> Floats:
    """A number between 0 and 1, both excluded, for each id.

    Args:
        ids: (n,) uint64; the same id gets the same number.
        seed: any integer; what exceeds 64 bits is cut off.
        step: which of the draws of an id.

    Returns:
        (n,) float64, an odd multiple of 2^-53.
    """
    key = splitmix64(splitmix64(np.array([seed & _MASK], np.uint64)) + np.array([step & _MASK], np.uint64))
    bits = splitmix64(ids ^ key) >> np.uint64(12)
    return (bits.astype(np.float64) + 0.5) * 2.0**-52  # 52 bits and a half: exact, and never rounded up to 1


def exponentials(ids: Hashes, *, seed: int, step: int = 0) -> Floats:
    """A draw from the exponential distribution of mean 1 for each id; its -ln is a Gumbel draw.

    Args:
        ids: (n,) uint64.
        seed: any integer.
        step: which of the draws of an id.

    Returns:
        (n,) float64, above 0, at most 36.8.
    """
    return -np.log(uniforms(ids, seed=seed, step=step))
