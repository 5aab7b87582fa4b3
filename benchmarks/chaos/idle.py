"""Connections and calls that hold room and do nothing with it."""

import time
from pathlib import Path

from benchmarks.chaos import frames
from benchmarks.chaos.beside import beside
from benchmarks.chaos.calling import Calling
from benchmarks.chaos.faults import Fault
from benchmarks.chaos.replica import Replica

COUNT = 1000
CONNECTIONS = 10
"""That the calls without a message come by."""
IDLE_SECONDS, STALL_SECONDS = 10.0, 30.0
"""How long each goes on; calls without a message are cancelled after 20 s."""


def run(folder: Path, *, short: bool) -> list[Fault]:
    """1,000 of each."""

    def connections(replica: Replica, under_way: Calling) -> None:
        with frames.connections(replica.port, COUNT) as opened:
            for number, connection in enumerate(opened):
                if number % 2:  # the others do not even say what they speak
                    connection.sendall(frames.hello())
            under_way.wait_for(200)
            time.sleep(0 if short else IDLE_SECONDS)

    def calls(replica: Replica, under_way: Calling) -> None:
        with frames.connections(replica.port, CONNECTIONS) as opened:
            for connection in opened:
                streams = range(1, 2 * COUNT // CONNECTIONS, 2)
                connection.sendall(frames.hello() + b"".join(map(frames.call, streams)))
            under_way.wait_for(200)
            time.sleep(0 if short else STALL_SECONDS)

    return [
        beside(folder, connections, name="idle_connections", what=f"{COUNT} connections that are idle"),
        beside(folder, calls, name="header_only_calls", what=f"{COUNT} calls without a message"),
    ]
