"""What a file is filled with, be it bytes, pieces or a file: read into memory that is used again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import BinaryIO, Protocol, TypeAlias


class Readable(Protocol):
    """A file as far as it is needed."""

    def readinto(self, view: memoryview, /) -> int | None:
        """Put the next bytes there; returns how many, none only at the end."""


Data: TypeAlias = bytes | Iterable[bytes] | BinaryIO | Readable
"""What a file can be filled with."""

_BLOCK = 1 << 20


class Source:
    """Content in order, read by whoever asks, in his own thread."""

    def __init__(self, data: Data) -> None:
        self._ahead: list[bytes] = []  # given back, in order
        self._read_some = _reader(data)

    def fill(self, view: memoryview) -> int:
        """Put the next bytes there; returns how many, fewer than there is room for only at the end."""
        at = 0
        while self._ahead and at < len(view):
            piece = self._ahead.pop(0)
            taken = min(len(piece), len(view) - at)
            view[at : at + taken] = piece[:taken]
            if taken < len(piece):
                self._ahead.insert(0, piece[taken:])
            at += taken
        while at < len(view) and (got := self._read_some(view[at:])):
            at += got
        return at

    def pieces(self, size: int) -> Iterator[bytes]:
        """All of it in pieces of that size, the last one shorter; none of them empty."""
        memory = memoryview(bytearray(size))
        while got := self.fill(memory):
            yield bytes(memory[:got])

    def give_back(self, pieces: list[bytes]) -> None:
        """Have these read again next."""
        self._ahead = pieces + self._ahead


def _reader(data: Data) -> Callable[[memoryview], int]:
    """What puts at least a byte into a view, and returns how many; none only at the end."""
    read_into = getattr(data, "readinto", None)
    if read_into is not None:
        return lambda view: read_into(view) or 0
    blocks = _blocks(data)
    held = memoryview(b"")

    def read(view: memoryview) -> int:
        nonlocal held
        while not held:
            block = next(blocks, None)
            if block is None:
                return 0
            held = memoryview(block)
        taken = min(len(held), len(view))
        view[:taken] = held[:taken]
        held = held[taken:]
        return taken

    return read


def _blocks(data: Data) -> Iterator[bytes]:
    if isinstance(data, bytes):
        return iter((data,))
    read = getattr(data, "read", None)
    if read is not None:  # a file is an iterable too, of lines: it is read by its method
        return iter(lambda: read(_BLOCK), b"")
    assert isinstance(data, Iterable)
    return iter(data)
