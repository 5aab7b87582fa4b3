"""What the C library keeps of the memory that was freed. glibc only; elsewhere nothing is done."""

import ctypes
import os

_ARENA_MAX = -8
"""M_ARENA_MAX of malloc.h."""
_ARENAS = 2
"""Where each thread has its own heap, each keeps what its largest message took (docs/decisions/0012)."""


def share_heaps() -> None:
    """Let threads that start from now on allocate from two heaps, unless MALLOC_ARENA_MAX says otherwise."""
    mallopt = getattr(_libc(), "mallopt", None)
    if mallopt is not None and "MALLOC_ARENA_MAX" not in os.environ:
        mallopt(_ARENA_MAX, _ARENAS)


def return_free_pages() -> None:
    """Give the system what was freed and is kept for later: some ten milliseconds, in which nobody allocates."""
    trim = getattr(_libc(), "malloc_trim", None)
    if trim is not None:
        trim(0)


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None)
