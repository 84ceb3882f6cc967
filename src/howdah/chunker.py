"""Cuts a stream of bytes into chunks whose ends depend on the content alone.

A file below `MINIMUM` is one chunk. Longer content is cut by FastCDC (Xia et al., USENIX ATC 2016), which starts
afresh at each cut: cutting again from any chunk's start gives the same ends, however the bytes arrive.
"""

from __future__ import annotations

from pyfastcdc import FastCDC

MINIMUM = 512 << 10
AVERAGE = 1 << 20
MAXIMUM = 4 << 20
_GATHER = 4 * MAXIMUM  # cut together: each cut moves what is left over to the next


_CDC = FastCDC(avg_size=AVERAGE, min_size=MINIMUM, max_size=MAXIMUM)


def cut(data: bytes | memoryview, *, is_last: bool) -> list[memoryview]:
    """The chunks that `data`, the next bytes of a file, begins with, and whose ends are certain.

    With `is_last` nothing follows, and all of it is cut. Else what is left over is to be cut with what follows.
    """
    view = memoryview(data)
    # Only with this much ahead is an end certain not to move when more arrives.
    ahead = 1 if is_last else MAXIMUM
    chunks: list[memoryview] = []
    at = 0
    for piece in _CDC.cut_buf(data):
        if len(view) - at < ahead:
            break
        chunks.append(view[at : at + piece.length])
        at += piece.length
    return chunks


class Chunker:
    """Cuts one file's content; feed it in order, then finish. Chunks are views of what was fed, not copies."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._size = 0

    def feed(self, data: bytes) -> list[bytes | memoryview]:
        """Take the next bytes; returns the chunks that are certain by now."""
        if data:
            self._parts.append(data)
            self._size += len(data)
        return self._cut(is_last=False) if self._size >= _GATHER else []

    def finish(self) -> list[bytes | memoryview]:
        """The rest; the chunker is empty again after this. Nothing fed: no chunk."""
        if self._size < MINIMUM:
            rest: list[bytes | memoryview] = [b"".join(self._parts)] if self._size else []
            self._parts, self._size = [], 0
            return rest
        return self._cut(is_last=True)

    def _cut(self, *, is_last: bool) -> list[bytes | memoryview]:
        data = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
        chunks: list[bytes | memoryview] = [*cut(data, is_last=is_last)]
        at = sum(map(len, chunks))
        self._parts = [data[at:]] if at < len(data) else []
        self._size = len(data) - at
        return chunks
