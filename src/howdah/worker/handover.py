"""What code has of a datum is taken out of its folder while it runs, so that it can go on with the next one.

Code may hold folders of its output open and change them at any time, so nothing is looked at where it can be
exchanged: each file is moved, by its name, into a folder that code never had, before it is looked at.
"""

from __future__ import annotations

import os
import stat
from collections import deque
from itertools import count
from pathlib import Path

from howdah.errors import Invalid


def take(source: Path, target: Path) -> None:
    """Move inputs and outputs of one run's folder to another one, which is new; `out` itself stays.

    Raises `Invalid` where the output cannot be moved, or is changed meanwhile.
    """
    for entry in [*os.scandir(source / "pfs")]:
        if entry.name != "out":
            os.rename(entry.path, target / "pfs" / entry.name)
    waiting = deque([(str(source / "pfs/out"), str(target / "pfs/out"))])
    numbers = count()
    while waiting:
        here, there = waiting.popleft()
        path = there[len(str(target / "pfs/out")) :]
        try:
            for entry in [*os.scandir(here)]:
                goal = f"{there}/{entry.name}"
                os.rename(entry.path, goal)
                if stat.S_ISDIR(os.lstat(goal).st_mode):
                    own = f"{target / 'tmp'}/{next(numbers)}"
                    os.rename(goal, own)
                    os.mkdir(goal)
                    waiting.append((own, goal))
            if path:
                os.rmdir(here)  # which refuses what has come meanwhile
        except OSError as error:
            told = f"output {path or '/'} cannot be taken ({error.strerror}): have it written before the next datum"
            raise Invalid(told, kind="output") from error
