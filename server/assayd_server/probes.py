"""The HTTP side: /metrics for Prometheus, /healthz and /readyz for Kubernetes."""

import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from socket import AF_INET6, SHUT_RDWR, socket
from socketserver import ThreadingMixIn
from threading import BoundedSemaphore
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from assayd_server.errors import StartError

_REQUEST_SECONDS_MAX = 2.0
_CONNECTIONS_MAX = 64
_POLL_SECONDS = 0.05
"""How long a stop can take to be noticed."""


MetricsApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
"""A WSGI application."""


class Probes:
    """Answers over HTTP from a thread of its own."""

    def __init__(self, *, host: str, port: int, metrics: MetricsApp) -> None:
        """Bind the port and begin to answer: alive, not ready.

        Args:
            host: the address.
            port: 0 takes any free one.
            metrics: answers for /metrics.

        Raises:
            StartError: the port cannot be had.
        """
        self.ready = False
        self._metrics = metrics
        try:
            self._server = make_server(host, port, self._answer, _Server6 if ":" in host else _Server, _Handler)
        except OSError as error:
            raise StartError(f"metrics_port: cannot listen on {host}:{port}: {error.strerror}") from None
        self.port = int(self._server.server_port)
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(_POLL_SECONDS,), name="probes", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Answer no more."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _answer(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path == "/metrics":
            return self._page(environ, start_response)
        status, text = self._probe(path)
        start_response(status, [("Content-Type", "text/plain"), ("Content-Length", str(len(text)))])
        return [text]

    def _page(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """The metrics, as text where the caller's wishes make no sense: prometheus_client fails on some."""
        try:
            return self._metrics(environ, start_response)
        except (TypeError, ValueError):
            return self._metrics(environ | {"HTTP_ACCEPT": "", "QUERY_STRING": ""}, start_response)

    def _probe(self, path: str) -> tuple[str, bytes]:
        if path == "/healthz":
            return "200 OK", b"alive\n"
        if path == "/readyz":
            return ("200 OK", b"ready\n") if self.ready else ("503 Service Unavailable", b"not ready\n")
        return "404 Not Found", b"there are /metrics, /healthz and /readyz\n"


class _Server(ThreadingMixIn, WSGIServer):
    """A thread for each request, so that a slow scrape does not fail a probe; no more than so many at once."""

    daemon_threads = True  # a connection that somebody keeps open does not keep the process
    request_queue_size = 64  # several scrapers and probes at once must not wait for a retry of TCP

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._room = BoundedSemaphore(_CONNECTIONS_MAX)
        self._begun: dict[int, tuple[float, socket]] = {}
        super().__init__(*args, **kwargs)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer on a thread of its own, or hang up at once where there are too many."""
        if not self._room.acquire(blocking=False):
            self.shutdown_request(request)
            return
        self._begun[id(request)] = (time.monotonic(), request)
        try:
            super().process_request(request, client_address)
        except RuntimeError:  # no thread can be had
            self._end(request)
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """On that thread."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._end(request)

    def service_actions(self) -> None:
        """Between requests: cut off callers that take their time, byte by byte."""
        since = time.monotonic() - _REQUEST_SECONDS_MAX
        for began, request in list(self._begun.values()):
            if began < since:
                _hang_up(request)

    def _end(self, request: Any) -> None:
        self._begun.pop(id(request), None)
        self._room.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no news."""


def _hang_up(connection: socket) -> None:
    with suppress(OSError):  # it is closed already
        connection.shutdown(SHUT_RDWR)


class _Server6(_Server):
    address_family = AF_INET6


class _Handler(WSGIRequestHandler):
    timeout = _REQUEST_SECONDS_MAX  # a connection that sends nothing is closed

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Probes come every few seconds and say nothing."""
