"""Values that nobody expects, by the kind of a field."""

import random
from typing import Any

import numpy as np
from google.protobuf.descriptor import FieldDescriptor

INVALID_UTF8_STANDIN = "<invalid utf-8>"
"""Stands in a text for bytes that no text can have; wire.py puts these in its place."""
_SMALL, _LARGE = (0, 1, -1, 2, 7, 64, 1000, 16_384), (2**31 - 1, -(2**31), 2**31, 2**32, 2**53 + 1, 2**62)
WHOLE = (*_SMALL, *_LARGE, 2**63 - 1, -(2**63))
UNSIGNED = (*(value for value in WHOLE if value >= 0), 2**64 - 1)
FLOATS = (0.0, -0.0, 1.0, -1.0, 1e-320, 1e-12, 0.5, 0.999, 3.0, 1e9, 1e38, 1e308, np.nan, np.inf, -np.inf)
TEXTS = (
    "",
    "digits",
    "..",
    "../../../../etc/passwd",
    "/etc/passwd",
    "digits/../../../etc/shadow",
    "digits/1",
    "%2e%2e%2f%2e%2e%2fetc%2fpasswd",
    "..\\..\\windows\\win.ini",
    "file:///etc/passwd",
    "digits\0.onnx",
    "\0",
    "\n\r\t",
    "%s%n%x{0}{{}}${jndi:ldap://x}",
    "'; drop table models; --",
    "\N{SNOWMAN}" * 40,
    "\u202e\ufeff\ue000\U0010ffff",
    INVALID_UTF8_STANDIN,
    f"a{INVALID_UTF8_STANDIN}b",
    "x" * 5000,
    "9" * 5000,
    "\N{SUPERSCRIPT TWO}\N{ARABIC-INDIC DIGIT ONE}",
    "\N{SNOWMAN}" * 70_000,
)
SHAPES: tuple[tuple[int, ...], ...] = (
    (),
    (0,),
    (-1,),
    (2**63 - 1,),
    (-(2**63), 2),
    (2**62, 8),
    (2**32, 2**32),
    (2**31, 2**33, 4),
    (2**20, 2**20, 2),
    (65_536,) * 4,
    (0, 2**63 - 1),
    (2**40, 0, 2**40),
    (0, 0),
    (1,) * 8,
    (1,) * 9,
    (1,) * 4000,
    (10**12, 64),
    (3, 64),
    (64, 3),
    (192,),
    (1, 1, 1),
)
"""Lengths whose product wraps, is negative, is terabytes, or is right by chance."""

_WHOLE_TYPES = {FieldDescriptor.CPPTYPE_INT32: 32, FieldDescriptor.CPPTYPE_INT64: 64}
_UNSIGNED_TYPES = {FieldDescriptor.CPPTYPE_UINT32: 32, FieldDescriptor.CPPTYPE_UINT64: 64}


def odd_value(rng: random.Random, field: FieldDescriptor) -> Any:
    """For a field that holds no message."""
    kind = field.cpp_type
    if kind in _WHOLE_TYPES:
        bits = _WHOLE_TYPES[kind]
        return rng.choice([value for value in WHOLE if -(2 ** (bits - 1)) <= value < 2 ** (bits - 1)])
    if kind in _UNSIGNED_TYPES:
        return rng.choice([value for value in UNSIGNED if value < 2 ** _UNSIGNED_TYPES[kind]])
    if kind in (FieldDescriptor.CPPTYPE_FLOAT, FieldDescriptor.CPPTYPE_DOUBLE):
        return rng.choice(FLOATS)
    if kind == FieldDescriptor.CPPTYPE_BOOL:
        return rng.random() < 0.5
    if kind == FieldDescriptor.CPPTYPE_ENUM:
        known = [value.number for value in field.enum_type.values]
        return rng.choice([*known, *known, -1, 99, 2**31 - 1, -(2**31)])
    return odd_text(rng) if field.type == FieldDescriptor.TYPE_STRING else odd_bytes(rng)


def odd_text(rng: random.Random) -> str:
    """Names of other places, texts that are long or hardly any, and such as no text can be."""
    return rng.choice(TEXTS)


def odd_bytes(rng: random.Random) -> bytes:
    """Of many lengths, by chance or all the same."""
    size = rng.choice((0, 1, 3, 4, 7, 16, 76, 255, 4096, 70_000))
    return rng.choice((bytes(size), b"\xff" * size, rng.randbytes(size)))


def odd_numbers(rng: random.Random, size: int) -> bytes:
    """As many bytes of floats that are no numbers, or much too large."""
    kind = rng.choice(("<f4", "<f8", "<f2", "<i8"))
    value = rng.choice((np.nan, np.inf, -np.inf, 3e38, 1e-40, -1.0))
    with np.errstate(all="ignore"):
        filled = np.full(size // np.dtype(kind).itemsize + 1, value).astype(kind)
    return filled.tobytes()[:size]
