"""`assayd serve` as a process that can be frozen, killed and started again in its place."""

import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from urllib.request import urlopen

from prometheus_client.parser import text_string_to_metric_families

from benchmarks.pool_processes import memory_mib

WAIT_SECONDS_MAX = 60.0


@dataclass(frozen=True)
class Resources:
    """What a process holds."""

    descriptors: int
    threads: int
    mib: float


class Replica:
    """One server. The ports that it finds at its first start are its own from then on."""

    def __init__(
        self,
        folder: Path,
        *flags: str,
        environment: Mapping[str, str] | None = None,
        descriptors_max: int | None = None,
    ) -> None:
        """Nothing is started yet.

        Args:
            folder: for its log; there is one for each.
            *flags: of `assayd serve`.
            environment: variables besides those that there are.
            descriptors_max: how many it may have open; what it inherits by default.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self.log = folder / "server.log"
        self._flags = flags
        self._environment = {**os.environ, **(environment or {})}
        self._descriptors_max = descriptors_max
        self._begun = 0
        self.port = self.metrics_port = 0
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """Where it takes calls."""
        return f"127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """Of the process."""
        assert self.process is not None
        return self.process.pid

    def start(self) -> Self:
        """Start it, and come back once it takes calls."""
        self._begun = self.log.stat().st_size if self.log.exists() else 0
        command = [sys.executable, "-m", "assayd_server", "serve"]
        ports = [f"--port={self.port}", f"--metrics-port={self.metrics_port}"]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen([*command, *ports, *self._flags], stderr=log, env=self._environment)
        if self._descriptors_max is not None:  # before Python is up in it
            resource.prlimit(self.pid, resource.RLIMIT_NOFILE, (self._descriptors_max, self._descriptors_max))
        line = self.wait_for("serving")
        self.port, self.metrics_port = line["port"], line["metrics_port"]
        return self

    def events(self, name: str) -> list[dict[str, Any]]:
        """Its log lines of one event since it was started, but for those of workers."""
        lines = self.log.read_bytes()[self._begun :].splitlines(keepends=True)
        found = [json.loads(line) for line in lines if line.startswith(b"{") and line.endswith(b"}\n")]
        return [line for line in found if line["event"] == name and "worker" not in line]

    def wait_for(self, event: str) -> dict[str, Any]:
        """The first log line of an event, as soon as it is there."""
        wait_until(lambda: self.events(event) or self._has_ended(), what=event)
        if not (found := self.events(event)):
            raise RuntimeError(f"the server has ended: {self.log.read_text()}")
        return found[0]

    def signal(self, number: int) -> None:
        """Send it a signal."""
        os.kill(self.pid, number)

    def terminate(self) -> int:
        """Send SIGTERM, and give the exit code."""
        self.signal(signal.SIGTERM)
        return self.ended()

    def ended(self) -> int:
        """Wait for its end, and give the exit code."""
        assert self.process is not None
        return self.process.wait(WAIT_SECONDS_MAX)

    def metric(self, name: str, **labels: str) -> float:
        """The sum of a metric's samples with these labels."""
        with urlopen(f"http://127.0.0.1:{self.metrics_port}/metrics", timeout=10) as response:
            families = text_string_to_metric_families(response.read().decode())
        samples = (sample for family in families for sample in family.samples if sample.name == name)
        return sum(sample.value for sample in samples if labels.items() <= sample.labels.items())

    def resources(self) -> Resources:
        """What it holds now."""
        process = Path(f"/proc/{self.pid}")
        return Resources(
            descriptors=sum(1 for _ in (process / "fd").iterdir()),
            threads=sum(1 for _ in (process / "task").iterdir()),
            mib=memory_mib("VmRSS", self.pid),
        )

    def children(self) -> list[int]:
        """The processes that it has started."""
        tasks = Path(f"/proc/{self.pid}/task").iterdir()
        return sorted(int(child) for task in tasks for child in (task / "children").read_text().split())

    def _has_ended(self) -> bool:
        return self.process is not None and self.process.poll() is not None


@contextmanager
def running(*replicas: Replica) -> Iterator[tuple[Replica, ...]]:
    """Started, and killed at the end if they still run."""
    try:
        yield tuple(replica.start() for replica in replicas)
    finally:
        for replica in replicas:
            if replica.process is not None and replica.process.poll() is None:
                replica.process.kill()
                replica.ended()


def wait_until(holds: Any, *, what: str, seconds: float = WAIT_SECONDS_MAX) -> None:
    """Come back once a condition holds.

    Raises:
        TimeoutError: it did not in time.
    """
    until = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > until:
            raise TimeoutError(f"{what}: not within {seconds} s")
        time.sleep(0.02)


def fleet(*replicas: Replica) -> str:
    """The address of all of them."""
    return "ipv4:" + ",".join(replica.address for replica in replicas)
