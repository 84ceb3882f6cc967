"""Keep memory for the next message instead of giving it back to the system after each.

A megabyte that comes fresh from the system is cleared first, and on a virtual machine the host has to find it too. A
process that moves gigabytes in messages of a megabyte spends a sixth of its time on that unless it is told not to.
"""

from __future__ import annotations

import ctypes
import sys

# Of glibc's malloc.h.
_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_THRESHOLD = -1, -2, -3
_LARGEST = 32 << 20  # more is refused
_KEPT = 128 << 20
_STEP = 16 << 20


def keep() -> None:
    """Let this process keep up to `_KEPT` bytes that it has freed. Does nothing where the C library is not glibc."""
    if sys.platform != "linux":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return
    for option, value in ((_M_MMAP_THRESHOLD, _LARGEST), (_M_TRIM_THRESHOLD, _KEPT), (_M_TOP_PAD, _STEP)):
        mallopt(option, value)
