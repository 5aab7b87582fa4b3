"""Fifty versions published under load: no call fails, each answer is of the version that it names."""

import threading
import time
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from assayd import AssaydError, Client
from benchmarks.pool_processes import memory_mib
from benchmarks.soak.lines import Line
from benchmarks.soak.models import CLASSES, identity, publish, softmax
from benchmarks.soak.server import Server, serving

CLIENTS = 8
VERSIONS_MAX = 2
CORRUPT_EVERY = 10
WAIT_SECONDS_MAX = 30.0


def run(short: bool) -> tuple[list[Line], dict[str, Any]]:
    """Publish versions one after another; every tenth is corrupt."""
    count = 4 if short else 50
    found: Counter[str] = Counter()
    memory: list[float] = []
    ended = threading.Event()
    with TemporaryDirectory() as name:
        folder, root = Path(name), Path(name) / "models"
        publish(root, 1, identity(), temperature=1.0)
        settings = {"repository_poll_seconds": 0.1, "versions_max": VERSIONS_MAX}
        with serving(folder, repository=root, **settings) as server, Client(server.address) as client:
            threads = [
                threading.Thread(target=_call, args=[server, seed, ended, found]) for seed in range(CLIENTS)
            ]
            for thread in threads:
                thread.start()
            try:
                for version in range(2, count + 2):
                    _swap(root, version, client, corrupt=version % CORRUPT_EVERY == 0)
                    memory.append(round(memory_mib("VmRSS", server.process.pid), 1))
            finally:
                ended.set()
                for thread in threads:
                    thread.join()
    failures = {name: number for name, number in found.items() if name.isupper()}
    versions = sum(name.startswith("version ") for name in found)
    lines = [
        Line(
            part="swap",
            what=f"calls that failed while {count} versions were published",
            asked="0",
            reached=f"{sum(failures.values())} of {found['answers']}",
            met=not failures and found["answers"] > 0,
        ),
        Line(
            part="swap",
            what="answers that are not of the version that they name",
            asked="0",
            reached=f"{found['wrong']}, of {versions} versions",
            met=found["wrong"] == 0 and versions > 1,
        ),
        Line(
            part="swap",
            what="answers of a corrupt version",
            asked="0",
            reached=str(sum(found[f"version {one}"] for one in range(CORRUPT_EVERY, count + 2, CORRUPT_EVERY))),
            met=all(not found[f"version {one}"] for one in range(CORRUPT_EVERY, count + 2, CORRUPT_EVERY)),
        ),
        _memory_line(memory),
    ]
    return lines, {"answers": found["answers"], "failures": failures, "versions": versions, "memory_mib": memory}


def _memory_line(memory: list[float]) -> Line:
    """The middle of the last fifth, over that of the second: heaps have settled by then."""
    fifth = max(1, len(memory) // 5)
    growth = float(np.median(memory[-fifth:]) - np.median(memory[fifth : 2 * fifth]))
    return Line(
        part="swap",
        what="growth of memory from the second fifth of the versions to the last",
        asked="< 10 MiB",
        reached=f"{growth:.1f} MiB",
        met=growth < 10,
        timed=True,
    )


def _swap(root: Path, version: int, client: Client, *, corrupt: bool) -> None:
    """Publish a version, and wait until it is served, or has failed."""
    publish(root, version, identity(), temperature=1 + version / 10, sound=not corrupt)
    deadline = time.monotonic() + WAIT_SECONDS_MAX
    while not _has_come(client, version, corrupt=corrupt):
        if time.monotonic() > deadline:
            raise TimeoutError(f"version {version} did not come")
        time.sleep(0.05)


def _has_come(client: Client, version: int, *, corrupt: bool) -> bool:
    if not corrupt:
        return client.model().version == version
    return any(failed.version == version for failed in client.models().failed)


def _call(server: Server, seed: int, ended: threading.Event, found: Counter[str]) -> None:
    rng = np.random.default_rng(seed)
    counts: Counter[str] = Counter()
    with Client(server.address, deadline_seconds=30) as client:
        while not ended.is_set():
            rows = rng.normal(0, 3, (rng.integers(1, 60), CLASSES)).astype(np.float32)
            try:
                scores = client.score(rows)
            except AssaydError as error:
                counts[error.status.name] += 1
                continue
            version = scores.model.version if scores.model else 0
            temperature = 1.0 if version == 1 else 1 + version / 10
            right = np.allclose(scores.probabilities, softmax(rows / np.float32(temperature)), atol=1e-5)
            counts.update({"answers": 1, "wrong": not right, f"version {version}": 1})
    found.update(counts)
