"""Builds the image, runs it without any privilege, and prints what was found: make image. As root, on Linux."""

import os
import shutil
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.error import HTTPError
from urllib.request import urlopen

import numpy as np
from benchmarks.soak.lines import Line, all_met, table

from assayd import Client
from image.building import BASE, IMAGE, ROOT, build, buildah, size_bytes
from image.running import UID, Container, running

NEEDED = ("buildah", "runc", "debootstrap")
DEMO = ROOT / "server" / "assayd_server" / "demo"
MIB = 1024 * 1024
DRAIN_DELAY_SECONDS = 1
ARGUMENTS = [
    "--repository=/models",
    "--port=0",
    "--metrics-port=0",
    f"--drain-delay-seconds={DRAIN_DELAY_SECONDS}",
]
PRIVILEGES = (
    "print(*(l for l in open('/proc/1/status') if l.startswith(('CapEff', 'CapBnd', 'NoNewPrivs', 'Uid'))))"
)
WRITES = """
import os
for place in ('/', '/opt/assayd', '/models', '/tmp'):
    try:
        os.close(os.open(place + '/written', os.O_CREAT | os.O_WRONLY))
        print(place, end=' ')
    except OSError:
        pass
"""
COMPILERS = "import shutil; print(*(name for name in ('gcc', 'cc', 'g++', 'make', 'pip') if shutil.which(name)))"


def main() -> int:
    """Build, run, print; 1 where something is not as it should be."""
    missing = [name for name in NEEDED if shutil.which(name) is None]
    if missing or os.geteuid() != 0:
        print(f"it takes root, and {', '.join(missing or NEEDED)}: apt-get install {' '.join(NEEDED)}")
        return 1
    build()
    lines = _sizes()
    with TemporaryDirectory(prefix="image-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        with running(folder, models=DEMO / "models", arguments=ARGUMENTS) as container:
            lines += _without_privileges(container)
            lines += _serves(container)
    print(table(lines, short=False))
    return 0 if all_met(lines, short=False) else 1


def _line(what: str, asked: str, reached: str, *, met: bool) -> Line:
    return Line(part="image", what=what, asked=asked, reached=reached, met=met)


def _sizes() -> list[Line]:
    whole = size_bytes(IMAGE)
    own = whole - size_bytes(os.environ.get("BASE") or BASE)
    size = f"{whole / MIB:.0f} MiB, {own / MIB:.0f} of them on top of the base"
    return [_line("size of the files", "at most 420 MiB on top", size, met=own < 420 * MIB)]


def _without_privileges(container: Container) -> list[Line]:
    container.wait_for("serving")
    status = dict(line.split(":", 1) for line in container.inside(PRIVILEGES).splitlines() if ":" in line)
    found = {name.strip(): value.split()[0] for name, value in status.items()}
    expected = {"Uid": str(UID), "CapEff": "0" * 16, "CapBnd": "0" * 16, "NoNewPrivs": "1"}
    written, compilers = container.inside(WRITES), container.inside(COMPILERS)
    reached = ", ".join(f"{name} {value}" for name, value in sorted(found.items()))
    return [
        _line("privileges of the server", f"uid {UID}, none", reached, met=found == expected),
        _line("places that can be written to", "/tmp", written, met=written == "/tmp"),  # noqa: S108 inside
        _line("compilers and pip", "none", compilers or "none", met=not compilers),
    ]


def _serves(container: Container) -> list[Line]:
    """Scores, and ends well in the midst of calls."""
    ports = container.wait_for("serving")
    held_out = np.load(DEMO / "held_out.npz")
    with Client(f"localhost:{ports['port']}") as client, ThreadPoolExecutor(1) as threads:
        predictions = client.score(held_out["images"]).predictions
        right = float(np.mean(predictions == held_out["labels"]))
        ready = _status(f"http://127.0.0.1:{ports['metrics_port']}/readyz")
        calls = threads.submit(_scores_until_it_stops, client, held_out["images"], container)
        code = container.stop()
        answered, failed = calls.result()
    return [
        _line("ready, and right about images it has never seen", "200, >= 0.9", f"{ready}, {right:.2f}",
              met=ready == 200 and right >= 0.9),
        _line("exit code on SIGTERM, while it is called", "0", str(code), met=code == 0),
        _line("calls of the drain that failed", "0", f"{failed} of {answered}", met=failed == 0 < answered),
    ]  # fmt: skip


def _scores_until_it_stops(client: Client, images: np.ndarray, container: Container) -> tuple[int, int]:
    """(answered, failed) calls, of before SIGTERM and of most of the second when it says no and still answers."""
    answered = failed = 0
    port = container.wait_for("serving")["metrics_port"]
    until = float("inf")
    while time.monotonic() < until:
        failed += len(client.score(images).predictions) != len(images)
        answered += 1
        if until == float("inf") and _status(f"http://127.0.0.1:{port}/readyz") != 200:
            until = time.monotonic() + 0.7 * DRAIN_DELAY_SECONDS
    return answered, failed


def _status(address: str) -> int:
    try:
        with urlopen(address, timeout=10) as response:
            return int(response.status)
    except HTTPError as error:
        return error.code


if __name__ == "__main__":
    code = main()
    for container in buildah("containers", "--quiet").split():
        buildah("rm", container)
    sys.exit(code)
