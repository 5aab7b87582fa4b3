"""Work in processes of its own, with the time and the memory that it takes; for rank_pool.py. Linux only."""

import multiprocessing
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from assayd.testing import serving

_SPAWN = multiprocessing.get_context("spawn")
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Usage:
    """What a piece of work took."""

    wall_seconds: float
    processor_seconds: float
    memory_peak_mib: float
    memory_before_mib: float


@dataclass(frozen=True)
class Server:
    """A server in a process of its own."""

    address: str
    metrics_address: str
    process_id: int

    def memory_mib(self, name: str) -> float:
        """VmRSS, what it holds now, or VmHWM, the most that it ever held."""
        return memory_mib(name, self.process_id)

    def processor_seconds(self) -> float:
        """All that it has used."""
        fields = Path(f"/proc/{self.process_id}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS


def memory_mib(name: str, process_id: int | str = "self") -> float:
    """A line of /proc/PID/status."""
    lines = Path(f"/proc/{process_id}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(f"{name}:")).split()[1]) / 1024


def in_process(work: Callable[..., Any], *arguments: Any) -> tuple[Any, Usage]:
    """What a function gives that is called in a new process, and what the call took."""
    here, there = _SPAWN.Pipe()
    process = _SPAWN.Process(target=_work, args=[there, work, arguments])
    process.start()
    there.close()
    try:
        return here.recv()
    finally:
        process.join()


def _work(connection: Connection, work: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    before, wall, processor = memory_mib("VmRSS"), time.perf_counter(), time.process_time()
    result = work(*arguments)
    wall, processor = time.perf_counter() - wall, time.process_time() - processor
    connection.send((result, Usage(wall, processor, memory_mib("VmHWM"), before)))


@contextmanager
def serving_alone(**settings: Any) -> Iterator[Server]:
    """A server with the demo's model, which ranking by logits does not use."""
    here, there = _SPAWN.Pipe()
    process = _SPAWN.Process(target=_serve, args=[there, settings])
    process.start()
    there.close()
    try:
        yield Server(*here.recv(), process.pid or 0)
        here.send("end")
    finally:
        here.close()
        process.join()


def _serve(connection: Connection, settings: dict[str, Any]) -> None:
    with serving(**settings) as server:
        connection.send((server.address, server.metrics_address))
        try:
            connection.recv()
        except EOFError:  # whoever asked for it has failed
            return
