"""How a connection is encrypted: files of certificates, which may be replaced while it is in use."""

import os
import ssl
import time
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TypeAlias

import grpc

from assayd.errors import InvalidArgumentError

FilePath: TypeAlias = str | os.PathLike[str]
_LOOK_SECONDS = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """Whose servers are believed, and who the client is. All files are PEM, and read again when they change."""

    ca: FilePath | None = None
    """The authorities that a server's certificate must come from; None for those that gRPC brings along."""

    certificate: FilePath | None = None
    """The client's own certificate and those up to its authority, for servers that ask for one; with key."""

    key: FilePath | None = None
    """The private key of the certificate, without a password."""

    server_name: str | None = None
    """The name that a server's certificate must have; None for that of the address."""

    def __post_init__(self) -> None:
        """Refuse half of a pair."""
        if (self.certificate is None) != (self.key is None):
            raise InvalidArgumentError("tls: certificate and key go together")


class TlsFiles:
    """The files of a Tls, and what gRPC makes of them."""

    def __init__(self, tls: Tls) -> None:
        """Read them.

        Raises:
            InvalidArgumentError: one cannot be read or used; nothing of it is repeated.
        """
        self._paths = {
            field.name: Path(path)
            for field in fields(tls)
            if field.name != "server_name" and (path := getattr(tls, field.name)) is not None
        }
        self._state = self._states()
        self._next_look = time.monotonic() + _LOOK_SECONDS
        self.credentials = self._read()
        """Of the files as they are."""

    def changed(self) -> bool:
        """Whether there are new credentials; a look once a second. What cannot be used is left for later."""
        now = time.monotonic()
        if now < self._next_look:
            return False
        self._next_look = now + _LOOK_SECONDS
        state = self._states()
        if state == self._state:
            return False
        try:
            self.credentials = self._read()
        except InvalidArgumentError:  # perhaps they are just being written
            return False
        self._state = state
        return True

    def _read(self) -> grpc.ChannelCredentials:
        contents = {name: _contents(name, path) for name, path in self._paths.items()}
        _check(self._paths)
        return grpc.ssl_channel_credentials(contents.get("ca"), contents.get("key"), contents.get("certificate"))

    def _states(self) -> list[tuple[int, ...]]:
        return [_state(path) for path in self._paths.values()]


def _contents(name: str, path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InvalidArgumentError(f"tls: {name}: {path} cannot be read: {error.strerror}") from None


def _check(paths: dict[str, Path]) -> None:
    """See to it that gRPC can use them, which else says so only when it connects, and to its log."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        if "ca" in paths:
            context.load_verify_locations(paths["ca"])
    except (OSError, ValueError):
        raise InvalidArgumentError(f"tls: ca: {paths['ca']} holds no certificates in PEM") from None
    try:
        if "certificate" in paths:
            context.load_cert_chain(paths["certificate"], paths["key"], password=lambda: "-")
    except (OSError, ValueError):
        pair = f"{paths['certificate']} and {paths['key']}"
        raise InvalidArgumentError(
            f"tls: certificate: {pair} are no certificate and its key in PEM, without a password"
        ) from None


def _state(path: Path) -> tuple[int, ...]:
    """What tells that a file is another one; nothing where it is not there."""
    try:
        found = path.stat()
    except OSError:
        return ()
    return (found.st_mtime_ns, found.st_size, found.st_ino)
