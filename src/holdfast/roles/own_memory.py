"""How a process asks the system for memory: together, so that what threads allocated by turns is given back (P8, P2).

Before any thread. Not here: capture to memory (memory_loop), what is remembered (each owner's own limit).
"""

import ctypes

_M_MMAP_THRESHOLD, _M_ARENA_MAX = -3, -8  # <malloc.h> of glibc
LARGE_BYTES = 128 * 1024  # glibc's own beginning


def keep_together(arenas: int, *, large_bytes: int | None = None) -> None:
    """Have the C library keep what all threads allocate in a few places, instead of one for each of them.

    Args:
        arenas: In how many.
        large_bytes: Buffers from here on go back to the system at once; None lets the library find out.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # glibc's; others return memory anyway
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, arenas)
        if large_bytes is not None:
            mallopt(_M_MMAP_THRESHOLD, large_bytes)
