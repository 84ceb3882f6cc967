"""Cut the content of large files into the chunks that the store would cut it into, some megabytes at a time."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import NamedTuple

from howdah.chunker import MAXIMUM, cut
from howdah.client.sources import Source
from howdah.digest import Digest, of_bytes
from howdah.lent import HEAD, Lent

_WINDOW = 8 << 20
_COUNT = 3  # one that is being filled, one that is being cut, and one whose chunks are being sent
_LENT = 5  # and two whose chunks the store may be reading, until it answers to the window after the next one


class Cut(NamedTuple):
    """The chunks of one window, what is left over, and where in lent memory the first begins."""

    chunks: list[memoryview]
    rest: memoryview
    at: int

    def digests(self) -> list[Digest]:
        """What names the chunks, hashed now."""
        return [of_bytes(chunk) for chunk in self.chunks]


class Windows:
    """Cuts one file after the other, in memory that is used again. For one thread at a time.

    Content is read and hashed in the thread that asks for its chunks. What was read before is meanwhile cut in another,
    which ends when this is gone: that takes about as long as both of the others.
    """

    def __init__(self, *, lend: bool) -> None:
        # Before what is read stands what the last window left: less than a chunk.
        size = MAXIMUM + _WINDOW
        self.lent = _lent(_LENT * size) if lend else None
        """The memory in which chunks stand, if another process may read it."""
        if self.lent is None:
            self._memories = [(memoryview(bytearray(size)), 0) for _ in range(_COUNT)]
        else:
            self._memories = [(self.lent.view[at : at + size], at) for at in range(HEAD, len(self.lent.view), size)]
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="cut")

    def cut(self, source: Source) -> Iterator[Cut]:
        """The chunks of a file in order, many at a time.

        They are there until the next ones, of this file or of another, were looked at and more are asked for.
        """
        work: Future[Cut] | None = None
        is_last = False
        while not is_last:
            memory, at = self._memories.pop(0)
            self._memories.append((memory, at))
            got = source.fill(memory[MAXIMUM:])
            is_last = got < _WINDOW
            done = work.result() if work is not None else None
            rest = done.rest if done is not None else memory[:0]
            begin = MAXIMUM - len(rest)
            memory[begin:MAXIMUM] = rest
            work = self._thread.submit(_cut, memory[begin : MAXIMUM + got], at + begin, is_last=is_last)
            if done is not None:
                yield done
        assert work is not None
        if work.result().chunks:
            yield work.result()
        else:  # the window before was cut to its end
            self._memories.insert(0, self._memories.pop())


def _lent(size: int) -> Lent | None:
    with suppress(OSError):
        return Lent(size)
    return None


def _cut(window: memoryview, at: int, *, is_last: bool) -> Cut:
    chunks = cut(window, is_last=is_last)
    return Cut(chunks, window[sum(map(len, chunks)) :], at)
