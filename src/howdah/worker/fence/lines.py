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
        self._last: deque[bytes] = deque()
        self._held = 0
        self._dropped = 0

    def feed(self, data: bytes) -> list[str]:
        """The lines that these bytes complete, as long as few have been told."""
        *whole, rest = data.split(b"\n")
        told: list[str] = []
        for part in whole:
            self._begun += part
            told += self._cut(ends=True)
        self._begun += rest
        return told + self._cut(ends=False)

    def end(self) -> list[str]:
        """What is left to tell: how many lines are left out, and those after them."""
        if self._begun:
            self._keep(bytes(self._begun))
        left_out = [f"({self._dropped} bytes of output are left out here)"] if self._dropped else []
        return [*left_out, *map(_text, self._last)]

    def _cut(self, *, ends: bool) -> list[str]:
        """The complete lines of what has begun; of one that has not ended, only what is too long for one."""
        told = []
        while len(self._begun) > LENGTH or ends:
            line = bytes(self._begun[:LENGTH])
            ends = ends and len(self._begun) > LENGTH
            del self._begun[:LENGTH]
            if len(line) < self._left:
                self._left -= len(line) + 1
                told.append(_text(line))
            else:
                self._left = 0
                self._keep(line)
        return told

    def _keep(self, line: bytes) -> None:
        self._last.append(line)
        self._held += len(line) + 1
        while self._held > self._room:
            size = len(self._last.popleft()) + 1
            self._held -= size
            self._dropped += size


def _text(line: bytes) -> str:
    return line.decode("utf-8", "backslashreplace").removesuffix("\r")
