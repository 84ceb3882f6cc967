"""Memory of one process that another one on the same machine reads.

So large content gets to a store that runs beside its client: sent through a socket, it takes both processes most of
their time. The system lets only those read it who may look into the process: the same user, or root. It has no name in
any folder, and is gone with the process.

Where the system has no such memory, or processes do not see each other (another machine, another container), nothing is
lent, and content is sent.
"""

from __future__ import annotations

import mmap
import os
import secrets
import weakref
from typing import NamedTuple

_NAME = "howdah"
_LINK = f"/memfd:{_NAME} (deleted)"
_PROOF = 32
HEAD = 4096
"""The first bytes, up to here, are not for content."""


class Name(NamedTuple):
    """How another process finds the memory, and what it begins with, so that it is no other."""

    process: int
    descriptor: int
    proof: bytes


class Lent:
    """Memory of this process, for as long as this lives; `OSError` where there is none that can be lent."""

    def __init__(self, size: int) -> None:
        try:
            descriptor = os.memfd_create(_NAME, os.MFD_CLOEXEC)
        except AttributeError as error:  # no Linux
            raise OSError("memory cannot be lent on this system") from error
        weakref.finalize(self, os.close, descriptor)
        os.ftruncate(descriptor, HEAD + size)
        self.view = memoryview(mmap.mmap(descriptor, HEAD + size))
        """All of it; content stands behind `HEAD`."""
        self.name = Name(os.getpid(), descriptor, secrets.token_bytes(_PROOF))
        self.view[:_PROOF] = self.name.proof


class Borrowed:
    """Memory that another process lends, for as long as this lives.

    `OSError` if it cannot be read, or is not what was named.
    """

    def __init__(self, name: Name) -> None:
        place = f"/proc/{name.process}/fd/{name.descriptor}"
        if os.readlink(place) != _LINK:  # before it is opened: others' files, pipes and devices are not touched
            raise FileNotFoundError(f"{place} is no memory that is lent")
        self._descriptor = os.open(place, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
        weakref.finalize(self, os.close, self._descriptor)  # not before a thread that reads is done
        is_memory = os.readlink(f"/proc/self/fd/{self._descriptor}") == _LINK
        if not is_memory or len(name.proof) != _PROOF or self.read(0, _PROOF) != name.proof:
            raise FileNotFoundError(f"{place} is another memory")

    def read(self, offset: int, size: int) -> bytes:
        """A copy of these bytes, which the other process cannot change any more; fewer where the memory ends."""
        return os.pread(self._descriptor, size, offset)
