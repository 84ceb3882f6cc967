"""The Range header of one request, as RFC 9110 has it, and what answers to it carry. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

MOST = 32
"""More ranges than that in one request are not answered one by one."""

_ALL = re.compile(r"bytes\s*=(?P<ranges>.*)\Z", re.IGNORECASE)
_ONE = re.compile(r"(?P<first>\d{0,20})\s*-\s*(?P<last>\d{0,20})\Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class Span:
    """The bytes from `start` up to and without `end`."""

    start: int
    end: int

    @property
    def length(self) -> int:
        """How many bytes."""
        return self.end - self.start

    def told(self, size: int) -> str:
        """The value of Content-Range for this part of a file of `size` bytes."""
        return f"bytes {self.start}-{self.end - 1}/{size}"


class Unsatisfiable(ValueError):
    """No byte of the file lies in the range that was asked for."""


def parse_ranges(header: str | None, size: int) -> tuple[Span, ...]:
    """The parts of a file of `size` bytes that `header` asks for, in its order; none means all of it.

    A header that is malformed is ignored, as the standard allows, and so is one that asks for more than `MOST` parts,
    or for parts that overlap: those are of no use but to have a server send much for a short question. Parts behind
    the end are left out. Raises `Unsatisfiable` where none is left.
    """
    match = _ALL.match(header.strip()) if header else None
    if match is None:
        return ()
    words = [word.strip() for word in match["ranges"].split(",")]
    found = [_span(word, size) for word in words if word]
    if not found or len(found) > MOST or any(span is None for span in found):
        return ()
    spans = tuple(span for span in found if span is not None and span.length > 0)
    if not spans:
        raise Unsatisfiable(f"range {header} of {size} bytes")
    in_order = sorted(spans, key=lambda span: span.start)
    if any(second.start < first.end for first, second in zip(in_order, in_order[1:], strict=False)):
        return ()
    return spans


def _span(word: str, size: int) -> Span | None:
    """One range, which may have no bytes; None for what is none."""
    match = _ONE.match(word)
    if match is None:
        return None
    first, last = match["first"], match["last"]
    if not first:
        return Span(max(size - int(last), 0), size) if last else None
    if last and int(last) < int(first):
        return None
    start = min(int(first), size)
    return Span(start, max(start, min(int(last) + 1, size) if last else size))


def matches(header: str | None, tag: str | None) -> bool:
    """Whether If-None-Match names the entity tag `tag`."""
    if not header or not tag:
        return False
    return header.strip() == "*" or tag in [word.strip().removeprefix("W/") for word in header.split(",")]
