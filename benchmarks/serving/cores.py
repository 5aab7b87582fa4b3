"""Which core the servers have, and which one the load. Linux only."""

import os

CORES = sorted(os.sched_getaffinity(0))
SERVER_CORE, LOAD_CORE = CORES[0], CORES[-1]


def pinned(*cores: int) -> None:
    """Keep this process on these cores, and what it starts from here on."""
    os.sched_setaffinity(0, cores)
