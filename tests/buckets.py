"""Buckets of a real S3 server in this process, whose requests are counted and can be made to fail."""

import logging
import os
import socket
import threading
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any, NoReturn

import obstore
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from obstore.store import S3Store
from werkzeug.serving import make_server

_NUMBERS = count()
SECRET = "wJalrXUtnFEMI-not-to-be-shown"  # noqa: S105 - looks like one, and opens nothing

Answer = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class Bucket:
    """An empty bucket; what is done to it takes effect at once."""

    def __init__(self, address: str, name: str, app: "_Watched") -> None:
        self.name = name
        self.environ = {
            "AWS_ENDPOINT_URL": f"http://{address}",
            "AWS_ALLOW_HTTP": "true",
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
            "AWS_SECRET_ACCESS_KEY": SECRET,
        }
        self._app = app
        request = urllib.request.Request(f"http://{address}/{name}", method="PUT")
        urllib.request.urlopen(request, timeout=10).close()
        self._store = S3Store(
            name,
            endpoint=f"http://{address}",
            access_key_id="anybody",
            secret_access_key="anything",  # noqa: S106
            region="us-east-1",
            client_options={"allow_http": True},
        )

    @property
    def url(self) -> str:
        return f"s3://{self.name}/models"

    def put(self, path: str, content: bytes, *, folder: str = "models") -> None:
        """An object below a folder."""
        obstore.put(self._store, f"{folder}/{path}", content)

    def put_folder(self, root: Path) -> None:
        """All files below a folder of bundles, the manifests last."""
        files = [path for path in sorted(root.rglob("*")) if path.is_file()]
        for path in sorted(files, key=lambda path: path.name == "bundle.json"):
            self.put(path.relative_to(root).as_posix(), path.read_bytes())

    def delete(self, *paths: str) -> None:
        for path in paths:
            obstore.delete(self._store, f"models/{path}")

    def gets(self) -> list[str]:
        """The objects that were fetched since this was asked last, below the folder of the models, in order."""
        return [path for path in self._app.take_gets() if path]

    def answer(self, suffix: str, answer: Answer | None) -> None:
        """Answer fetches of objects whose path ends so in another way; None for the right one again."""
        self._app.answers[suffix] = answer

    def answer_once(self, suffix: str, answer: Answer) -> None:
        """Answer the next such fetch in another way."""

        def once(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
            self.answer(suffix, None)
            return answer(environ, start_response)

        self.answer(suffix, once)

    @staticmethod
    def gone(environ: dict[str, Any], _start_response: Callable[..., Any]) -> Iterable[bytes]:
        """An answer that does not come: the connection is cut."""
        _hang_up(environ)

    def etag(self, path: str) -> str:
        return str(obstore.head(self._store, f"models/{path}")["e_tag"])

    def go_away(self) -> None:
        """Cut every answer from now on."""
        self._app.is_gone = True

    def come_back(self) -> None:
        self._app.is_gone = False


class _Watched:
    """moto, and what is to go wrong with it."""

    def __init__(self) -> None:
        self._app = DomainDispatcherApplication(create_backend_app)
        self._gets: list[str] = []
        self.answers: dict[str, Answer | None] = {}
        self.is_gone = False

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if self.is_gone:
            return Bucket.gone(environ, start_response)
        path = environ["PATH_INFO"]
        if environ["REQUEST_METHOD"] == "GET":
            self._gets.append(path.partition("/models/")[2])
            for suffix, answer in self.answers.items():
                if answer is not None and path.endswith(suffix):
                    return answer(environ, start_response)
        return self._app(environ, start_response)

    def take_gets(self) -> list[str]:
        gets, self._gets = self._gets, []
        return gets


def _hang_up(environ: dict[str, Any]) -> NoReturn:
    environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
    raise ConnectionError("the bucket is gone")


def cut_after(content: bytes, size: int, *, etag: str = '"1"') -> Answer:
    """Promises all of a content, sends its beginning, and hangs up."""

    def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterator[bytes]:
        start_response("200 OK", _headers(content, etag))
        yield content[:size]
        _hang_up(environ)

    return answer


def halted(content: bytes, reached: threading.Event, go_on: threading.Event) -> Answer:
    """Sends the half of a content, and the rest when it is told to."""

    def answer(_environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterator[bytes]:
        start_response("200 OK", _headers(content, '"1"'))
        yield content[: len(content) // 2]
        reached.set()
        go_on.wait(60)
        yield content[len(content) // 2 :]

    return answer


def _headers(content: bytes, etag: str) -> list[tuple[str, str]]:
    written = ("Last-Modified", "Fri, 20 Nov 2026 12:00:00 GMT")
    return [("Content-Length", str(len(content))), ("ETag", etag), written]


@contextmanager
def bucket() -> Iterator[Bucket]:
    """A bucket on a server of its own, on a free port."""
    logging.getLogger("werkzeug").setLevel(logging.CRITICAL)
    app = _Watched()
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield Bucket(f"127.0.0.1:{server.server_port}", f"bucket{os.getpid()}x{next(_NUMBERS)}", app)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
