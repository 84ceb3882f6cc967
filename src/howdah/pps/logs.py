"""What the code of pipelines prints, and what their drivers and workers tell: a log for each pipeline, lines of JSON.

LOGS/default.edges.1f0c9a4be2d37a65/    a pipeline's log: its names, as far as they fit, and a digest of them
    00001700000000000000.jsonl          a segment, by when it was begun (microseconds); lines go to the last one

Logs promise little: they are no part of commits or backups, nothing waits for the disk, and a job never fails by them.
What cannot be written is counted, and told with the first line that can. Each datum, each pipeline and all together
have a bound, and lines have a last age; the oldest segments go.

A record is a line (`LogLine`, by its fields), or tells the inputs of a datum: once in each segment, before its lines.
"""

from __future__ import annotations

import json
import logging
import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path
from typing import Any

from howdah.infos import LogLine
from howdah.names import Pipeline
from howdah.pfs import clock
from howdah.pps.striking import Strike

_log = logging.getLogger(__name__)

SUFFIX = ".jsonl"
_NAMES = 80  # characters of names in the name of a folder
_FILES = 1000  # of a datum, that are told with its lines
_DATUMS = 5000  # of a pipeline, of which is remembered how much they have printed and what their files are
_ALL_FILES = 20_000  # of all of these
_ACTIVE = 50  # pipelines of whose datums something is remembered
_DAY = 24 * 3600 * 1_000_000  # microseconds
_MIB = 1 << 20

Files = tuple[tuple[str, bytes], ...]
_Datum = tuple[str, str]  # its job's id and its own


@dataclass(frozen=True, slots=True)
class Bounds:
    """Bytes: of what a datum prints, of a segment, of a pipeline's log, of all; what is left free; microseconds."""

    datum: int = 4 * _MIB
    segment: int = 16 * _MIB
    pipeline: int = 256 * _MIB
    total: int = 4096 * _MIB
    free: int = 64 * _MIB
    age: int = 30 * _DAY


class Logs:
    """The logs of a store's pipelines, in a folder of their own. For any thread; one process has the folder."""

    def __init__(self, folder: Path, now: Callable[[], int], bounds: Bounds = Bounds()) -> None:  # noqa: B008
        self._folder = folder
        self._now = now
        self._bounds = bounds
        self._logs: dict[Pipeline, _Log] = {}
        self._active: OrderedDict[Pipeline, _Log] = OrderedDict()
        self._wakes: list[Callable[[], None]] = []
        self._lock = threading.Lock()
        self._sweeping = threading.Lock()
        self._sweep()

    def write(self, pipeline: Pipeline, lines: Sequence[LogLine], strike: Strike = Strike()) -> None:  # noqa: B008
        """Add lines to a pipeline's log, in their order; those without a time are of now. Raises nothing.

        Many lines at once cost little more than one. `strike` takes words out of them that nobody may read. The inputs
        of a datum need come with the first of its lines alone.
        """
        if not lines:
            return
        with self._lock:
            log = self._logs.get(pipeline)
            if log is None:
                log = self._logs[pipeline] = _Log(self.place(pipeline), self._bounds)
            self._active.pop(pipeline, None)
            self._active[pipeline] = log
            idle = self._active.popitem(last=False)[1] if len(self._active) > _ACTIVE else None
        if idle is not None:
            idle.forget()
        now = self._now()
        moment = clock.moment(now)
        told = [
            replace(line, message=strike(_sound(line.message)), time=line.time or moment, pipeline=None)
            for line in lines
        ]
        if log.write(told, now):
            self._sweep()
        for wake in [*self._wakes]:
            wake()

    def place(self, pipeline: Pipeline) -> Path:
        """The folder of a pipeline's log, which need not be there."""
        name = f"{pipeline.project}.{pipeline.name}"
        return self._folder / f"{name[:_NAMES]}.{blake2b(str(pipeline).encode(), digest_size=8).hexdigest()}"

    def watch(self, wake: Callable[[], None]) -> Callable[[], None]:
        """Call `wake` after each write, in the writer's thread; returns the function that ends this."""
        with self._lock:
            self._wakes.append(wake)

        def stop() -> None:
            with self._lock, suppress(ValueError):
                self._wakes.remove(wake)

        return stop

    def _sweep(self) -> None:
        """Remove the segments that are too old, and the oldest of the largest log while all together are too large."""
        if not self._sweeping.acquire(blocking=False):
            return  # somebody else does
        try:
            _sweep(self._folder, self._bounds, self._now())
        finally:
            self._sweeping.release()


def segments(folder: Path) -> list[tuple[int, Path]]:
    """The segments of a log, each with when it was begun, the oldest first."""
    found = []
    with suppress(OSError):
        for path in folder.iterdir():
            if path.suffix == SUFFIX and path.stem.isdecimal():
                found.append((int(path.stem), path))
    return sorted(found)


@dataclass(slots=True)
class _About:
    """What is known of a datum: the bytes that it has printed, its files, and which turn of the segments tells them."""

    printed: int = 0
    files: Files = ()
    told: int = 0


