"""Runs the image with runc, as Kubernetes does by the chart: read-only, as uid 10001, without any privilege."""

import json
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from image.building import settings, unpacked

UID = 10001
START_SECONDS_MAX = 60.0
STOP_SECONDS_MAX = 60.0
_MOUNTS = [
    {"destination": "/proc", "type": "proc", "source": "proc"},
    {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755"]},
    {"destination": "/tmp", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "nodev"]},  # noqa: S108 inside
]


@dataclass(frozen=True, slots=True)
class Container:
    """One that runs; its network is this machine's."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    def wait_for(self, event: str) -> dict[str, Any]:
        """The first line of its log of that event."""
        deadline = time.monotonic() + START_SECONDS_MAX
        while not (found := [line for line in self._lines() if line["event"] == event]):
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"no {event!r}: {self.log.read_text()}")
            time.sleep(0.02)
        return found[0]

    def inside(self, code: str) -> str:
        """What Python code prints that runs in the container."""
        command = ["runc", "exec", self.name, "python", "-c", code]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    def stop(self) -> int:
        """Send SIGTERM to its first process, and give the exit code."""
        subprocess.run(["runc", "kill", self.name, signal.SIGTERM.name], check=True)
        return self.process.wait(STOP_SECONDS_MAX)

    def _lines(self) -> list[dict[str, Any]]:
        text = self.log.read_text().splitlines(keepends=True)
        return [json.loads(line) for line in text if line.startswith("{") and line.endswith("\n")]


@contextmanager
def running(folder: Path, *, models: Path, arguments: list[str]) -> Iterator[Container]:
    """Start the image with further arguments after its own, and these models at /models."""
    found = settings()
    name = f"assayd-{folder.name}"
    (folder / "config.json").write_text(json.dumps(_bundle(found, models, arguments)))
    log = folder / "log"
    command = ["runc", "run", "--bundle", str(folder), name]
    with log.open("wb") as stderr, subprocess.Popen(command, stderr=stderr, stdin=subprocess.DEVNULL) as process:
        try:
            yield Container(name, process, log)
        finally:
            subprocess.run(["runc", "delete", "--force", name], check=False, capture_output=True)
            process.wait(STOP_SECONDS_MAX)


def _bundle(image: dict[str, Any], models: Path, arguments: list[str]) -> dict[str, Any]:
    of_models = {"destination": "/models", "type": "bind", "source": str(models), "options": ["bind", "ro"]}
    return {
        "ociVersion": "1.0.2",
        "process": {
            "terminal": False,
            "user": {"uid": UID, "gid": UID},
            "args": [*image["Entrypoint"], *image["Cmd"], *arguments],
            "env": image["Env"],
            "cwd": "/",
            "capabilities": {
                kind: [] for kind in ("bounding", "effective", "inheritable", "permitted", "ambient")
            },
            "noNewPrivileges": True,
        },
        "root": {"path": str(unpacked()), "readonly": True},
        "mounts": [*_MOUNTS, of_models],
        "linux": {"namespaces": [{"type": kind} for kind in ("pid", "ipc", "uts", "mount")]},
    }
