"""Reads a pipeline's log (`logs`), the oldest line first, piece by piece, while it is written.

What is no record is passed over: a line that a crash has torn, or one that is still being written.
"""

from __future__ import annotations

import base64
import json
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from howdah.infos import LogLine
from howdah.names import Pipeline
from howdah.pfs import clock
from howdah.pps.logs import Files, segments

_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which lines: of a job, of a datum (its id, or how that begins), of one with all these files (paths or digests).

    Those of the driver with `master`, and else all others; none older than `since` (as rows have times); of what is
    there the last `tail`, or all with 0.
    """

    pipeline: Pipeline
    job: str = ""
    datum: str = ""
    data: tuple[str, ...] = ()
    master: bool = False
    since: int = 0
    tail: int = 0

    def takes(self, line: LogLine) -> bool:
        """Whether the line is one of them, wherever it is."""
        return (
            line.master is self.master
            and (not self.job or line.job == self.job)
            and line.datum.startswith(self.datum)
            and (line.time is None or line.time >= clock.moment(self.since))
            and (not self.data or _has_all(line.inputs, self.data))
        )


def _has_all(inputs: Files, data: tuple[str, ...]) -> bool:
    known = {form for path, digest in inputs for form in _forms(path, digest)}
    return all(each in known or each.strip("/") in known for each in data)


def _forms(path: str, digest: bytes) -> tuple[str, ...]:
    return path.strip("/"), digest.hex(), base64.b64encode(digest).decode()


class Reading:
    """One reader's way through a log, from the oldest line that is wanted. For one thread at a time.

    It holds no file open, so it may rest for as long as its reader likes.
    """

    def __init__(self, folder: Path, wanted: Wanted) -> None:
        self._folder = folder
        self._wanted = wanted
        self._needles = [each.encode() for each in (wanted.job, wanted.datum) if each]
        self._begun = 0  # the segment, by its time, and how far it has been read
        self._offset = 0
        self._inputs: dict[tuple[str, str], Files] = {}
        self._is_placed = False

    def take(self) -> tuple[list[LogLine], bool]:
        """The next lines, of a piece of the log that may have none, and whether that is the log's end for now."""
        found = segments(self._folder)
        if not self._is_placed:
            self._place(found)
            self._is_placed = True
        left = [each for each in found if each[0] >= self._begun]
        if not left:
            return [], True
        begun, path = left[0]
        if begun != self._begun:
            self._go(begun)
        piece = _piece(path, self._offset)
        if not piece:
            if len(left) > 1:  # it was complete when the next one was begun, and that was before it was read
                self._go(left[1][0])
            return [], len(left) == 1
        lines = [line for _, line in self._lines(piece, 0)]
        self._offset += len(piece)
        return lines, False

    def _go(self, begun: int) -> None:
        self._begun, self._offset = begun, 0
        self._inputs.clear()

    def _place(self, found: list[tuple[int, Path]]) -> None:
        """Go to the segment, or with `tail` to the line, where what is wanted begins."""
        ends = [*(begun for begun, _ in found[1:]), None]
        fresh = [each for each, end in zip(found, ends, strict=False) if end is None or end > self._wanted.since]
        left = self._wanted.tail
        if left <= 0:
            self._go(fresh[0][0] if fresh else 0)
            return
        for begun, path in reversed(fresh):
            self._go(begun)
            offsets = deque(self._offsets(path), maxlen=left)
            left -= len(offsets)
            if not left:
                self._offset = offsets[0]
                return

    def _offsets(self, path: Path) -> Iterator[int]:
        """Where the lines of a segment that are wanted begin."""
        at = 0
        while piece := _piece(path, at):
            for offset, _ in self._lines(piece, at):
                yield offset
            at += len(piece)

    def _lines(self, piece: bytes, at: int) -> Iterator[tuple[int, LogLine]]:
        """The wanted lines of a piece that begins there, each with where it begins; the inputs of datums are noted."""
        for raw in piece.split(b"\n"):
            if all(needle in raw for needle in self._needles):
                with suppress(ValueError, TypeError, KeyError, AttributeError):  # it is no record of ours
                    line = self._line(json.loads(raw))
                    if line is not None and self._wanted.takes(line):
                        yield at, line
            at += len(raw) + 1

    def _line(self, record: dict[str, Any]) -> LogLine | None:
        key = (str(record.get("job", "")), str(record.get("datum", "")))
        if "inputs" in record:
            self._inputs[key] = tuple((str(path), bytes.fromhex(digest)) for path, digest in record["inputs"])
            return None
        return LogLine(
            str(record["message"]),
            self._wanted.pipeline,
            job=key[0],
            datum=key[1],
            worker=str(record.get("worker", "")),
            master=bool(record.get("master")),
            user=bool(record.get("user")),
            time=_time(record["time"]),
            inputs=self._inputs.get(key, ()),
        )


def _time(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError(text)
    return found


def _piece(path: Path, offset: int) -> bytes:
    """Whole lines of a file from there on, about a megabyte of them; none at its end, or where it is gone."""
    data = b""
    try:
        with path.open("rb", buffering=0) as file:
            file.seek(offset)
            while b"\n" not in data[-_PIECE:]:
                more = file.read(_PIECE)
                if not more:
                    return b""
                data += more
    except OSError:
        return b""
    return data[: data.rfind(b"\n") + 1]
