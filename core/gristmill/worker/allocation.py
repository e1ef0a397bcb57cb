"""How the C library of an executor deals with freed memory: it keeps some, since tasks ask for the same again.

By default glibc maps every block of more than 128 KiB anew, and the kernel zeroes its pages one fault at a time: a
fifth of a shuffling task's processor time.
"""

from __future__ import annotations

import ctypes
from functools import lru_cache

import pyarrow as pa

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # M_TRIM_THRESHOLD and M_MMAP_THRESHOLD of malloc.h
_LARGEST_MMAP_THRESHOLD = 32 << 20


@lru_cache(maxsize=1)
def keep_freed_memory(memory_bytes: int) -> None:
    """Lets a process that may hold ``memory_bytes`` keep up to an eighth of them, freed, for the next task.

    Larger blocks than a 32nd go back to the system at once. Arrow asks the C library as well, in place of a pool of its
    own. Without effect where that is not glibc.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_MMAP_THRESHOLD, min(_LARGEST_MMAP_THRESHOLD, memory_bytes // 32))
        mallopt(_TRIM_THRESHOLD, memory_bytes // 8)
        pa.set_memory_pool(pa.system_memory_pool())
