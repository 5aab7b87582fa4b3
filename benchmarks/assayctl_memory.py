"""What `assayctl score` needs for a pool of millions of rows: python benchmarks/assayctl_memory.py.

Makes a Parquet file of 64 columns, scores it with the demo's model on a server of its own, and watches the peak of
the memory of the command (VmHWM); then does the same once more, is killed half-way and starts again, and compares
both results. Writes results/assayctl_memory.json; --rows 1000000 is a quick look that writes nothing. The full run
takes a few minutes and 5 GB of memory and disk.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import parquet

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
from benchmarks.server_kinds.report import describe_machine  # noqa: E402
from processes import serving  # noqa: E402

MODELS = ROOT / "server" / "assayd_server" / "demo" / "models"
RESULT = ROOT / "benchmarks" / "results" / "assayctl_memory.json"
ROWS, WIDTH = 5_000_000, 64
ALLOWED_MB = 500
POOLS: dict[str, tuple[type[np.generic], int]] = {
    "uint8, row groups of 1,048,576": (np.uint8, 1 << 20),
    "float32, row groups of 1,048,576": (np.float32, 1 << 20),
    "float32, one row group": (np.float32, ROWS),
}
WANTED = ["--id-column", "id", "--uncertainty", "entropy", "--top-k", "1"]
_HIGH_WATER = re.compile(r"VmHWM:\s+(\d+) kB")
_ROW = "{:<36} {:>9} {:>9} {:>12} {:>9} {:>12} {:>14}"


def make_pool(path: Path, rows: int, dtype: type[np.generic], group_rows: int) -> None:
    """Pixels of 0 to 16, with fractions where the type has them, and an id."""
    rng = np.random.default_rng(0)
    types = [("id", pa.int64()), *((f"pixel_{place}", pa.from_numpy_dtype(dtype)) for place in range(WIDTH))]
    with parquet.ParquetWriter(path, pa.schema(types)) as writer:
        for start in range(0, rows, group_rows):
            count = min(group_rows, rows - start)
            pixels = (rng.random((WIDTH, count), np.float32) * 17).astype(dtype)
            columns = [np.arange(start, start + count), *pixels]
            writer.write_table(pa.table(columns, schema=pa.schema(types)), row_group_size=group_rows)


def run(words: list[str], *, until: Callable[[], bool] = lambda: False) -> dict[str, Any]:
    """Run the command, killed at once when a condition holds; its peak memory, its time, and whether it ended."""
    began, peak = time.perf_counter(), 0
    process = subprocess.Popen([sys.executable, "-m", "assayd.cli", *words], stderr=subprocess.DEVNULL)
    while process.poll() is None:
        if until():
            process.kill()
        found = _HIGH_WATER.search(Path(f"/proc/{process.pid}/status").read_text())
        peak = max(peak, int(found[1]) if found else 0)
        time.sleep(0.02)
    return {"peak_mb": peak / 1024, "seconds": time.perf_counter() - began, "exit_code": process.returncode}


def rows_kept(output: Path) -> int:
    """How many rows of an unfinished job are kept."""
    parts = Path(f"{output}.parts").glob("*.arrow")
    return sum(int(part.stem.split("-")[1]) for part in parts)


def measure(pool: Path, rows: int, address: str) -> dict[str, Any]:
    """One run without an end, and one that is killed half-way and goes on."""
    whole, went_on = pool.with_name("whole.parquet"), pool.with_name("went_on.parquet")
    words = ["score", "--input", str(pool), "--address", address, "--quiet", *WANTED, "--output"]
    uninterrupted = run([*words, str(whole)])
    killed = run([*words, str(went_on)], until=lambda: rows_kept(went_on) >= rows // 2)
    kept = rows_kept(went_on)
    resumed = run([*words, str(went_on)])
    assert (uninterrupted["exit_code"], killed["exit_code"], resumed["exit_code"]) == (0, -9, 0)
    result = {
        "input_mb": pool.stat().st_size / 1e6,
        "rows_per_second": rows / uninterrupted["seconds"],
        "uninterrupted": uninterrupted,
        "killed": killed | {"rows_kept": kept},
        "resumed": resumed,
        "compared": compare(whole, went_on),
    }
    whole.unlink()
    went_on.unlink()
    return result


def compare(whole: Path, went_on: Path) -> dict[str, Any]:
    """Whether both files hold the same; numbers may differ as the model rounds, by how requests are merged."""
    largest = 0.0
    with parquet.ParquetFile(whole) as first, parquet.ParquetFile(went_on) as second:
        assert first.schema_arrow == second.schema_arrow
        assert first.metadata.num_rows == second.metadata.num_rows
        for one, other in zip(first.iter_batches(), second.iter_batches(), strict=True):
            for name in one.schema.names:
                if pa.types.is_floating(one[name].type):
                    difference = np.abs(one[name].to_numpy() - other[name].to_numpy())
                    largest = max(largest, float(difference.max(initial=0)))
                else:
                    assert one[name].equals(other[name]), name
    return {"same_bytes": whole.read_bytes() == went_on.read_bytes(), "largest_difference": largest}


def report(results: dict[str, dict[str, Any]]) -> Iterator[str]:
    """A table."""
    yield _ROW.format("pool", "input MB", "peak MB", "resumed MB", "rows/s", "rows kept", "same result")
    for name, result in results.items():
        same = (
            "same bytes" if result["compared"]["same_bytes"] else f"{result['compared']['largest_difference']:.0e}"
        )
        yield _ROW.format(
            name,
            f"{result['input_mb']:.0f}",
            f"{result['uninterrupted']['peak_mb']:.0f}",
            f"{result['resumed']['peak_mb']:.0f}",
            f"{result['rows_per_second']:,.0f}",
            f"{result['killed']['rows_kept']:,}",
            same,
        )


@contextmanager
def server(folder: Path) -> Iterator[str]:
    """The address of a server with the demo's model, a process of its own."""
    with serving(folder / "log", "--repository", str(MODELS), "--drain-delay-seconds", "0") as process:
        yield f"127.0.0.1:{process.port}"


def main() -> None:
    """Measure, print the table, and keep the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=ROWS)
    rows = parser.parse_args().rows
    results = {}
    with tempfile.TemporaryDirectory() as temporary, server(Path(temporary)) as address:
        for name, (dtype, group_rows) in POOLS.items():
            pool = Path(temporary) / "pool.parquet"
            make_pool(pool, rows, dtype, group_rows)
            results[name] = measure(pool, rows, address)
    print(f"{rows:,} rows of {WIDTH} columns; allowed are {ALLOWED_MB} MB", *report(results), sep="\n")
    if rows == ROWS:
        assert max(
            result[part]["peak_mb"] for result in results.values() for part in ("uninterrupted", "resumed")
        ) < (ALLOWED_MB)
        document = {"machine": describe_machine(), "rows": rows, "columns": WIDTH, "pools": results}
        RESULT.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
