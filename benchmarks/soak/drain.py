"""SIGTERM while calls are computed, wait and stream: all that were accepted end well."""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import grpc
import numpy as np

from assayd import AssaydError, ChannelSettings, Client
from assayd.arrays import encode
from assayd.v1 import selection_pb2, selection_pb2_grpc
from benchmarks.soak.lines import Line
from benchmarks.soak.models import WIDTH, network
from benchmarks.soak.server import Server, serving

CALLS = 24
ROWS = 200
"""Of a call: too many to be merged, so that most calls wait while one is computed."""
STREAMS = 4
STREAM_ROWS = 1000
"""Of a stream's message: it is computed, or waits for its turn, while the next one waits behind it."""
AHEAD = 2
"""Messages that a stream sends at once: one is computed, the next one has come and is not taken yet."""
HIDDEN = 4096
GRACE_SECONDS = 60.0


def run(short: bool) -> tuple[list[Line], dict[str, Any]]:
    """Several rounds, each with a server of its own."""
    total: Counter[str] = Counter()
    seconds = []
    for _ in range(1 if short else 10):
        found, took = _round()
        total.update(found)
        seconds.append(round(took, 2))
    unary = {name: count for name, count in total.items() if name.startswith("call ")}
    streams = {name: count for name, count in total.items() if name.startswith("stream ")}
    lines = [
        _line("unary calls accepted before SIGTERM that end well", unary, good="call OK"),
        _line(
            "streams that end with UNAVAILABLE, after an answer to every message that had come",
            streams,
            good="stream UNAVAILABLE",
        ),
        _line(
            "exit codes of 0", {name: n for name, n in total.items() if name.startswith("exit ")}, good="exit 0"
        ),
        Line(
            part="drain",
            what="from SIGTERM to the end, at most",
            asked=f"<= {GRACE_SECONDS:.0f} s of grace",
            reached=f"{max(seconds):.1f} s",
            met=max(seconds) <= GRACE_SECONDS,
            timed=True,
        ),
    ]
    return lines, {"calls": dict(total), "seconds": seconds}


def _line(what: str, found: dict[str, int], *, good: str) -> Line:
    everything = sum(found.values())
    others = ", ".join(f"{count} {name}" for name, count in found.items() if name != good)
    reached = f"{found.get(good, 0)} of {everything}" + (f" ({others})" if others else "")
    return Line(part="drain", what=what, asked="all", reached=reached, met=everything > 0 and not others)


def _round() -> tuple[Counter[str], float]:
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "m.onnx").write_bytes(network(HIDDEN))
        settings = {"drain_delay_seconds": 0.2, "drain_grace_seconds": GRACE_SECONDS}
        with (
            serving(folder, model=folder / "m.onnx", **settings) as server,
            ThreadPoolExecutor(CALLS + STREAMS) as threads,
        ):
            streams = [_Stream(server) for _ in range(STREAMS)]
            ends = [threads.submit(stream.end) for stream in streams]
            _have_come(server, streams)
            calls = [threads.submit(_call, server, seed) for seed in range(CALLS)]
            server.wait_for("grpc_server_started_total", CALLS, grpc_method="Score")
            waiting = CALLS - server.metric("grpc_server_handled_total", grpc_method="Score")
            unanswered = sum(stream.sent - stream.received for stream in streams)
            began = time.perf_counter()
            code = server.terminate()
            took = time.perf_counter() - began
            found = Counter([call.result() for call in calls] + [end.result() for end in ends])
    found[f"exit {code}"] += 1
    found["waited or computed when SIGTERM came"] += round(waiting)
    found["messages of streams that had come and had no answer then"] += unanswered
    return found, took


def _call(server: Server, seed: int) -> str:
    rows = np.random.default_rng(seed).random((ROWS, WIDTH), dtype=np.float32)
    with Client(server.address, settings=ChannelSettings(attempts_max=1), deadline_seconds=60) as client:
        try:
            return f"call OK{'' if len(client.score(rows)) == ROWS else ', of other rows'}"
        except AssaydError as error:
            return f"call {error.status.name}"


class _Stream:
    """Once it has had an answer it sends more messages at once, and then waits for the end."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._answered, self._ended = threading.Event(), threading.Event()
        self.sent = self.received = 0

    def end(self) -> str:
        """How it ends, and whether all messages were answered: all have come before the server is to stop."""
        with grpc.insecure_channel(self._server.address) as channel:
            try:
                for _ in selection_pb2_grpc.SelectionServiceStub(channel).SelectStream(self._messages()):
                    self.received += 1
                    self._answered.set()
            except grpc.RpcError as error:
                status = f"stream {error.code().name}"
                return status if self.received == self.sent == 1 + AHEAD else f"{status}, answers lost"
            finally:
                self._ended.set()  # the thread that sends is not to wait for more
                self._answered.set()
        return "stream ended by itself"

    def _messages(self) -> Iterator[selection_pb2.SelectStreamRequest]:
        self.sent += 1
        yield _message(1, first=True)
        self._answered.wait(60)
        for _ in range(AHEAD):
            self.sent += 1
            yield _message(STREAM_ROWS)
        self._ended.wait(60)


def _have_come(server: Server, streams: list[_Stream]) -> None:
    """Return when every message of the streams was received: the client alone cannot know, the server tells."""
    wanted, size = STREAMS * (1 + AHEAD), _message(STREAM_ROWS).ByteSize()
    deadline = time.monotonic() + 60
    while True:
        answered = sum(stream.received for stream in streams)  # before what is held: what is answered is not
        if answered + server.metric("assayd_pending_request_bytes") // size >= wanted:
            return
        if time.monotonic() > deadline:
            raise TimeoutError("the messages of the streams did not come")
        time.sleep(0.01)


def _message(count: int, *, first: bool = False) -> selection_pb2.SelectStreamRequest:
    request = selection_pb2.SelectStreamRequest()
    if first:
        policy = selection_pb2.SELECTION_POLICY_QUANTILE
        request.settings.CopyFrom(selection_pb2.SelectionSettings(measure=1, policy=policy, budget=0.2))
    rows = np.random.default_rng(0).integers(0, 2, (count, WIDTH), np.uint8)
    request.rows.inputs.tensors.append(encode(rows))
    return request
