"""Servers on hosts of their own, as the chart sets them up but for times that are shorter."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

from prometheus_client.parser import text_string_to_metric_families

from live_fleet.names import Names
from live_fleet.network import Host, Network
from live_fleet.waiting import seconds_until

START_SECONDS_MAX = 60.0
STOP_SECONDS_MAX = 60.0
PORT, METRICS_PORT = 50051, 9090
"""As in the chart: each host has all its ports to itself."""
_SETTINGS = {
    "host": "0.0.0.0",
    "port": PORT,
    "metrics_port": METRICS_PORT,
    "drain_delay_seconds": 1,
}


@dataclass(frozen=True, slots=True)
class Replica:
    """A server that runs on a host."""

    host: Host
    process: subprocess.Popen[bytes]
    log: Path

    def wait_until_ready(self) -> None:
        """As a readiness probe finds it."""
        deadline = time.monotonic() + START_SECONDS_MAX
        while not self._ready():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{self.host.address} is not ready: {self.log.read_text()}")
            time.sleep(0.05)

    def calls(self) -> int:
        """How many calls of Score it has answered."""
        with urlopen(self._url("metrics"), timeout=10) as response:
            families = text_string_to_metric_families(response.read().decode())
        wanted = {"grpc_method": "Score", "grpc_code": "OK"}
        samples = [sample for family in families for sample in family.samples]
        return sum(
            int(sample.value)
            for sample in samples
            if sample.name == "grpc_server_handled_total" and wanted.items() <= sample.labels.items()
        )

    def seconds_until_called(self) -> float:
        """How long it takes until it has answered one more call."""
        before = self.calls()
        return seconds_until(lambda: self.calls() > before, what=f"{self.host.address} is called")

    def terminate(self) -> None:
        """Send SIGTERM, as the kubelet does."""
        self.process.send_signal(signal.SIGTERM)

    def _ready(self) -> bool:
        try:
            with urlopen(self._url("readyz"), timeout=2) as response:
                return bool(response.status == 200)
        except (URLError, TimeoutError, ConnectionError):
            return False

    def _url(self, path: str) -> str:
        return f"http://{self.host.address}:{METRICS_PORT}/{path}"


class Fleet:
    """The replicas of a release, and their name."""

    def __init__(self, network: Network, names: Names, folder: Path, settings: dict[str, Any]) -> None:
        self.replicas: list[Replica] = []
        self.target = names.target
        self._network, self._names, self._folder = network, names, folder
        self._settings = {**_SETTINGS, **settings}

    def add(self) -> Replica:
        """Start one more on a host of its own; the name leads to it as soon as it is ready."""
        host = self._network.host()
        log = self._folder / f"{host.link}.log"
        words = [f"--{name.replace('_', '-')}={value}" for name, value in self._settings.items()]
        command = host.command(sys.executable, "-m", "assayd_server", "serve", "--insecure", *words)
        with log.open("wb") as stderr:
            replica = Replica(host, subprocess.Popen(command, stderr=stderr), log)
        self.replicas.append(replica)
        replica.wait_until_ready()
        self._publish()
        return replica

    def remove(self, replica: Replica) -> int:
        """Take its address away and stop it, as Kubernetes does both at once; gives the exit code."""
        self.replicas.remove(replica)
        self._publish()
        replica.terminate()
        return replica.process.wait(STOP_SECONDS_MAX)

    def kill(self) -> None:
        """All that still run."""
        for replica in self.replicas:
            replica.process.kill()
            replica.process.wait()

    def _publish(self) -> None:
        self._names.publish(*(replica.host.address for replica in self.replicas))


@contextmanager
def fleet(network: Network, names: Names, folder: Path, **settings: Any) -> Iterator[Fleet]:
    """One without a replica yet; those that are there at the end are killed.

    Args:
        network: for their hosts.
        names: for their name.
        folder: for their logs.
        **settings: of the servers, what they serve among them.
    """
    made = Fleet(network, names, folder, settings)
    try:
        yield made
    finally:
        made.kill()
        names.publish()
