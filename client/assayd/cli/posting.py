"""Posts JSON to where alerts go: within time limits, a few times, and never elsewhere."""

import base64
import http.client
import json
import threading
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

import typer

TIMEOUT_SECONDS = 5.0
ATTEMPTS_MAX = 3
PAUSE_SECONDS = 1.0
_TOO_MANY_REQUESTS, _SERVER_ERRORS = 429, 500


class NotDeliveredError(Exception):
    """Nobody took it; one sentence, which has no secrets of the address."""


def http_urls(values: list[str] | None) -> list[str] | None:
    """Check what a flag names, a callback of typer."""
    for value in values or ():
        try:
            parts = urlsplit(value)
            usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:  # of a port that is no number
            usable = False
        if not usable:
            raise typer.BadParameter(f"{value!r} is no address, allowed are http://... and https://...")
    return values


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A POST that is sent elsewhere would arrive there as a GET."""

    def redirect_request(self, *_: Any) -> None:
        """Leave it at the answer that there was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """An address that takes JSON."""

    url: str
    """http or https; user and password before the host are sent as Basic credentials."""
    timeout_seconds: float = TIMEOUT_SECONDS
    """For each attempt."""
    pause_seconds: float = PAUSE_SECONDS
    """Before the second attempt; it doubles each time."""
    attempts_max: int = ATTEMPTS_MAX
    stopping: threading.Event = field(default_factory=threading.Event)
    """Ends the pauses."""

    @property
    def name(self) -> str:
        """Scheme, host and port: the rest may be a secret."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"

    def post(self, document: Any) -> None:
        """Send a document.

        Raises:
            NotDeliveredError: it was refused, or nobody took it in as many attempts.
        """
        request = urllib.request.Request(  # noqa: S310 the scheme was checked
            self._bare_url, json.dumps(document, allow_nan=False).encode(), self._headers, method="POST"
        )
        attempt = 0
        while True:
            attempt += 1
            try:
                return self._sent(request)
            except urllib.error.HTTPError as error:
                with error:
                    reason, again = f"HTTP {error.code} {error.reason}", _may_pass(error.code)
            except (OSError, http.client.HTTPException) as error:
                reason, again = _short(error), True
            if not again or attempt == self.attempts_max:
                raise NotDeliveredError(f"{self.name} did not take it: {reason}{_times(attempt)}")
            self.stopping.wait(self.pause_seconds * 2 ** (attempt - 1))

    def _sent(self, request: urllib.request.Request) -> None:
        with urllib.request.build_opener(_NoRedirects).open(request, timeout=self.timeout_seconds):
            return  # what it answers does not matter

    @property
    def _bare_url(self) -> str:
        parts = urlsplit(self.url)
        return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))

    @property
    def _headers(self) -> Mapping[str, str]:
        parts = urlsplit(self.url)
        headers = {"Content-Type": "application/json", "User-Agent": "assayctl"}
        if parts.username is None:
            return headers
        credentials = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        return {**headers, "Authorization": f"Basic {base64.b64encode(credentials.encode()).decode()}"}


def _may_pass(code: int) -> bool:
    return code == _TOO_MANY_REQUESTS or code >= _SERVER_ERRORS


def _times(attempts: int) -> str:
    return f" ({attempts} attempts)" if attempts > 1 else ""


def _short(error: BaseException) -> str:
    reason = getattr(error, "reason", error)
    return " ".join(str(getattr(reason, "strerror", None) or reason or type(reason).__name__).split())[:200]
