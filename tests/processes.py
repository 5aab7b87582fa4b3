"""`assayd serve` as a process of its own."""

import json
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

from exposition import value_in

START_SECONDS_MAX = 60.0
STOP_SECONDS_MAX = 60.0


@dataclass
class ServerProcess:
    """A running server, and the file that its log goes to."""

    process: subprocess.Popen[bytes]
    log: Path

    def events(self, name: str) -> list[dict[str, Any]]:
        """The log lines of one event that are complete."""
        lines = self.log.read_text().splitlines(keepends=True)
        found = [json.loads(line) for line in lines if line.startswith("{") and line.endswith("\n")]
        return [line for line in found if line["event"] == name]

    def wait_for(self, event: str, *, count: int = 1) -> dict[str, Any]:
        """The first log line of that event, not one of a worker's, as soon as there are so many."""
        deadline = time.monotonic() + START_SECONDS_MAX
        while len(found := [line for line in self.events(event) if "worker" not in line]) < count:
            assert self.process.poll() is None, f"it ended: {self.log.read_text()}"
            assert time.monotonic() < deadline, f"no {event!r} in time: {self.log.read_text()}"
            time.sleep(0.02)
        return found[0]

    def metric(self, name: str, **labels: str) -> float:
        """The sum of a metric's samples with these labels, as /metrics has them now."""
        port = self.wait_for("serving")["metrics_port"]
        with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as response:
            return value_in(response.read().decode(), name, labels)

    @property
    def port(self) -> int:
        """Its gRPC port, once it serves."""
        return int(self.wait_for("serving")["port"])

    def terminate(self) -> None:
        """Send SIGTERM."""
        self.process.send_signal(signal.SIGTERM)

    def exit_code(self) -> int:
        """Wait for its end."""
        return self.process.wait(STOP_SECONDS_MAX)


@contextmanager
def serving(log: Path, *arguments: str) -> Iterator[ServerProcess]:
    """Start `assayd serve` on free ports with these further arguments; killed at the end if it still runs."""
    command = [sys.executable, "-m", "assayd_server", "serve", "--port", "0", "--metrics-port", "0", *arguments]
    with log.open("wb") as stderr, subprocess.Popen(command, stderr=stderr) as process:
        try:
            yield ServerProcess(process, log)
        finally:
            process.kill()
