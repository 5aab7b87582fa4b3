"""Where setup.sh has put what the benchmarks need."""

import subprocess
from pathlib import Path

HERE = Path(__file__).parent
PEERS = HERE.parents[2] / ".make" / "peers"
DEBIAN = PEERS / "debian"
_LIBRARIES = DEBIAN / "usr" / "lib" / "x86_64-linux-gnu"


def python(peer: str) -> Path | None:
    """That of a peer's environment; None where it is not set up."""
    found = PEERS / peer / "bin" / "python"
    return found if (PEERS / f"{peer}.installed").exists() and found.exists() else None


def debian_environment() -> dict[str, str]:
    """Lets programs find the libraries that were unpacked beside them."""
    return {"LD_LIBRARY_PATH": str(_LIBRARIES)} if _LIBRARIES.exists() else {}


def left_out() -> list[str]:
    """A line for each peer that is not set up."""
    missing = [peer for peer in ("triton", "mlserver") if python(peer) is None]
    return [f"left out: {peer}, which benchmarks/serving/peers/setup.sh sets up where it can" for peer in missing]


def versions() -> dict[str, str]:
    """Of the peers that are set up."""
    show = "import importlib.metadata as m; print(*(m.version(n) for n in {names!r}))"
    wanted = {"triton": ["nvidia-pytriton"], "mlserver": ["mlserver"]}
    found = {}
    for peer, names in wanted.items():
        if interpreter := python(peer):
            command = [str(interpreter), "-c", show.format(names=names)]
            printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
            found |= dict(zip(names, printed, strict=True))
    return found
