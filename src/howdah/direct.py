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
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager, suppress

from howdah.threads import beside

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
    with ExitStack() as stack:
        to = Writer(descriptor, lambda: stack.enter_context(_buffer()))
        try:
            yield to
            to._end()
        finally:
            to._settle()  # a buffer that is being written is given to nobody else


class Writer:
    """Gathers bytes and writes them a buffer at a time, one being filled while the last is written; see `writer`."""

    def __init__(self, descriptor: int, new_buffer: Callable[[], memoryview]) -> None:
        self._descriptor = descriptor
        self._new_buffer = new_buffer
        self._buffer = new_buffer()
        self._other: memoryview | None = None
        self._used = 0
        self._under_way: Future[None] | None = None
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
                self._turn_over()

    def _turn_over(self) -> None:
        """Let a thread write the full buffer, once the one before is written."""
        self._settle()
        full = self._buffer
        self._buffer, self._other = self._other or self._new_buffer(), full
        self._used = 0
        self._under_way = beside(lambda: self._write_full(full), "file")

    def _settle(self) -> None:
        under_way, self._under_way = self._under_way, None
        if under_way is not None:
            under_way.result()

    def _write_full(self, full: memoryview) -> None:
        if self._may_be_direct and not self._is_direct:
            self._turn(direct=True)
        self._write_out(full)

    def _end(self) -> None:
        self._settle()
        rest = self._buffer[: self._used]
        if self._is_direct:
            even = self._used - self._used % _ALIGNMENT
            self._write_out(rest[:even])
            self._turn(direct=False)
            rest = rest[even:]
        self._write_out(rest)

    def _write_out(self, data: memoryview) -> None:
        at = 0
        while at < len(data):
            try:
                at += os.write(self._descriptor, data[at:])
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
    with suppress(_Refused), _opened(path) as descriptor:
        return _read(descriptor, offset, length)
    return None


class _Refused(Exception):  # noqa: N818 -- no error: there is another way
    """Direct I/O is not had here."""


@contextmanager
def _opened(path: str) -> Iterator[int]:
    """A file to be read directly; `_Refused` where that is refused."""
    if not hasattr(os, "O_DIRECT"):
        raise _Refused
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_DIRECT)
        try:
            yield descriptor
        finally:
            os.close(descriptor)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        raise _Refused from error


def pieces(path: str, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
    """The bytes of each range, an offset and a length, as `read` gives them or else the ordinary way.

    The ranges lie in order; those that fit a buffer together are read at once.
    """
    begin = ranges[0][0] - ranges[0][0] % _ALIGNMENT
    end = sum(ranges[-1])
    end += -end % _ALIGNMENT
    if len(ranges) > 1 and end - begin <= BUFFER:
        with suppress(_Refused), _opened(path) as descriptor, _buffer() as buffer:
            got = os.preadv(descriptor, [buffer[: end - begin]], begin)
            return [bytes(buffer[at - begin : min(got, at - begin + length)]) for at, length in ranges]
    return [_read_anyhow(path, *one) for one in ranges]


def _read_anyhow(path: str, offset: int, length: int) -> bytes:
    data = read(path, offset, length)
    if data is None:
        with open(path, "rb", buffering=0) as file:
            data = os.pread(file.fileno(), length, offset)
    return data


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
