"""The token that calls are let in by: fixed, in a file that may be replaced, or from a function."""

import os
import re
from collections.abc import Callable
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path
from typing import TypeAlias

from assayd.errors import InvalidArgumentError

Token: TypeAlias = str | os.PathLike[str] | Callable[[], str]
"""The token itself, the path of a file that holds it (never as str), or what gives it for each call."""

_SENDABLE = re.compile(r"[\x21-\x7e]+")
_LOCAL_SCHEMES = ("unix:", "unix-abstract:")
_SCHEME = re.compile(r"(dns:(//[^/]*/)?|ipv4:|ipv6:|passthrough:///)")


def source_of(token: Token) -> Callable[[], str]:
    """What gives the token for each call.

    Raises:
        InvalidArgumentError: it cannot be sent, or its file cannot be read; the token is not repeated.
    """
    if isinstance(token, str):
        checked = _checked(token)
        return lambda: checked
    if isinstance(token, os.PathLike):
        return _TokenFile(Path(token))
    return lambda: _checked(token())


class _TokenFile:
    """Reads a file at each call that finds it changed. One that is gone or empty leaves the token as it was."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._state = self._now()
            self._token = self._read()
        except OSError as error:
            raise InvalidArgumentError(f"token: {path} cannot be read: {error.strerror}") from None

    def __call__(self) -> str:
        with suppress(OSError, InvalidArgumentError):  # while it is being written: the next call finds it whole
            state = self._now()
            if state != self._state:
                self._token = self._read()
                self._state = state
        return self._token

    def _read(self) -> str:
        return _checked(self._path.read_text("ascii", errors="replace").strip())

    def _now(self) -> tuple[int, int, int]:
        found = self._path.stat()
        return found.st_mtime_ns, found.st_size, found.st_ino


def stays_here(address: str) -> bool:
    """Whether an address leads no further than this machine."""
    if address.startswith(_LOCAL_SCHEMES):
        return True
    places = _SCHEME.sub("", address, count=1).split(",")
    return all(map(_is_loopback, places))


def _is_loopback(place: str) -> bool:
    host = place.rpartition(":")[0].strip("[]") or place
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _checked(token: object) -> str:
    if not isinstance(token, str) or not _SENDABLE.fullmatch(token):
        raise InvalidArgumentError("token: is empty, or has other than printable ASCII in it, and cannot be sent")
    return token
