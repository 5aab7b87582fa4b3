"""`assayd serve` as a process on a CPU of its own; the load has another."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from prometheus_client.parser import text_string_to_metric_families

START_SECONDS_MAX = 60.0
STOP_SECONDS_MAX = 120.0


@dataclass(frozen=True)
class Server:
    """A server that answers."""

    process: subprocess.Popen[bytes]
    port: int
    metrics_port: int

    @property
    def address(self) -> str:
        """Where it takes calls."""
        return f"127.0.0.1:{self.port}"

    def metric(self, name: str, **labels: str) -> float:
        """The sum of a metric's samples with these labels."""
        with urlopen(f"http://127.0.0.1:{self.metrics_port}/metrics", timeout=30) as response:
            families = text_string_to_metric_families(response.read().decode())
        samples = (sample for family in families for sample in family.samples if sample.name == name)
        return sum(sample.value for sample in samples if labels.items() <= sample.labels.items())

    def wait_for(self, name: str, least: float, **labels: str) -> None:
        """Return when a metric has reached a value."""
        deadline = time.monotonic() + START_SECONDS_MAX
        while self.metric(name, **labels) < least:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{name} did not reach {least}")
            time.sleep(0.01)

    def terminate(self) -> int:
        """Send SIGTERM, and give the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(STOP_SECONDS_MAX)


@contextmanager
def serving(folder: Path, *, cpus: set[int] | None = None, **settings: Any) -> Iterator[Server]:
    """Start a server, and kill it at the end if it still runs.

    Args:
        folder: for its log.
        cpus: it may use; one of two or more where nobody says.
        **settings: those of `assayd serve`.
    """
    flags = [_flag(name.replace("_", "-"), value) for name, value in settings.items()]
    command = [sys.executable, "-m", "assayd_server", "serve", "--port=0", "--metrics-port=0", *flags]
    log = folder / "server.log"
    with log.open("wb") as stderr, subprocess.Popen(command, stderr=stderr) as process:
        try:
            os.sched_setaffinity(process.pid, server_cpus() if cpus is None else cpus)  # before it has threads
            line = _serving_line(log, process)
            yield Server(process, line["port"], line["metrics_port"])
        finally:
            process.kill()


def _flag(name: str, value: Any) -> str:
    return f"--{name}" if value is True else f"--{name}={value}"


def server_cpus() -> set[int]:
    """The first of those that there are."""
    return {min(_ALL)}


def load_cpus() -> set[int]:
    """The others, where there are any."""
    return _ALL - server_cpus() or _ALL


_ALL = frozenset(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else frozenset({0})


def _serving_line(log: Path, process: subprocess.Popen[bytes]) -> dict[str, Any]:
    """What the server says when it takes calls; its workers, where it has any, say so of themselves too."""
    deadline = time.monotonic() + START_SECONDS_MAX
    while time.monotonic() < deadline and process.poll() is None:
        for line in log.read_text().splitlines(keepends=True):
            found: dict[str, Any] = json.loads(line) if line.endswith("}\n") else {}
            if found.get("event") == "serving" and "worker" not in found:
                return found
        time.sleep(0.02)
    raise RuntimeError(f"the server does not serve: {log.read_text()}")
