"""What code prints, as lines of text: the first ones as they come, of the rest the last ones, at the end.

Code may print anything, without end and without a line's end: what is kept is bounded, and what is not is counted.
"""

from __future__ import annotations

from collections import deque

LENGTH = 16 << 10  # of a line; a longer one is told in several


class Lines:
    """Takes bytes as they come; holds at most `limit` of them, and gives at most as many."""

    def __init__(self, limit: int) -> None:
        self._left = limit // 2
        self._room = limit - self._left
        self._begun = bytearray()
        self._rest: deque[bytes] = deque()  # what is no longer told as it comes: not looked at, since it may be much
        self._held = 0
        self._dropped = 0

    def feed(self, data: bytes) -> list[str]:
        """The lines that these bytes complete, as long as few have been told."""
        if not self._left:
            self._hold(data)
            return []
        told: list[str] = []
        self._begun += data
        while (line := self._next()) is not None:
            if len(line) >= self._left:
                self._left = 0
                self._hold(line + b"\n" + self._begun)
                self._begun.clear()
                break
            self._left -= len(line) + 1
            told.append(_text(line))
        return told

    def end(self) -> list[str]:
        """What is left to tell: how many bytes are left out, and the lines after them."""
        data = b"".join(self._rest) + self._begun
        first = max(0, len(data) - self._room)
        if first or self._dropped:  # the first line that is whole
            first = data.find(b"\n", first, first + LENGTH) + 1 or first
        dropped = self._dropped + first
        left_out = [f"({dropped} bytes of output are left out here)"] if dropped else []
        lines = data[first:].removesuffix(b"\n").split(b"\n") if data[first:] else []
        parts = (line[at : at + LENGTH] for line in lines for at in range(0, len(line) or 1, LENGTH))
        return [*left_out, *map(_text, parts)]

    def _next(self) -> bytes | None:
        """The next line, or as much of a long one as one may have; None while it has not ended."""
        size = self._begun.find(b"\n", 0, LENGTH + 1)
        if size < 0 and len(self._begun) <= LENGTH:
            return None
        line = bytes(self._begun[: LENGTH if size < 0 else size])
        del self._begun[: LENGTH if size < 0 else size + 1]
        return line

    def _hold(self, data: bytes) -> None:
        self._rest.append(data)
        self._held += len(data)
        while self._held - len(self._rest[0]) >= self._room:
            size = len(self._rest.popleft())
            self._held -= size
            self._dropped += size


def _text(line: bytes) -> str:
    return line.decode("utf-8", "backslashreplace").removesuffix("\r")
