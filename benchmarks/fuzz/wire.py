"""Changes to the bytes of a message, which its descriptor does not know."""

import random
from collections.abc import Callable

from benchmarks.fuzz.values import INVALID_UTF8_STANDIN

_STANDIN = INVALID_UTF8_STANDIN.encode()
_NO_TEXT = (b"\xff\xfe\xc0\x80\xed\xa0\x80" * 3)[: len(_STANDIN)]
"""Bytes that UTF-8 never has, an overlong zero, half of a surrogate pair."""
MIB = 1 << 20


def unspeakable(message: bytes) -> bytes:
    """With bytes in its texts that are not UTF-8, where there is a place for them."""
    return message.replace(_STANDIN, _NO_TEXT)


def spoil(rng: random.Random, message: bytes) -> bytes:
    """Another message, of bytes that are often none at all."""
    return rng.choice(_CHANGES)(rng, message)


def varint(value: int) -> bytes:
    """A number as protobuf writes it."""
    written = bytearray()
    while value > 0x7F:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes((*written, value))


def _cut(rng: random.Random, message: bytes) -> bytes:
    return message[: rng.randrange(len(message) + 1)]


def _flip(rng: random.Random, message: bytes) -> bytes:
    spoilt = bytearray(message)
    for _ in range(rng.choice((1, 2, 8)) if spoilt else 0):
        spoilt[rng.randrange(min(len(spoilt), 200))] ^= 1 << rng.randrange(8)  # what comes later is mostly numbers
    return bytes(spoilt)


def _insert(rng: random.Random, message: bytes) -> bytes:
    place = rng.randrange(len(message) + 1)
    return message[:place] + rng.randbytes(rng.choice((1, 2, 9))) + message[place:]


def _random(rng: random.Random, _: bytes) -> bytes:
    return rng.randbytes(rng.choice((0, 1, 2, 5, 40, 1000, 100_000)))


def _unknown_field(rng: random.Random, message: bytes) -> bytes:
    """One or many of any number and kind, well-formed."""
    number = rng.choice((15, 100, 19_500, 2**29 - 1))
    one = rng.choice(
        (
            varint(number << 3) + varint(rng.choice((0, 2**63, 2**64 - 1))),
            varint(number << 3 | 1) + rng.randbytes(8),
            varint(number << 3 | 2) + varint(100) + bytes(100),
            varint(number << 3 | 5) + rng.randbytes(4),
        )
    )
    return message + one * rng.choice((1, 3, 2000))


def _nest(rng: random.Random, message: bytes) -> bytes:
    """Groups in groups, or messages in messages, deeper than anybody reads."""
    depth = rng.choice((50, 101, 5000, 100_000))
    if rng.random() < 0.5:
        return message + varint(15 << 3 | 3) * depth + varint(15 << 3 | 4) * depth
    inner = b""
    for _ in range(min(depth, 2000)):
        field = varint(rng.choice((1, 2, 3)) << 3 | 2)
        inner = field + varint(len(inner)) + inner
    return inner


def _merge(_: random.Random, message: bytes) -> bytes:
    """Twice: what is given again counts, and lists are joined."""
    return message + message


def _overlong_varint(rng: random.Random, message: bytes) -> bytes:
    return message + varint(rng.randrange(1, 12) << 3) + b"\x80" * rng.choice((9, 10, 40)) + b"\x01"


def _impossible_length(rng: random.Random, message: bytes) -> bytes:
    """A field that says to be longer than the message."""
    return message + varint(2 << 3 | 2) + varint(rng.choice((2**31 - 1, 2**31, 2**32, 2**63, 2**64 - 1)))


_CHANGES: tuple[Callable[[random.Random, bytes], bytes], ...] = (
    _cut,
    _flip,
    _flip,
    _insert,
    _random,
    _unknown_field,
    _nest,
    _merge,
    _overlong_varint,
    _impossible_length,
)
