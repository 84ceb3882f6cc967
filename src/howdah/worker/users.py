"""Whom code runs as, and what the kernel counts for him."""

from __future__ import annotations

import os
import platform
import re
from contextlib import suppress

FIRST = 61184  # of those that systems give to services for as long as they run
_APART = (5, 14)  # from this version of Linux on, processes in a user namespace are counted apart


def of_slot(number: int) -> int | None:
    """Whom the code of a slot runs as: a user of its own where we are root, whose processes no limit counts.

    Who is root in a user namespace alone, without other users in it, is somebody whose processes are counted.
    """
    return FIRST + number if os.geteuid() == 0 and not _is_alone() else None


def _is_alone() -> bool:
    """Whether we are somebody else outside of our user namespace, and nobody else is in it."""
    try:
        with open("/proc/self/uid_map", encoding="ascii") as file:
            found = [[int(word) for word in line.split()] for line in file]
    except FileNotFoundError:  # of systems without such namespaces
        return False
    return len(found) == 1 and found[0][1] != 0 and found[0][2] == 1


def counted(*, plain: bool) -> int:
    """How many processes, and threads, of others count against the limit of a slot's code."""
    is_apart = of_slot(0) is not None or (not plain and _version() >= _APART)
    return 0 if is_apart else _tasks()


def _tasks() -> int:
    """The threads of all processes of this user, where the system tells them."""
    total = 0
    with suppress(OSError):
        for process in os.scandir("/proc"):
            with suppress(OSError):
                if process.name.isdecimal() and process.stat().st_uid == os.geteuid():
                    total += len(os.listdir(f"{process.path}/task"))
    return total


def _version() -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", platform.release())[:2]))
