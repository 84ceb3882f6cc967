"""The bytes of a file on their way from the store to one person, however fast or slow that person reads.

Promises: at most a few pieces are in memory, whatever the size of the file; what is asked of the store is let go at the
end, also when the reader leaves early. A slow reader keeps no call to the store open: it is given a small piece, and
the store is asked again when that is gone. A store on this machine is asked where the bytes lie, and sends none.
"""

from __future__ import annotations

import os
import time
from collections.abc import Generator, Iterator
from contextlib import closing, suppress

from howdah.client import files
from howdah.client.channel import Connection
from howdah.digest import of_bytes
from howdah.errors import Corrupt, WrongState
from howdah.labelstudio.ranges import Span
from howdah.names import File

PIECE = 256 * 1024
"""What is handed on at once."""
SLOW = 2.0
"""Seconds for one piece, beyond which a reader is a slow one."""


class Content:
    """What a file of a store holds. One question to a store on this machine tells what it is, and where it begins."""

    def __init__(self, conn: Connection, file: File) -> None:
        self._conn, self.file = conn, file
        self._beginning = files.Located()
        with suppress(WrongState):  # a directory, or a pattern of several files
            self._beginning = files.locate(conn, file, 0, PIECE)
        info = self._beginning.info
        if info is None or info.file.path != file.path:  # a path is taken as a pattern there, and never here
            info, self._beginning = files.inspect(conn, file), files.Located()
        self.info = info

    def pieces(self, span: Span) -> Generator[bytes, None, None]:
        """Exactly that part; raises `Corrupt` if the file ends before it."""
        at, slow = span.start, False
        while at < span.end:
            begun = at
            with closing(self._answers(at, span.end)) as answers:
                for answer in answers:
                    wanted = answer[: span.end - at]
                    if slow:
                        wanted = wanted[:PIECE]
                        answers.close()
                        del answer
                    for piece in _cut(wanted):
                        began = time.monotonic()
                        at += len(piece)
                        yield piece
                        slow = time.monotonic() - began > SLOW
                        if slow:
                            break
                    if slow or at >= span.end:
                        break
            if at == begun:
                raise Corrupt(f"{self.file} ended {span.end - at} bytes early")

    def _answers(self, at: int, end: int) -> Generator[bytes, None, None]:
        """The bytes from `at` to `end` or beyond it: read here where they lie here, and else sent by the store."""
        for data in self._read_here(at, end):
            at += len(data)
            yield data
        if at < end:
            yield from files.get(self._conn, self.file, offset=at)

    def _read_here(self, at: int, end: int) -> Iterator[bytes]:
        """As many of the bytes as are found on this machine, in order and as the store knows them."""
        located = self._beginning if at == 0 else self._locate(at, end)
        while located.places:
            skip = located.skip
            for place in located.places:
                data = _read(place)
                if data is None:
                    return
                yield data[skip:] if skip else data
                at += len(data) - skip
                skip = 0
            if at >= end:
                return
            located = self._locate(at, end)

    def _locate(self, at: int, end: int) -> files.Located:
        return files.locate(self._conn, self.file, at, end - at)


def _read(place: files.Place) -> bytes | None:
    try:
        with open(place.path, "rb", buffering=0) as pack:
            data = os.pread(pack.fileno(), place.size, place.offset)
    except OSError:  # another machine's or container's, another user's, or moved just now
        return None
    return data if of_bytes(data) == place.digest else None


def _cut(data: bytes) -> Iterator[bytes]:
    if len(data) <= PIECE:
        yield data
        return
    for start in range(0, len(data), PIECE):
        yield data[start : start + PIECE]


def chained(first: bytes, rest: Generator[bytes, None, None]) -> Iterator[bytes]:
    """`first`, which was fetched already, and the rest."""
    with closing(rest):
        yield first
        del first
        yield from rest


class Parts:
    """Several parts of a file as one body, multipart/byteranges. `boundary` must not occur in the file."""

    def __init__(self, spans: tuple[Span, ...], size: int, kind: str, boundary: str) -> None:
        self._spans = spans
        self._heads = [
            f"\r\n--{boundary}\r\nContent-Type: {kind}\r\nContent-Range: {span.told(size)}\r\n\r\n".encode()
            for span in spans
        ]
        self._end = f"\r\n--{boundary}--\r\n".encode()
        self.kind = f"multipart/byteranges; boundary={boundary}"
        """The body's Content-Type."""
        self.length = sum(map(len, self._heads)) + sum(span.length for span in spans) + len(self._end)
        """The body's Content-Length."""

    def body(self, content: Content) -> Generator[bytes, None, None]:
        """The body's bytes."""
        for head, span in zip(self._heads, self._spans, strict=True):
            yield head
            yield from content.pieces(span)
        yield self._end
