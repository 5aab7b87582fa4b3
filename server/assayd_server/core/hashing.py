"""Randomness as a function of id and seed: the same on every replica, in any order, in any batch."""

from collections.abc import Sequence
from enum import IntEnum
from hashlib import blake2b

import numpy as np

from assayd_server.core.arrays import Floats, Hashes, Integers

_INCREMENT = np.uint64(0x9E3779B97F4A7C15)
_FIRST_FACTOR, _SECOND_FACTOR = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_DISCARDED_BITS = np.uint64(12)
"""What remains are 52 bits: k + 1/2 is then exact in double precision, and never rounded to 0 or 1."""


class Use(IntEnum):
    """What draws are for: each use has a stream of its own, so that the draws of two are independent."""

    THRESHOLD_FACTOR = 1
    DECIDE_BY_CHANCE = 2
    SELECT_BY_CHANCE = 3
    EXPLORE = 4


def splitmix64(values: Hashes) -> Hashes:
    """The first number that the generator SplitMix64 gives when its state is the value: a bijection.

    Args:
        values: uint64, of any shape.

    Returns:
        uint64, the same shape.

    Source: Steele, Lea and Flood 2014, Fast Splittable Pseudorandom Number Generators; constants of variant 13 of
    Stafford's mixers, as in Java's SplittableRandom.
    """
    mixed = values + _INCREMENT
    mixed = (mixed ^ (mixed >> np.uint64(30))) * _FIRST_FACTOR
    mixed = (mixed ^ (mixed >> np.uint64(27))) * _SECOND_FACTOR
    return mixed ^ (mixed >> np.uint64(31))


def id_hash(ids: Integers | Sequence[bytes]) -> Hashes:
    """Ids as evenly spread 64-bit numbers, the same on every machine.

    Args:
        ids: (n,) integers, signed ones modulo 2^64; or n byte strings of any length.

    Returns:
        (n,) uint64: SplitMix64 of integers, so that no two collide; BLAKE2b of bytes.
    """
    if isinstance(ids, np.ndarray):
        return splitmix64(ids.astype(np.uint64))
    digests = b"".join(blake2b(name, digest_size=8).digest() for name in ids)
    return np.frombuffer(digests, "<u8").astype(np.uint64)


def uniform(ids: Integers | Sequence[bytes], *, seed: int, stream: int) -> Floats:
    """A uniform draw for each id, which depends on nothing but its id, the seed and the stream.

    Args:
        ids: as for id_hash; equal ids have equal draws.
        seed: from 0 to 2^64 - 1.
        stream: from 0 to 2^64 - 1: what the draw is for (Use).

    Returns:
        (n,) float64, above 0 and below 1, in steps of 2^-52.
    """
    key = splitmix64(splitmix64(np.array([seed], np.uint64)) ^ np.array([stream], np.uint64))
    bits = splitmix64(id_hash(ids) ^ key) >> _DISCARDED_BITS
    return (bits.astype(np.float64) + 0.5) * 2.0**-52
