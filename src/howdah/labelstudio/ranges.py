"""The Range header of one request, as RFC 9110 has it. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

_ONE = re.compile(r"bytes\s*=\s*(?P<first>\d*)\s*-\s*(?P<last>\d*)\s*\Z", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Span:
    """The bytes from `start` up to and without `end`."""

    start: int
    end: int

    @property
    def length(self) -> int:
        """How many bytes."""
        return self.end - self.start


class Unsatisfiable(ValueError):
    """No byte of the file lies in the range that was asked for."""


def parse_range(header: str | None, size: int) -> Span | None:
    """The part of a file of `size` bytes that `header` asks for; None means all of it.

    A header that is malformed, or that asks for several ranges, is ignored, as the standard allows.
    Raises `Unsatisfiable`.
    """
    match = _ONE.match(header.strip()) if header else None
    if match is None:
        return None
    first, last = match["first"], match["last"]
    if first:
        start, end = int(first), (min(int(last) + 1, size) if last else size)
        if last and int(last) < start:
            return None
    elif last:
        start, end = max(size - int(last), 0), size
    else:
        return None
    if start >= end:
        raise Unsatisfiable(f"range {header} of {size} bytes")
    return Span(start, end)
