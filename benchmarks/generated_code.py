"""Which grpcio-tools write code that imports on which protobuf: python benchmarks/generated_code.py.

Generates the stubs with each release of grpcio-tools, and imports them under each release of protobuf. Needs a
package index; takes a minute or two.
"""

import subprocess
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TOOLS = ("1.74.0", "1.80.0", "1.82.0")
PROTOBUFS = ("6.31.1", "6.33.6", "7.36.2")


def make(folder: Path, *requirements: str) -> Path:
    """The Python of a new environment with these in it."""
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "--quiet", *requirements], check=True, capture_output=True)
    return python


def generate(python: Path, folder: Path) -> None:
    """The stubs of package assayd.v1."""
    folder.mkdir()
    protos = sorted((ROOT / "protos" / "assayd" / "v1").glob("*.proto"))
    command = [python, "-m", "grpc_tools.protoc", "-I", ROOT / "protos", f"--python_out={folder}", *protos]
    subprocess.run(command, check=True, capture_output=True)


def outcome(python: Path, folder: Path) -> str:
    """Whether the stubs import, or the last line of why not."""
    command = [python, "-W", "error", "-c", "import assayd.v1.scoring_pb2"]
    result = subprocess.run(command, env={"PYTHONPATH": str(folder)}, capture_output=True, text=True, check=False)
    return (
        "imports"
        if result.returncode == 0
        else result.stderr.strip().splitlines()[-1].split(":")[0].split(".")[-1]
    )


def main() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for tools in TOOLS:
            generate(make(folder / f"tools-{tools}", f"grpcio-tools=={tools}"), folder / tools)
        print("grpcio-tools | " + " | ".join(f"protobuf {version}" for version in PROTOBUFS))
        pythons = [make(folder / f"protobuf-{version}", f"protobuf=={version}") for version in PROTOBUFS]
        for tools in TOOLS:
            print(f"{tools} | " + " | ".join(outcome(python, folder / tools) for python in pythons))


if __name__ == "__main__":
    main()
