"""A receiver of alerts: a real HTTP server that keeps what is posted, and answers as it is told to."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

WAIT_SECONDS_MAX = 20.0


@dataclass
class Receiver:
    """What has come by now."""

    address: str = ""
    statuses: list[int] = field(default_factory=list)
    """Of the first answers; 200 after that."""
    paths: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    documents: list[Any] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)
    """Until then nothing is answered, where it is not set."""

    def wait_for(self, count: int) -> None:
        """As many posts."""
        deadline = time.monotonic() + WAIT_SECONDS_MAX
        while len(self.documents) < count:
            assert time.monotonic() < deadline, f"{len(self.documents)} of {count} came"
            time.sleep(0.01)


@contextmanager
def receiving(*statuses: int, released: bool = True) -> Iterator[Receiver]:
    """A receiver on a free port."""
    receiver = Receiver(statuses=list(statuses))
    if released:
        receiver.released.set()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.paths.append(self.path)
            receiver.headers.append(dict(self.headers))
            receiver.documents.append(json.loads(body))
            receiver.released.wait(WAIT_SECONDS_MAX)
            self.send_response(receiver.statuses.pop(0) if receiver.statuses else 200)
            self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Silence."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield receiver
    finally:
        receiver.released.set()
        server.shutdown()
        thread.join()
        server.server_close()
