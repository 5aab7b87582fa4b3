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
            "streams that end with UNAVAILABLE, after an answer to all but their last message",
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
            answered = threading.Semaphore(0)
            streams = [threads.submit(_stream, server, answered) for _ in range(STREAMS)]
            for _ in streams:
                answered.acquire(timeout=60)  # the first answer of each has come
            calls = [threads.submit(_call, server, seed) for seed in range(CALLS)]
            server.wait_for("grpc_server_started_total", CALLS, grpc_method="Score")
            waiting = server.metric("assayd_pending_rows") / ROWS
            began = time.perf_counter()
            code = server.terminate()
            took = time.perf_counter() - began
            found = Counter([call.result() for call in calls] + [stream.result() for stream in streams])
    found[f"exit {code}"] += 1
    found["waited or computed when SIGTERM came"] += round(waiting)
    return found, took


def _call(server: Server, seed: int) -> str:
    rows = np.random.default_rng(seed).random((ROWS, WIDTH), dtype=np.float32)
    with Client(server.address, settings=ChannelSettings(attempts_max=1), deadline_seconds=60) as client:
        try:
            return f"call OK{'' if len(client.score(rows)) == ROWS else ', of other rows'}"
        except AssaydError as error:
            return f"call {error.status.name}"


def _stream(server: Server, answered: threading.Semaphore) -> str:
    """Send a message after each answer, until the server ends it."""
    turn = threading.Semaphore(1)
    sent = received = 0

    def messages() -> Iterator[selection_pb2.SelectStreamRequest]:
        nonlocal sent
        while turn.acquire(timeout=60):
            sent += 1
            yield _message(first=sent == 1)

    with grpc.insecure_channel(server.address) as channel:
        try:
            for _ in selection_pb2_grpc.SelectionServiceStub(channel).SelectStream(messages()):
                received += 1
                answered.release()
                turn.release()
        except grpc.RpcError as error:
            turn.release()  # the thread that sends is not to wait for more
            status = error.code().name
            return f"stream {status}" if received and sent - received <= 1 else f"stream {status}, answers lost"
    return "stream ended by itself"


def _message(*, first: bool) -> selection_pb2.SelectStreamRequest:
    request = selection_pb2.SelectStreamRequest()
    if first:
        policy = selection_pb2.SELECTION_POLICY_QUANTILE
        request.settings.CopyFrom(selection_pb2.SelectionSettings(measure=1, policy=policy, budget=0.2))
    request.rows.logits.CopyFrom(encode(np.random.default_rng(0).normal(size=(16, 10)).astype(np.float32)))
    return request
