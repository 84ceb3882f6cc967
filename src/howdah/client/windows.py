"""Cut the content of large files into the chunks that the store would cut it into, some megabytes at a time."""

from __future__ import annotations

from collections.abc import Iterator

from howdah.chunker import cut

_WINDOW = 16 << 20


class Windows:
    """Cuts one file after the other, in memory that is used again. For one thread at a time."""

    def __init__(self) -> None:
        self._filling, self._other = bytearray(_WINDOW), bytearray(_WINDOW)

    def cut(self, pieces: Iterator[bytes]) -> Iterator[list[memoryview]]:
        """The chunks of a file whose content comes in small pieces, in order, many at a time, never none.

        A list's chunks are there until the next list, of this file or of another, was looked at and one more is
        asked for.
        """
        used = 0
        for piece in pieces:
            if used + len(piece) > _WINDOW:
                view = memoryview(self._filling)[:used]
                chunks = cut(view, is_last=False)
                yield chunks
                rest = view[sum(map(len, chunks)) :]
                self._turn()
                self._filling[: len(rest)] = rest
                used = len(rest)
            self._filling[used : used + len(piece)] = piece
            used += len(piece)
        if used:
            yield cut(memoryview(self._filling)[:used], is_last=True)
            self._turn()

    def _turn(self) -> None:
        self._filling, self._other = self._other, self._filling
