"""States of streams that were tampered with: damaged ones, and forged ones whose checksum is right."""

import random
import struct
from hashlib import blake2b

_CHECKSUM_BYTES = 16
_NUMBERS = (0, 1, 2**31, 2**32 - 1, 2**63 - 1, 2**63, 2**64 - 1, 0x7FF8000000000000, 0x7FF0000000000000, 1 << 52)
"""Whole ones, or as floats: not a number, an infinity, hardly anything."""


def tampered(rng: random.Random, token: bytes) -> bytes:
    """A state that no server gave, or one that another server gave."""
    kind = rng.randrange(6)
    if kind == 0:
        return token
    if kind == 1:
        return token[: rng.randrange(len(token) + 1)]
    if kind == 2:
        return token + rng.randbytes(rng.choice((1, 8, 4096)))
    content = bytearray(token[:-_CHECKSUM_BYTES])
    for _ in range(rng.choice((1, 1, 2, 8))):
        _spoil(rng, content)
    if kind == 3:
        return bytes(content) + token[-_CHECKSUM_BYTES:]
    return sealed(bytes(content))


def sealed(content: bytes) -> bytes:
    """With the checksum that a server would give it: anybody can compute it."""
    return content + blake2b(content, digest_size=_CHECKSUM_BYTES).digest()


def _spoil(rng: random.Random, content: bytearray) -> None:
    """Another byte or another number somewhere behind the binding to the settings, mostly."""
    if not content:
        return
    start = rng.randrange(24, len(content)) if len(content) > 24 and rng.random() < 0.9 else 0
    if rng.random() < 0.3:
        content[start] ^= 1 << rng.randrange(8)
    else:
        start = 24 + (start - 24) // 8 * 8 if start >= 24 else start
        struct.pack_into("<Q", content, min(start, len(content) - 8), rng.choice(_NUMBERS))
