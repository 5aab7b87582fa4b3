"""How much memory this process may have, and how much it holds."""

from pathlib import Path

from assayd_server.cpus import CGROUP_ROOT

_NO_LIMIT = 2**60
"""A limit from here on is cgroup v1's way to say that there is none."""
_STATUS = Path("/proc/self/status")


def memory_limit_bytes(cgroup_root: Path = CGROUP_ROOT) -> float:
    """What the container may use; infinity where nothing limits it.

    Args:
        cgroup_root: where the control groups are mounted.
    """
    for place in ("memory.max", "memory/memory.limit_in_bytes"):
        text = _text(cgroup_root / place).strip()
        if text.isdecimal() and int(text) < _NO_LIMIT:
            return float(text)
    return float("inf")


def anonymous_bytes(status: Path = _STATUS) -> int | None:
    """Resident memory that no file backs, which only this process can give back; None where nothing tells.

    Args:
        status: what Linux says of a process.
    """
    for line in _text(status).splitlines():
        if line.startswith("RssAnon:"):
            return 1024 * int(line.split()[1])
    return None


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
