"""Large files read and written past the system's page cache, where the file system can do that.

What is written once and read by whole megabytes gains nothing from the cache, which costs a copy, and the time to
find it fresh memory: on a virtual machine several times the time of the disk itself. Where direct I/O is refused
(by memory file systems, some network ones, other systems than Linux) everything goes the ordinary way.
"""

from __future__ import annotations

import errno
import fcntl
import mmap
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

BUFFER = 4 << 20
_ALIGNMENT = 4096  # what every disk takes
_KEPT = 4

_lock = threading.Lock()
_free: list[mmap.mmap] = []


@contextmanager
def _buffer() -> Iterator[memoryview]:
    """Aligned memory; it is used again, since fresh memory is what costs."""
    with _lock:
        memory = _free.pop() if _free else None
    memory = memory or mmap.mmap(-1, BUFFER)
    try:
        with memoryview(memory) as view:
            yield view
    finally:
        with _lock:
            if len(_free) < _KEPT:
                _free.append(memory)


@contextmanager
def writer(descriptor: int) -> Iterator[Writer]:
    """Write to a file that is empty and open for writing; all is written when the block ends without an error.

    A file of less than `BUFFER` bytes is written the ordinary way. Nothing is durable before the caller syncs it.
    """
    with _buffer() as buffer:
        to = Writer(descriptor, buffer)
        yield to
        to._end()


class Writer:
    """Gathers bytes, and writes them a buffer at a time; see `writer`."""

    def __init__(self, descriptor: int, buffer: memoryview) -> None:
        self._descriptor = descriptor
        self._buffer = buffer
        self._used = 0
        self._is_direct = False
        self._may_be_direct = hasattr(os, "O_DIRECT")

    def write(self, data: bytes | memoryview) -> None:
        """Append `data`."""
        size = len(data)
        if self._used + size < BUFFER:  # as nearly always
            self._buffer[self._used : self._used + size] = data
            self._used += size
            return
        view = memoryview(data)
        while view:
            taken = min(len(view), BUFFER - self._used)
            self._buffer[self._used : self._used + taken] = view[:taken]
            self._used += taken
            view = view[taken:]
            if self._used == BUFFER:
                if self._may_be_direct and not self._is_direct:
                    self._turn(direct=True)
                self._write_out(BUFFER)
                self._used = 0

    def _end(self) -> None:
        if self._is_direct:
            self._write_out(self._used - self._used % _ALIGNMENT)
            rest = self._used % _ALIGNMENT
            self._buffer[:rest] = self._buffer[self._used - rest : self._used]
            self._used = rest
            self._turn(direct=False)
        self._write_out(self._used)

    def _write_out(self, size: int) -> None:
        at = 0
        while at < size:
            try:
                at += os.write(self._descriptor, self._buffer[at:size])
            except OSError as error:
                if error.errno != errno.EINVAL or not self._is_direct:
                    raise
                self._refused()
            if self._is_direct and at % _ALIGNMENT:
                self._refused()  # it took a part, behind which nothing is aligned any more

    def _refused(self) -> None:
        self._may_be_direct = False
        self._turn(direct=False)

    def _turn(self, *, direct: bool) -> None:
        flags = fcntl.fcntl(self._descriptor, fcntl.F_GETFL)
        try:
            fcntl.fcntl(self._descriptor, fcntl.F_SETFL, flags | os.O_DIRECT if direct else flags & ~os.O_DIRECT)
            self._is_direct = direct
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise
            self._may_be_direct = False


def read(path: str, offset: int, length: int) -> bytes | None:
    """At most `length` bytes from `offset`, fewer only where the file ends; None where direct I/O is refused."""
    if not hasattr(os, "O_DIRECT"):
        return None
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_DIRECT)
        try:
            return _read(descriptor, offset, length)
        finally:
            os.close(descriptor)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        return None


def _read(descriptor: int, offset: int, length: int) -> bytes:
    parts: list[bytes] = []
    with _buffer() as buffer:
        skip = offset % _ALIGNMENT
        while length > 0:
            wanted = min(BUFFER, skip + length + -(skip + length) % _ALIGNMENT)
            got = os.preadv(descriptor, [buffer[:wanted]], offset - skip)
            part = bytes(buffer[skip : min(got, skip + length)])
            parts.append(part)
            offset, length = offset + len(part), length - len(part)
            if got < wanted:
                break  # the file's end
            skip = offset % _ALIGNMENT
    return parts[0] if len(parts) == 1 else b"".join(parts)
