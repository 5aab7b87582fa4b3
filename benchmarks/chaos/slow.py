"""Callers who take their time: a byte a second, or answers that they do not read."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event

import grpc
import numpy as np

from assayd.arrays import encode
from assayd.v1 import selection_pb2
from benchmarks.chaos import frames
from benchmarks.chaos.beside import beside
from benchmarks.chaos.calling import Calling
from benchmarks.chaos.faults import Fault
from benchmarks.chaos.replica import Replica, wait_until

COUNT = 50
SECONDS = 30.0
SELECT = "/assayd.v1.SelectionService/SelectStream"
STREAMS = 4
STREAM_ROWS = 4096


def run(folder: Path, *, short: bool) -> list[Fault]:
    """A byte a second from the first of a connection on, and of a message; and streams that nobody reads."""
    seconds = 3.0 if short else SECONDS
    content = frames.message(1, bytes(1000))

    def hello(replica: Replica, under_way: Calling) -> None:
        _trickle(replica, b"", frames.hello() + frames.call(1) + content, seconds)
        under_way.wait_for(100)

    def message(replica: Replica, under_way: Calling) -> None:
        _trickle(replica, frames.hello() + frames.call(1), content, seconds)
        under_way.wait_for(100)

    return [
        beside(folder, hello, name="slow_hello", what=f"{COUNT} connections that send a byte a second"),
        beside(folder, message, name="slow_message", what=f"{COUNT} calls whose message comes a byte a second"),
        beside(
            folder,
            _unread,
            "--stream-idle-max-seconds=5",
            name="unread_streams",
            what=f"{STREAMS} streams that send and do not read",
            holds={"the streams are ended": lambda replica: replica.metric("assayd_streams") == 0},
        ),
    ]


def _trickle(replica: Replica, at_once: bytes, slowly: bytes, seconds: float) -> None:
    with frames.connections(replica.port, COUNT) as opened:
        for connection in opened:
            connection.sendall(at_once)
        until = time.monotonic() + seconds
        for byte in slowly:
            for connection in opened:
                _send(connection.sendall, bytes([byte]))
            time.sleep(1.0)
            if time.monotonic() > until:
                return


def _send(send: Callable[[bytes], None], content: bytes) -> None:
    try:
        send(content)
    except OSError:  # the server has hung up, which is its right
        return


def _unread(replica: Replica, under_way: Calling) -> None:
    """Messages without an end, until gRPC takes no more of them; the answers lie where they are."""
    ended = Event()
    first, further = _message(first=True), _message(first=False)

    def messages() -> Iterator[bytes]:
        yield first
        while not ended.is_set():
            yield further

    with grpc.insecure_channel(replica.address, options=[("grpc.http2.bdp_probe", 0)]) as channel:
        calls = [channel.stream_stream(SELECT)(messages()) for _ in range(STREAMS)]
        wait_until(lambda: replica.metric("assayd_streams") == STREAMS, what="streams")
        under_way.wait_for(200)
        wait_until(lambda: replica.metric("assayd_streams") == 0, what="the end of streams that nobody reads")
        ended.set()
        for call in calls:
            call.cancel()


def _message(*, first: bool) -> bytes:
    request = selection_pb2.SelectStreamRequest()
    if first:
        policy = selection_pb2.SELECTION_POLICY_QUANTILE
        request.settings.CopyFrom(selection_pb2.SelectionSettings(measure=1, policy=policy, budget=0.2))
    rows = np.random.default_rng(0).normal(size=(STREAM_ROWS, 10)).astype(np.float32)
    request.rows.logits.CopyFrom(encode(rows))
    return request.SerializeToString()
