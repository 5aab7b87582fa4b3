"""What `pip install assayd` brings, and what it costs to import: python benchmarks/thin_client.py.

Builds the wheel, installs it with and without the server extra into empty environments, lists what came along, and
times the import of the client on top of its dependencies. Needs a package index; takes about a minute.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ROUNDS = 9
IMPORT = """
import time
began = time.perf_counter()
import grpc, numpy, google.protobuf.message, google.protobuf.descriptor_pool, google.rpc.error_details_pb2
between = time.perf_counter()
import assayd
assayd.Client, assayd.AssaydError, assayd.Scores
print(between - began, time.perf_counter() - between)
"""


def build_wheel(folder: Path) -> Path:
    """The wheel of this source tree."""
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True)
    return next(folder.glob("*.whl"))


def install(folder: Path, requirement: str) -> Path:
    """The Python of a new environment with that in it."""
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    command = [python, "-m", "pip", "install", "--quiet", "--constraint", ROOT / "constraints.txt", requirement]
    subprocess.run(command, check=True, capture_output=True)
    return python


def packages(python: Path) -> list[str]:
    """What is installed there besides pip and setuptools."""
    result = subprocess.run([python, "-m", "pip", "list", "--format", "json"], check=True, capture_output=True)
    names = [entry["name"] for entry in json.loads(result.stdout)]
    return sorted(name for name in names if name not in ("pip", "setuptools", "wheel"))


def megabytes(folder: Path) -> float:
    """What the environment's packages take, pip and setuptools left out."""
    own = {"pip", "setuptools", "pkg_resources", "_distutils_hack"}
    (site,) = folder.glob("lib/python3*/site-packages")
    parts = [part for part in site.iterdir() if part.name.partition("-")[0] not in own]
    files = (file for part in parts for file in ([part] if part.is_file() else part.rglob("*")))
    return sum(file.stat().st_size for file in files if file.is_file()) / 1e6


def import_seconds(python: Path) -> tuple[float, float]:
    """Median time to import the dependencies, and the client on top of them."""
    runs = [subprocess.run([python, "-c", IMPORT], check=True, capture_output=True).stdout for _ in range(ROUNDS)]
    times = [tuple(map(float, run.split())) for run in runs]
    return statistics.median(time[0] for time in times), statistics.median(time[1] for time in times)


def main() -> None:
    """Print the comparison."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        wheel = build_wheel(folder / "dist")
        thin, full = install(folder / "thin", str(wheel)), install(folder / "full", f"{wheel}[server]")
        sizes = megabytes(folder / "thin"), megabytes(folder / "full")
        below, client = import_seconds(thin)
        times = sizes[1] / sizes[0]
        print(f"assayd brings {', '.join(packages(thin))}: {sizes[0]:.0f} MB")
        print(f"assayd[server] brings {len(packages(full))}: {sizes[1]:.0f} MB, {times:.1f} times as much")
        print(f"import of the client: {client:.3f} s on top of {below:.3f} s for grpc, protobuf and NumPy")
        print(f"the wheel: {wheel.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
