"""When certificates expire: read from the few bytes of each that say so; the standard library has no way to ask.

Source: RFC 5280, section 4.1, and X.690 for the encoding. What is read here has been accepted by OpenSSL before.
"""

import re
import ssl
from datetime import UTC, datetime
from typing import NamedTuple

_PEM = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
_VERSION_TAG, _UTC_TIME_TAG = 0xA0, 0x17
_LONG_LENGTH = 0x80
_CENTURY_YEAR = 50
"""Years of two digits from here on are of the twentieth century."""


class _Element(NamedTuple):
    tag: int
    start: int
    """Of its content."""
    end: int


def expiry_seconds(pem: bytes) -> float:
    """When the first of some certificates expires.

    Args:
        pem: one or more of them.

    Returns:
        Seconds since 1970.

    Raises:
        ValueError: there is none, or one is not made as certificates are.
    """
    texts = _PEM.findall(pem.decode("ascii", errors="ignore"))
    if not texts:
        raise ValueError("there is no certificate in it")
    return min(_expiry(ssl.PEM_cert_to_DER_cert(text)) for text in texts)


def _expiry(der: bytes) -> float:
    try:
        certificate = _element(der, 0)
        signed = _element(der, certificate.start)
        at = signed.start
        if der[at] == _VERSION_TAG:
            at = _element(der, at).end
        for _ in ("serial number", "algorithm", "issuer"):
            at = _element(der, at).end
        begin = _element(der, _element(der, at).start)
        return _time(der, _element(der, begin.end)).timestamp()
    except IndexError:
        raise ValueError("a certificate ends before its time is told") from None


def _time(der: bytes, element: _Element) -> datetime:
    text = der[element.start : element.end].decode("ascii")
    if element.tag == _UTC_TIME_TAG:
        text = ("19" if int(text[:2]) >= _CENTURY_YEAR else "20") + text
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)


def _element(der: bytes, at: int) -> _Element:
    """The one that begins there."""
    start = at + 2
    length = der[at + 1]
    if length & _LONG_LENGTH:
        count = length & ~_LONG_LENGTH
        length, start = int.from_bytes(der[start : start + count], "big"), start + count
    return _Element(der[at], start, start + length)
