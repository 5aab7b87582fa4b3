"""Callers who mean harm, by HTTP/2 frames of our own: no library lets go of a call in the middle of a byte."""

import socket
import struct
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
SCORE = "/assayd.v1.ScoringService/Score"
_DATA, _HEADERS, _SETTINGS = 0, 1, 4
_END_HEADERS = 4
_INITIAL_WINDOW_SIZE = 4


def hello(*, window: int | None = None) -> bytes:
    """What a client says first: the preface, and settings.

    Args:
        window: how many bytes of each answer may come before it says that it has read some; 65,535 by default.
    """
    settings = b"" if window is None else struct.pack(">HI", _INITIAL_WINDOW_SIZE, window)
    return PREFACE + _frame(_SETTINGS, settings)


def call(stream: int, path: str = SCORE) -> bytes:
    """The headers of a call, which go before its message.

    Args:
        stream: an odd number, larger than those before.
        path: of the method.
    """
    headers = {
        ":method": "POST",
        ":scheme": "http",
        ":path": path,
        ":authority": "chaos",
        "te": "trailers",
        "content-type": "application/grpc",
    }
    return _frame(_HEADERS, b"".join(map(_field, headers, headers.values())), flags=_END_HEADERS, stream=stream)


def message(stream: int, content: bytes) -> bytes:
    """A message of a call, after which there may be more."""
    return _frame(_DATA, struct.pack(">BI", 0, len(content)) + content, stream=stream)


@contextmanager
def connections(port: int, count: int) -> Iterator[list[socket.socket]]:
    """So many connections on which nothing is said yet."""
    with ExitStack() as stack:
        yield [stack.enter_context(socket.create_connection(("127.0.0.1", port))) for _ in range(count)]


def _frame(kind: int, content: bytes, *, flags: int = 0, stream: int = 0) -> bytes:
    return struct.pack(">I", len(content))[1:] + struct.pack(">BBI", kind, flags, stream) + content


def _field(name: str, value: str) -> bytes:
    """As HPACK has it where nothing is compressed, nor kept."""
    return b"\0" + b"".join(struct.pack("B", len(text)) + text.encode() for text in (name, value))