class _Log:
    """A pipeline's log, as who writes it knows it: its last segment, and what is told there already."""

    def __init__(self, folder: Path, bounds: Bounds) -> None:
        self._folder = folder
        self._bounds = bounds
        self._lock = threading.Lock()
        found = segments(folder)
        self._begun = found[-1][0] if found else 0
        self._size = -1  # as it is not known yet what the segment tells
        self._turn = 0  # another with each segment
        self._lost = 0
        self._recent: OrderedDict[_Datum, _About] = OrderedDict()
        self._files = 0  # of all of these

    def write(self, lines: Sequence[LogLine], now: int) -> bool:
        """Add the lines; whether a segment was begun."""
        with self._lock:
            try:
                return self._write(lines, now)
            except OSError as error:
                if not self._lost:
                    _log.warning("lines of the log %s are lost: %s", self._folder.name, error.strerror)
                self._lost += len(lines)
                return False

    def _write(self, lines: Sequence[LogLine], now: int) -> bool:
        begins = self._size >= self._bounds.segment or now - self._begun > _DAY
        if begins:
            self._begun = max(now, self._begun + 1)  # the clock may have been set back
        file = self._open()
        try:
            size = os.fstat(file).st_size
            if size != self._size:  # a new one, or one that somebody has removed
                self._turn += 1
            disk = os.fstatvfs(file)
            if disk.f_bavail * disk.f_frsize < self._bounds.free:
                raise OSError(0, "the disk is nearly full")
            torn = size > 0 and os.pread(file, 1, size - 1) != b"\n"
            self._append(file, size, b"\n" * torn + b"".join(self._records(lines)))
        finally:
            os.close(file)
        self._lost = 0
        return begins

    def _open(self) -> int:
        path = self._folder / f"{self._begun:020}{SUFFIX}"
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        try:
            return os.open(path, flags, 0o600)
        except FileNotFoundError:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            return os.open(path, flags, 0o600)

    def _append(self, file: int, size: int, data: bytes) -> None:
        """All of the data, or if that cannot be, nothing."""
        left = memoryview(data)
        try:
            while left:
                left = left[os.write(file, left) :]
        except OSError:
            with suppress(OSError):
                os.ftruncate(file, size)
            self._size = -1
            raise
        self._size = size + len(data)

    def _records(self, lines: Sequence[LogLine]) -> Iterator[bytes]:
        if self._lost:
            yield _record(replace(lines[0], message=f"({self._lost} lines could not be kept here)", user=False))
        for line in lines:
            about = self._about(line)
            kept = self._bounded(line, about) if line.datum and line.user else line
            if kept is None:
                continue
            if about.files and about.told != self._turn:
                about.told = self._turn
                yield _inputs(line, about.files)
            yield _record(kept)

    def _about(self, line: LogLine) -> _About:
        """What is known of the line's datum, with what the line tells; it is remembered for a while."""
        key = (line.job, line.datum)
        about = self._recent.pop(key, None) or _About()
        if line.inputs:
            self._files += min(len(line.inputs), _FILES) - len(about.files)
            about.files = line.inputs[:_FILES]
        self._recent[key] = about
        while len(self._recent) > _DATUMS or self._files > _ALL_FILES:
            self._files -= len(self._recent.popitem(last=False)[1].files)
        return about

    def _bounded(self, line: LogLine, about: _About) -> LogLine | None:
        """The line, if the datum may print it; where its bound is reached, that this is so; then None."""
        printed = about.printed
        about.printed += len(line.message.encode()) + 1
        if about.printed <= self._bounds.datum:
            return line
        if printed > self._bounds.datum:
            return None
        text = f"(what this datum prints from here on is left out: it is more than {self._bounds.datum} bytes)"
        return replace(line, message=text, user=False)

    def forget(self) -> None:
        """Know nothing of any datum."""
        with self._lock:
            self._recent.clear()
            self._files = 0


def _sound(message: str) -> str:
    """The message without a line's end, and with halves of characters as escapes."""
    return message.rstrip("\r\n").encode("utf-8", "backslashreplace").decode()


def _record(line: LogLine) -> bytes:
    assert line.time is not None  # each line gets one before it comes here
    record: dict[str, Any] = {"time": line.time.isoformat(timespec="microseconds")}
    for field in ("job", "datum", "worker", "master", "user"):
        value = getattr(line, field)
        if value:
            record[field] = value
    record["message"] = line.message
    return _encoded(record)


def _inputs(line: LogLine, files: Files) -> bytes:
    return _encoded({"job": line.job, "datum": line.datum, "inputs": [[path, digest.hex()] for path, digest in files]})


def _encoded(record: dict[str, Any]) -> bytes:
    return json.dumps(record, ensure_ascii=False).encode("utf-8", "replace") + b"\n"


def _sweep(folder: Path, bounds: Bounds, now: int) -> None:
    """See `Logs._sweep`."""
    found: dict[Path, list[tuple[Path, int]]] = {}
    with suppress(OSError):
        for each in folder.iterdir():
            found[each] = []
            for _, path in segments(each):
                with suppress(OSError):
                    told = path.stat()
                    if told.st_mtime_ns // 1000 < now - bounds.age:
                        path.unlink()
                    else:
                        found[each].append((path, told.st_size))
            if not found[each]:
                with suppress(OSError):
                    each.rmdir()
    sizes = {each: sum(size for _, size in held) for each, held in found.items()}
    while sizes:
        largest = max(sizes, key=sizes.__getitem__)
        if not found[largest] or (sizes[largest] <= bounds.pipeline and sum(sizes.values()) <= bounds.total):
            return
        path, size = found[largest].pop(0)
        sizes[largest] -= size
        with suppress(OSError):
            path.unlink()
