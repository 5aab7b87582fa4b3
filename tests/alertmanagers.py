"""A real Alertmanager on loopback."""

import json
import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import programs

WAIT_SECONDS_MAX = 60.0


@contextmanager
def alertmanager(folder: Path, config: dict[str, Any]) -> Iterator[str]:
    """Start one with this configuration; gives host and port, once it listens."""
    file, log = folder / "alertmanager.yml", folder / "alertmanager.log"
    file.write_text(json.dumps(config))  # which is YAML too
    command = [
        programs.alertmanager(),
        f"--config.file={file}",
        f"--storage.path={folder / 'alertmanager'}",
        "--web.listen-address=127.0.0.1:0",
        "--cluster.listen-address=",
    ]
    with log.open("wb") as stderr, subprocess.Popen(command, stderr=stderr) as process:
        try:
            yield _listening(process, log)
        finally:
            process.kill()


def _listening(process: subprocess.Popen[bytes], log: Path) -> str:
    deadline = time.monotonic() + WAIT_SECONDS_MAX
    while not (found := re.search(r'msg="?Listening on"? address=(\S+)', log.read_text())):
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.02)
    return found[1]
