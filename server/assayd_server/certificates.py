"""The certificate and the key of the gRPC port, and whose certificates its clients must have."""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from assayd_server.certificate_expiry import expiry_seconds
from assayd_server.errors import StartError

CERTIFICATE, KEY, CLIENT_CA = "tls_certificate", "tls_key", "tls_client_ca"
"""The settings that name the files."""


@dataclass(frozen=True, slots=True)
class Certificates:
    """What the files hold, in PEM."""

    chain: bytes = field(repr=False)
    key: bytes = field(repr=False)
    client_ca: bytes | None = field(repr=False)
    """None where clients are not asked."""
    expiry_seconds: Mapping[str, float]
    """By setting: when the first certificate of that file expires, in seconds since 1970."""


def read(contents: Mapping[str, bytes], paths: Mapping[str, Path]) -> Certificates:
    """The certificates of some files.

    Args:
        contents: by setting.
        paths: where they were read: OpenSSL reads a key from a file alone.

    Raises:
        StartError: they are no certificates, or the key is not that of the certificate; nothing of it is repeated.
    """
    _check_pair(paths)
    expiry = {CERTIFICATE: _expiry(CERTIFICATE, contents[CERTIFICATE])}
    client_ca = contents.get(CLIENT_CA)
    if client_ca is not None:
        _check_authorities(client_ca)
        expiry[CLIENT_CA] = _expiry(CLIENT_CA, client_ca)
    return Certificates(contents[CERTIFICATE], contents[KEY], client_ca, expiry)


def _check_pair(paths: Mapping[str, Path]) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    asked: list[bool] = []
    password = partial(_no_password, asked)  # else OpenSSL asks the terminal
    try:
        context.load_cert_chain(paths[CERTIFICATE], paths[KEY], password=password)
    except (ssl.SSLError, ValueError, OSError) as error:
        why = "the key is encrypted" if asked else _why(error)
        raise StartError(f"{CERTIFICATE} and {KEY} cannot be used together: {why}") from None


def _no_password(asked: list[bool]) -> str:
    asked.append(True)
    return "-"


def _check_authorities(pem: bytes) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_verify_locations(cadata=pem.decode("ascii"))
    except (ssl.SSLError, ValueError) as error:
        raise StartError(f"{CLIENT_CA}: holds no certificates: {_why(error)}") from None


def _expiry(setting: str, pem: bytes) -> float:
    try:
        return expiry_seconds(pem)
    except ValueError as error:
        raise StartError(f"{setting}: cannot be read: {error}") from None


def _why(error: Exception) -> str:
    """In the words of OpenSSL, such as KEY_VALUES_MISMATCH: the key is of another certificate."""
    reason = getattr(error, "reason", None)
    return str(reason).replace("_", " ").lower() if reason else "it is not PEM"
