"""How many CPUs this process may really use: in a container, what the cgroup allows and not what the host has."""

import math
import os
from pathlib import Path

CGROUP_ROOT = Path("/sys/fs/cgroup")
LIBRARY_THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS")
"""The variables that NumPy and Faiss go by, which would else size themselves from the host."""


def usable_cpus(cgroup_root: Path = CGROUP_ROOT) -> int:
    """The cgroup's CPU limit, rounded up, or the CPUs the process may run on, whichever is smaller; at least 1.

    Args:
        cgroup_root: where the control groups are mounted.
    """
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    limit = _limit_v2(cgroup_root) or _limit_v1(cgroup_root)
    return affinity if limit is None else max(1, min(affinity, math.ceil(limit)))


def _limit_v2(root: Path) -> float | None:
    words = _words(root / "cpu.max")
    if len(words) != 2 or words[0] == "max":
        return None
    return int(words[0]) / int(words[1])


def _limit_v1(root: Path) -> float | None:
    quota, period = _words(root / "cpu/cpu.cfs_quota_us"), _words(root / "cpu/cpu.cfs_period_us")
    if len(quota) != 1 or len(period) != 1 or int(quota[0]) <= 0:
        return None
    return int(quota[0]) / int(period[0])


def _words(path: Path) -> list[str]:
    try:
        return path.read_text().split()
    except OSError:
        return []
