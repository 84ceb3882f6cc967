"""The processes below a server, and their ends: found by their parents, told apart by when they began."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

_BEGAN = 19  # of the fields behind the name in /proc/PID/stat


class Process(NamedTuple):
    """A process; another that gets its number later has begun at another time."""

    number: int
    began: str

    @property
    def is_there(self) -> bool:
        """Whether it has not ended."""
        return _began(self.number) == self.began

    def kill(self) -> None:
        """End it as the machine would that needs its memory."""
        with suppress(ProcessLookupError):
            if self.is_there:
                os.kill(self.number, signal.SIGKILL)


def below(parent: int) -> list[Process]:
    """The processes that a process has started and that have not ended."""
    found = []
    for file in Path(f"/proc/{parent}/task").glob("*/children"):
        with suppress(OSError):
            found += [int(number) for number in file.read_text().split()]
    return [Process(number, began) for number in found if (began := _began(number))]


def worker(server: int) -> Process | None:
    """A server's worker, if one is there."""
    return next(iter(below(server)), None)


def fences(server: int) -> list[Process]:
    """The fences of a server's worker."""
    found = worker(server)
    return below(found.number) if found is not None else []


def runs(server: int) -> list[Process]:
    """The first processes of the runs that are under way; a fence is two, one in the other."""
    return _below(_below(fences(server)))


def codes(server: int) -> list[Process]:
    """The code that is run."""
    return _below(runs(server))


def _below(parents: list[Process]) -> list[Process]:
    return [process for parent in parents for process in below(parent.number)]


def _began(number: int) -> str:
    try:
        told = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return told[_BEGAN] if told[0] not in "ZX" else ""
