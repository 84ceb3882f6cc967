"""Runs a command for which the kernel refuses every flock: `python lockless.py COMMAND…`.

So it is on network file systems whose server keeps no locks. Linux alone; the command's children are refused too.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
import sys

_FLOCK = {"x86_64": 73, "aarch64": 32}
_NO_NEW_PRIVILEGES, _SECCOMP, _FILTER = 38, 22, 2
_LOAD, _IF_EQUAL, _RETURN = 0x20, 0x15, 0x06
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050000


def _instruction(code: int, value: int, otherwise: int = 0) -> bytes:
    """One of the kernel's filter language; `otherwise` tells how many to pass over where a comparison fails."""
    return struct.pack("HBBI", code, 0, otherwise, value)


def refuse_locks() -> None:
    """From now on flock fails here and in all children with ENOLCK."""
    program = b"".join(
        [
            _instruction(_LOAD, 0),  # the number of the system call
            _instruction(_IF_EQUAL, _FLOCK[platform.machine()], otherwise=1),
            _instruction(_RETURN, _REFUSE | errno.ENOLCK),
            _instruction(_RETURN, _ALLOW),
        ]
    )
    kept = ctypes.create_string_buffer(program, len(program))
    told = ctypes.create_string_buffer(struct.pack("HxxxxxxQ", 4, ctypes.addressof(kept)))
    libc = ctypes.CDLL(None, use_errno=True)
    for words in ((_NO_NEW_PRIVILEGES, 1, 0), (_SECCOMP, _FILTER, ctypes.addressof(told))):
        if libc.prctl(*map(ctypes.c_ulong, (*words, 0, 0))):
            raise OSError(ctypes.get_errno(), "the kernel does not let system calls be refused")


if __name__ == "__main__":
    refuse_locks()
    os.execv(sys.argv[1], sys.argv[1:])
