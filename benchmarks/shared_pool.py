"""Two servers of one pool hold its vectors once: python -m benchmarks.shared_pool [--short]. Linux only.

Builds a pool of 1,000,000 x 128 vectors, starts a server of it, then another in a process of its own, has both
search, exactly, so that every vector is read, and prints what /proc/PID/smaps says of each file of the pool.
Writes benchmarks/results/shared_pool.json unless --short.
"""

import argparse
import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from assayd import Client
from benchmarks.pool_processes import Server, memory_mib
from benchmarks.pool_serving import build_pool, perceptron, serving_pool

RESULTS = Path(__file__).parent / "results" / "shared_pool.json"
DIMENSION = 128
FIELDS = ("Rss", "Pss", "Shared_Clean", "Private_Clean", "Private_Dirty")
EXPLANATION = """\
In MiB, by /proc/PID/smaps. Rss: what of the file the process has in memory. Pss: its share, pages that two
processes have counted half. Shared_Clean: pages that others have too. Private_Dirty: pages that are a copy of its
own. all: VmRSS, what the process has in memory in all."""


@dataclass(frozen=True)
class Mapping:
    """What a server has of a file of the pool, in MiB."""

    servers: int
    server: int
    file: str
    mib: dict[str, float]
    server_mib: float


def mapped(server: Server, pool: Path) -> Iterator[tuple[str, dict[str, float]]]:
    """Each mapped file of the pool, with its fields summed over its mappings."""
    files: dict[str, dict[str, float]] = {}
    current: dict[str, float] | None = None
    for line in Path(f"/proc/{server.process_id}/smaps").read_text().splitlines():
        name, *values = line.split()
        if not name.endswith(":"):  # the first line of a mapping: its addresses
            path = Path(values[-1]) if len(values) == 5 else Path()
            current = files.setdefault(path.name, dict.fromkeys(FIELDS, 0.0)) if path.parent == pool else None
        elif current is not None and name[:-1] in FIELDS:
            current[name[:-1]] += int(values[0]) / 1024
    yield from files.items()


def measured(row_count: int) -> Iterator[Mapping]:
    """One server alone, and then with another one."""
    rng = np.random.default_rng(0)
    with TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name).resolve()
        vectors, model = folder / "rows.npy", folder / "model.onnx"
        np.save(vectors, rng.standard_normal((row_count, DIMENSION), dtype=np.float32))
        layers = [(rng.normal(size=shape), np.zeros(shape[1])) for shape in ((8, DIMENSION), (DIMENSION, 2))]
        model.write_bytes(perceptron(layers))
        pool = build_pool(folder / "pool", kind="flat", vectors=vectors)
        servers: list[Server] = []
        for count in (1, 2):
            servers.append(stack.enter_context(serving_pool(model, pool, threads=1)))
            for server in servers:
                with Client(server.address, deadline_seconds=300) as client:
                    client.search(rng.standard_normal((64, DIMENSION), dtype=np.float32), k=10)
            for number, server in enumerate(servers, 1):
                for file, mib in mapped(server, pool):
                    yield Mapping(count, number, file, mib, memory_mib("VmRSS", server.process_id))


def verdict(found: list[Mapping]) -> str:
    """Whether what two servers have of the vectors together is what one has."""
    both = [one.mib for one in found if one.servers == 2 and one.file == "vectors.npy"]
    one, together = both[0]["Rss"], sum(each["Pss"] for each in both)
    copied = sum(each["Private_Dirty"] for each in both)
    shared = together < 1.05 * one and copied == 0 and all(each["Shared_Clean"] > 0.95 * one for each in both)
    return (
        f"{'shared' if shared else 'NOT shared'}: two servers have {one:.1f} MiB of vectors.npy each, "
        f"{together:.1f} MiB together, and {copied:.1f} MiB of copies"
    )


def main() -> None:
    """Measure, print, and write down."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--short", action="store_true", help="few rows, and nothing is written")
    short = parser.parse_args().short
    row_count = 20_000 if short else 1_000_000
    found = list(measured(row_count))
    print(f"| servers | server | file | {' | '.join(FIELDS)} | all |\n|{'---|' * (len(FIELDS) + 4)}")
    for one in found:
        cells = [str(one.servers), str(one.server), one.file]
        print("| " + " | ".join(cells + [f"{each:.1f}" for each in (*one.mib.values(), one.server_mib)]) + " |")
    print(f"\n{EXPLANATION}\n\n{verdict(found)}")
    if not short:
        entries = [
            {**asdict(one), "mib": {name: round(value, 1) for name, value in one.mib.items()}} for one in found
        ]
        lines = ",\n  ".join(json.dumps({**each, "server_mib": round(each["server_mib"], 1)}) for each in entries)
        head = (
            f' "command": "python -m benchmarks.shared_pool",\n "rows": {row_count},\n "dimension": {DIMENSION},'
        )
        RESULTS.write_text(
            f'{{\n{head}\n "verdict": {json.dumps(verdict(found))},\n "mappings": [\n  {lines}\n ]\n}}\n'
        )


if __name__ == "__main__":
    main()
