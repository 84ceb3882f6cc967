"""What a run may use, and how that is kept: by limits of the kernel for each process, and by looking at all of them."""

from __future__ import annotations

import os
import resource
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

_TICK = 0.1  # seconds between two looks
_SHARE = 20  # of so many seconds at most one is spent looking
_PAGE = os.sysconf("SC_PAGESIZE")
_ENTRY = 512  # bytes that the smallest file counts for
_LEAST = 32 << 20  # bytes of memory, without which nothing starts
_RESERVE, _PART = 1 << 30, 20  # of a disk a twentieth, and at most so many bytes


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one run: processes, bytes of memory, processors, bytes written, seconds, bytes of output kept; 0 is no limit.

    `reserve` are the bytes of the disk that are left to others whatever is allowed: None is a twentieth of the disk, at
    most a GiB. `turn` says which of the processors.
    """

    processes: int = 1024
    memory: int = 0
    processors: int = 0
    disk: int = 0
    seconds: float = 0.0
    output: int = 1 << 20
    reserve: int | None = None
    turn: int = 0

    def hold(self, free: int) -> None:
        """Let the kernel hold this process, and all that it starts, to them."""
        _limit(resource.RLIMIT_CORE, 0)
        _limit(resource.RLIMIT_NPROC, self.processes)
        _limit(resource.RLIMIT_FSIZE, min(self.disk or free, free))
        if self.memory:
            _limit(resource.RLIMIT_DATA, max(self.memory, _LEAST))
        if self.processors and sys.platform == "linux":
            own = sorted(os.sched_getaffinity(0))
            os.sched_setaffinity(0, {own[(self.turn + n) % len(own)] for n in range(self.processors)})
        with suppress(OSError), open("/proc/self/oom_score_adj", "w", encoding="utf-8") as file:
            file.write("1000")  # ended before the store is, where the machine has no memory left


def _limit(kind: int, value: int) -> None:
    _, hard = resource.getrlimit(kind)
    allowed = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(kind, (allowed, allowed))


class Watch:
    """Looks at what a run uses, more seldom where looking takes long; `places` are the folders that it can fill."""

    def __init__(self, limits: Limits, places: tuple[str, ...], shared: str = "") -> None:
        self._limits = limits
        self._places = places
        self._shared = shared
        self._next = time.monotonic() + _TICK

    def wait(self) -> float:
        """Seconds until it is time to look."""
        return max(0.0, self._next - time.monotonic())

    def look(self, processes: Iterable[int]) -> str:
        """What these processes have too much of; empty as long as all is well, or it is not yet time."""
        begun = time.monotonic()
        if begun < self._next:
            return ""
        found = self._disk() or self._memory(processes)
        ended = time.monotonic()
        self._next = ended + max(_TICK, (ended - begun) * _SHARE)
        return found

    def _disk(self) -> str:
        limits = self._limits
        if short := lacking(self._places[0], limits.reserve):
            return short
        if limits.disk and written(self._places, limits.disk) > limits.disk:
            return f"more than {limits.disk} bytes were written: write less, or raise resource_limits.disk"
        return ""

    def _memory(self, processes: Iterable[int]) -> str:
        limit = self._limits.memory
        if not limit:
            return ""
        known = list(processes)
        used = _used(self._shared)
        if used + sum(map(_private, known)) > limit and used + sum(map(_proportional, known)) > limit:
            return f"more than {limit} bytes of memory were used: use less, or raise resource_limits.memory"
        return ""


def free(place: str, reserve: int | None) -> int:
    """The bytes that can be written beyond the reserve; none where the disk can take no more files."""
    found = os.statvfs(place)
    kept = _kept(found) if reserve is None else reserve
    return max(0, found.f_bavail * found.f_frsize - kept) if found.f_favail or not found.f_files else 0


def lacking(place: str, reserve: int | None) -> str:
    """What is wrong where nothing can be written beyond the reserve, with the remedy; else empty."""
    if free(place, reserve) > 0:
        return ""
    found = os.statvfs(place)
    if not found.f_favail and found.f_files:
        return "the disk can take no more files: remove some from it"
    kept = _kept(found) if reserve is None else reserve
    left = (found.f_bavail * found.f_frsize) >> 20
    return f"the disk has {left} MiB free, and {kept >> 20} MiB of it are left to others: make room on it"


def _kept(found: os.statvfs_result) -> int:
    return min(_RESERVE, found.f_blocks * found.f_frsize // _PART)


def written(places: Iterable[str], enough: int) -> int:
    """The bytes of all files below, counted until there are more than enough. What vanishes meanwhile is nothing."""
    total = 0
    waiting = list(places)
    while waiting and total <= enough:
        with suppress(OSError), os.scandir(waiting.pop()) as entries:
            for entry in entries:
                with suppress(OSError):
                    total += _ENTRY + entry.stat(follow_symlinks=False).st_blocks * 512
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
    return total


def _used(shared: str) -> int:
    """The bytes in a file system in memory."""
    if not shared:
        return 0
    found = os.statvfs(shared)
    return (found.f_blocks - found.f_bfree) * found.f_frsize


def _private(process: int) -> int:
    """The memory that is no file's; what is shared since a fork counts for each."""
    try:
        with open(f"/proc/{process}/statm", encoding="utf-8") as file:
            _, resident, shared, *_ = map(int, file.read().split())
    except (OSError, ValueError):
        return 0
    return (resident - shared) * _PAGE


def _proportional(process: int) -> int:
    """As `_private`, what is shared divided among those who share it; takes the kernel longer."""
    try:
        with open(f"/proc/{process}/smaps_rollup", encoding="utf-8") as file:
            fields = [line.split() for line in file]
    except OSError:
        return _private(process)
    return sum(int(words[1]) << 10 for words in fields if words[0] == "Pss_Anon:")
