"""What the C library keeps of memory that was freed (glibc only), and what Python looks through for garbage."""

import ctypes
import gc
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


def leave_in_place() -> None:
    """Let Python's collector never again look at what is there now: modules, models, metrics.

    A look at all of it takes 60 ms, a few times a minute under load, in which no call is answered. What of it is
    dropped later is freed at once, as no circle of references leads through it.
    """
    gc.collect()
    gc.freeze()


def return_free_pages() -> None:
    """Give the system what was freed and is kept for later: some ten milliseconds, in which nobody allocates."""
    trim = getattr(_libc(), "malloc_trim", None)
    if trim is not None:
        trim(0)


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None)
