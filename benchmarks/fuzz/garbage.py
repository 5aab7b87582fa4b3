"""Bytes on the server's sockets that are no calls: other protocols, and broken frames of the right one."""

import asyncio
import random
import struct
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

READ_SECONDS = 0.1
"""How long to listen to what a gRPC port says: it keeps a connection that may still say something."""
HTTP_SECONDS = 20.0
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_TLS_HELLO = bytes.fromhex("160301002f0100002b0303") + bytes(32) + bytes.fromhex("000002130101000000")
_HEADERS, _SETTINGS, _DATA, _END_HEADERS, _END_STREAM = 1, 4, 0, 4, 1


@dataclass
class Heard:
    """What came of garbage."""

    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    """By socket and answer."""
    failures: list[str] = field(default_factory=list)


def frame(kind: int, flags: int, stream: int, payload: bytes, *, length: int | None = None) -> bytes:
    """Of HTTP/2, whose length may be a lie."""
    size = len(payload) if length is None else length
    return struct.pack(">I", size & 0xFFFFFF)[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def headers(path: str, *pairs: tuple[str, str]) -> bytes:
    """A block of headers, none of them indexed or compressed."""
    of_call = ((":method", "POST"), (":scheme", "http"), (":path", path), (":authority", "x"))
    of_grpc = (("content-type", "application/grpc"), ("te", "trailers"))
    return b"".join(b"\0" + _string(name) + _string(value) for name, value in (*of_call, *of_grpc, *pairs))


def _string(text: str) -> bytes:
    encoded = text.encode()
    if len(encoded) < 0x7F:
        return bytes([len(encoded)]) + encoded
    rest, size = bytearray(), len(encoded) - 0x7F
    while size > 0x7F:
        rest.append(size & 0x7F | 0x80)
        size >>= 7
    return bytes([0x7F, *rest, size]) + encoded


def native(rng: random.Random) -> bytes:
    """For a gRPC port."""
    return rng.choice(_NATIVE)(rng)


def _random(rng: random.Random) -> bytes:
    return rng.randbytes(rng.choice((1, 9, 24, 300, 70_000)))


def _other_protocol(rng: random.Random) -> bytes:
    return rng.choice(
        (
            b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n",
            b"POST / HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n",
            _TLS_HELLO,
            b"\0" * 4096,
            b"SSH-2.0-OpenSSH_9.2\r\n",
            b"",
        )
    )


def _frames(rng: random.Random) -> bytes:
    """The right beginning, then frames of chance."""
    frames = [
        frame(
            rng.randrange(12),
            rng.randrange(256),
            rng.choice((0, 1, 2, 3, 2**31 - 1, 2**32 - 1)),
            rng.randbytes(rng.choice((0, 4, 5, 8, 100, 16_384))),
            length=rng.choice((None, None, None, 0, 2**24 - 1)),
        )
        for _ in range(rng.randrange(1, 12))
    ]
    return PREFACE + frame(_SETTINGS, 0, 0, b"") + b"".join(frames)


def _call(rng: random.Random) -> bytes:
    """A call whose message is not what its prefix says, or that has headers that no call has."""
    path = rng.choice(
        (
            "/assayd.v1.ScoringService/Score",
            "/inference.GRPCInferenceService/ModelInfer",
            "/grpc.health.v1.Health/Check",
            "/../../etc/passwd",
        )
    )
    pairs = rng.choice(
        (
            (),
            (("grpc-encoding", "gzip"),),
            (("grpc-encoding", "nothing"),),
            (("grpc-timeout", "99999999H"),),
            (("grpc-timeout", "-1S"),),
            (("x-request-id", "\x01\x02"),),
            (("x" * 9000, "y"),),
            (("grpc-previous-rpc-attempts", "9" * 6000),),
            (("content-type", "text/html"),),
            (("authorization", "Bearer \N{SNOWMAN}\x01"),),
        )
    )
    message = rng.choice((b"", b"\x0a\x00", rng.randbytes(40)))
    length = rng.choice((len(message), len(message), 0, 1, 2**32 - 1, 2**31))
    data = bytes([rng.choice((0, 1, 1, 255))]) + struct.pack(">I", length) + message
    return (
        PREFACE
        + frame(_SETTINGS, 0, 0, b"")
        + frame(_HEADERS, _END_HEADERS, 1, headers(path, *pairs))
        + frame(_DATA, rng.choice((0, _END_STREAM)), 1, data)
    )


_NATIVE: tuple[Callable[[random.Random], bytes], ...] = (_random, _other_protocol, _frames, _frames, _call, _call)
_PATHS = (
    "/metrics",
    "/healthz",
    "/readyz",
    "/",
    "/metrics?name[]=" + "x" * 2000,
    "/metrics?name[]=%00%ff&name[]=assayd_rows_total",
    "/../../etc/passwd",
    "/%2e%2e/%2e%2e/etc/passwd",
    "//healthz",
    "/healthz\0",
    "/" + "a" * 70_000,
    "*",
)
_LINES = (
    "Host: x",
    "Accept: application/openmetrics-text; version=abc; charset=utf-8",
    "Accept: application/openmetrics-text; version=99999999999999999999",
    "Accept: text/plain; version=1.0.0; escaping=nothing",
    "Accept: ;;;,,,=;q=",
    "Accept-Encoding: gzip, deflate;q=nan",
    "Content-Length: -1",
    "Content-Length: 99999999999999999999",
    "Content-Length: x",
    "Transfer-Encoding: chunked",
    "Expect: 100-continue",
    "Connection: Upgrade, HTTP2-Settings",
    "X: " + "y" * 70_000,
    "\N{SNOWMAN}: \N{SNOWMAN}",
    "no colon",
)


def http(rng: random.Random) -> bytes:
    """For the port of metrics and probes."""
    if rng.random() < 0.2:
        return native(rng)
    method = rng.choice(("GET", "GET", "GET", "HEAD", "POST", "OPTIONS", "PRI", "get", "G" * 500, "\N{SNOWMAN}"))
    version = rng.choice(("HTTP/1.1", "HTTP/1.1", "HTTP/1.0", "HTTP/0.9", "HTTP/9.9", "HTTP/x", ""))
    lines = rng.choices(_LINES, k=rng.choice((0, 1, 1, 2, 5, 200)))
    head = f"{method} {rng.choice(_PATHS)} {version}\r\n" + "".join(f"{line}\r\n" for line in lines)
    return head.encode() + rng.choice((b"\r\n", b"\r\n", b"", b"\n", rng.randbytes(50)))


async def shout(place: str, address: tuple[str, int] | Path, garbage: bytes, heard: Heard) -> None:
    """Send garbage to a gRPC port, listen a little, and go away."""
    answer, ended = await _exchange(address, garbage, READ_SECONDS)
    heard.counts[place, "answered" if answer else "hung up" if ended else "silent"] += 1


async def ask(address: tuple[str, int], garbage: bytes, heard: Heard) -> None:
    """Send garbage to the port of metrics and probes, which says something or hangs up, in time."""
    answer, ended = await _exchange(address, garbage, HTTP_SECONDS)
    status = answer.split(maxsplit=2)[1:2] if answer.startswith(b"HTTP/") else []
    heard.counts["metrics and probes", status[0].decode() if status else "no status"] += 1
    if not ended:
        heard.failures.append(f"the metrics port keeps a connection for {HTTP_SECONDS} s after {garbage[:80]!r}")
    if status and status[0][:1] == b"5" and status[0] not in (b"501", b"503", b"505"):
        heard.failures.append(f"the metrics port says {answer[:60]!r} to {garbage[:200]!r}")


async def _exchange(address: tuple[str, int] | Path, garbage: bytes, seconds: float) -> tuple[bytes, bool]:
    """What came within some seconds, and whether the other side ended it."""
    answer, ended = b"", False
    try:
        if isinstance(address, Path):
            reader, writer = await asyncio.open_unix_connection(str(address))
        else:
            reader, writer = await asyncio.open_connection(*address)
    except OSError:
        return b"", False
    try:
        async with asyncio.timeout(seconds):
            writer.write(garbage)
            await writer.drain()
            while part := await reader.read(65_536):
                answer = answer or part
            ended = True
    except TimeoutError:
        pass
    except OSError:  # it hung up while it was written to
        ended = True
    writer.transport.abort()
    return answer, ended
