"""What files are filled with: bytes, pieces, and files of any kind are read alike."""

from __future__ import annotations

import io
import random
import threading
from collections import deque
from collections.abc import Callable, Iterator

import pytest

from howdah.client.sources import Data, Source
from howdah.client.windows import Windows

CONTENT = bytes(range(251)) * 300


class Reader:
    """A file that can only be read, and gives less than is asked for."""

    def __init__(self) -> None:
        self._file = io.BytesIO(CONTENT)

    def read(self, size: int) -> bytes:
        return self._file.read(min(size, 1000))

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._file)


class Slow(io.RawIOBase):
    """A file that fills a part of what it is given."""

    def __init__(self) -> None:
        self._file = io.BytesIO(CONTENT)

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        return self._file.readinto(buffer[:777])


MAKE: dict[str, Callable[[], Data]] = {
    "bytes": lambda: CONTENT,
    "pieces": lambda: (CONTENT[at : at + 999] for at in range(0, len(CONTENT), 999)),
    "some pieces empty": lambda: iter([b"", CONTENT[:5], b"", b"", CONTENT[5:], b""]),
    "file": lambda: io.BytesIO(CONTENT),
    "file that can only be read": Reader,
    "file that fills a part": Slow,
}


@pytest.mark.parametrize("kind", MAKE)
@pytest.mark.parametrize("size", [1, 1000, len(CONTENT) - 1, len(CONTENT), len(CONTENT) + 1])
def test_pieces_are_full_but_the_last(kind: str, size: int) -> None:
    pieces = [*Source(MAKE[kind]()).pieces(size)]
    assert b"".join(pieces) == CONTENT
    assert {len(piece) for piece in pieces[:-1]} <= {size}
    assert len(pieces[-1]) <= size


@pytest.mark.parametrize("kind", MAKE)
def test_what_is_given_back_is_read_again(kind: str) -> None:
    source = Source(MAKE[kind]())
    pieces = source.pieces(1000)
    source.give_back([next(pieces), next(pieces)])
    memory = memoryview(bytearray(len(CONTENT) + 1))
    assert source.fill(memory[:1500]) == 1500
    assert source.fill(memory[1500:]) == len(CONTENT) - 1500
    assert memory[: len(CONTENT)] == CONTENT
    assert source.fill(memory) == 0


def test_content_is_read_in_the_thread_that_asks() -> None:
    threads = set()

    def pieces() -> Iterator[bytes]:
        for _ in range(30):
            threads.add(threading.current_thread())
            yield bytes(1 << 20)

    cut = sum(sum(map(len, one.chunks)) for one in Windows(lend=True).cut(Source(pieces())))
    assert cut == 30 << 20
    assert threads == {threading.current_thread()}


def test_content_that_cannot_be_read_on_is_told() -> None:
    def pieces() -> Iterator[bytes]:
        yield bytes(20 << 20)
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="gone"):
        [*Windows(lend=True).cut(Source(pieces()))]


def test_lent_memory_stays_as_it_is_while_the_next_three_windows_are_worked_on() -> None:
    windows = Windows(lend=True)
    last: deque[tuple[bytes, list[memoryview]]] = deque(maxlen=4)
    for number, size in enumerate([8, 8, 16, 8, 31, 9, 8, 8, 24, 17, 40]):
        zeros = bytes(size << 20)  # the last window of some files holds no chunk
        for data in (zeros, random.Random(number).randbytes(size << 20)):
            for one in windows.cut(Source(data)):
                last.append((b"".join(one.chunks), one.chunks))
                assert all(b"".join(chunks) == before for before, chunks in last)
                assert windows.lent is not None
                assert windows.lent.view[one.at : one.at + len(one.chunks[0])] == one.chunks[0]
