"""When the C library gives freed memory back to the system: not after each message, and not never.

A megabyte that comes fresh from the system is cleared first, and on a virtual machine the host has to find it too. A
process that moves gigabytes in messages of a megabyte spends a sixth of its time on that unless it is told not to. And
what many threads at once have freed is kept for ever unless it is asked for.

Nothing here does anything where the C library is not glibc.
"""

from __future__ import annotations

import ctypes

# Of glibc's malloc.h.
_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_THRESHOLD = -1, -2, -3
_LARGEST = 32 << 20  # more is refused
_KEPT = 128 << 20
_STEP = 16 << 20


def keep() -> None:
    """Let this process keep up to `_KEPT` bytes that it has freed, for what comes next."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        for option, value in ((_M_MMAP_THRESHOLD, _LARGEST), (_M_TRIM_THRESHOLD, _KEPT), (_M_TOP_PAD, _STEP)):
            mallopt(option, value)


def give_back() -> None:
    """Give all that is free back now."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
