"""Fifty sound versions, and corrupt ones, published under load: no call fails, answers are of their version."""

import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from assayd import Client
from benchmarks.pool_processes import memory_mib
from benchmarks.soak.callers import Load, Outcome, calling
from benchmarks.soak.lines import Line
from benchmarks.soak.models import identity, publish
from benchmarks.soak.server import serving

CLIENTS = 8
VERSIONS_MAX = 2
CORRUPT_EVERY = 10
WAIT_SECONDS_MAX = 30.0


def run(short: bool) -> tuple[list[Line], dict[str, Any]]:
    """Publish versions one after another; of the long form's 55 every tenth is corrupt, which leaves 50 swaps."""
    count = 4 if short else 55
    memory: list[float] = []
    with TemporaryDirectory() as name:
        folder, root = Path(name), Path(name) / "models"
        publish(root, 1, identity(), temperature=temperature(1))
        settings = {"repository_poll_seconds": 0.1, "versions_max": VERSIONS_MAX}
        with serving(folder, repository=root, **settings) as server, Client(server.address) as client:
            load = Load(address=server.address, sizes=range(1, 60), temperature=temperature)
            with calling(CLIENTS, load) as outcome:
                for version in range(2, count + 2):
                    _swap(root, version, client)
                    memory.append(round(memory_mib("VmRSS", server.process.pid), 1))
    figures = {
        "answers": outcome["answers"],
        "errors": outcome.errors,
        "versions": len(outcome.versions),
        "memory_mib": memory,
    }
    return [*_lines(outcome, count), _memory_line(memory)], figures


def temperature(version: int) -> float:
    """By which the answers of versions differ."""
    return 1 + version / 10


def is_corrupt(version: int) -> bool:
    """Whether it cannot be loaded."""
    return version % CORRUPT_EVERY == 0


def swaps(count: int) -> int:
    """How many of the versions that are published are served."""
    return sum(not is_corrupt(version) for version in range(2, count + 2))


def _lines(outcome: Outcome, count: int) -> Iterator[Line]:
    yield Line(
        part="swap",
        what=f"calls that failed while {count} versions were published, {swaps(count)} of them sound",
        asked="0",
        reached=f"{sum(outcome.errors.values())} of {outcome['answers']}",
        met=not outcome.errors and outcome["answers"] > 0,
    )
    yield Line(
        part="swap",
        what="answers that are not of the version that they name",
        asked="0",
        reached=f"{outcome['wrong']}, of {len(outcome.versions)} versions",
        met=outcome["wrong"] == 0 and len(outcome.versions) > 1,
    )
    corrupt = [version for version in outcome.versions if is_corrupt(version)]
    yield Line(
        part="swap", what="corrupt versions that answered", asked="0", reached=str(len(corrupt)), met=not corrupt
    )


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


def _swap(root: Path, version: int, client: Client) -> None:
    """Publish a version, and wait until it is served, or has failed."""
    publish(root, version, identity(), temperature=temperature(version), sound=not is_corrupt(version))
    deadline = time.monotonic() + WAIT_SECONDS_MAX
    while not _has_come(client, version):
        if time.monotonic() > deadline:
            raise TimeoutError(f"version {version} did not come")
        time.sleep(0.05)


def _has_come(client: Client, version: int) -> bool:
    if not is_corrupt(version):
        return client.model().version == version
    return any(failed.version == version for failed in client.models().failed)
